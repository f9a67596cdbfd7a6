# cli.sh - what the tests of the command line share: a home of their own, JSON by sqlite3, and the rules of failing.
#	. tests/lib/cli.sh
#	check layers test "$($T info sample --json | jget '$.layers')" = 4
#	check unknown_model fails "no such" $T info nowhere
#	check no_model usage "MODEL is missing" $T info
#	finish
. tests/lib/tap.sh
D=$(mktemp -d "${TMPDIR:-/tmp}/t2cli.XXXXXX")
trap 'rm -rf "$D"' EXIT
export HOME=$D XDG_DATA_HOME=$D/data XDG_CACHE_HOME=$D/cache XDG_CONFIG_HOME=$D/config
TINY=$SHARED/models/tinystories-656k
have_tiny() { [ -r "$TINY/model.safetensors" ]; }

# One value of the JSON on standard input; objects and lists as JSON.
jget() {
	cat >"$D/j.$$"
	sqlite3 :memory: "SELECT json_extract(CAST(readfile('$D/j.$$') AS TEXT), '$1')"
}
# An SQL expression over the JSON on standard input, called j: jtest "json_array_length(j, '$.ids') = 3"
jtest() {
	cat >"$D/j.$$"
	[ "$(sqlite3 :memory: "SELECT ($1) IS TRUE FROM (SELECT CAST(readfile('$D/j.$$') AS TEXT) AS j)")" = 1 ] && return
	echo "not true: $1"
	head -c 1000 "$D/j.$$"
	return 1
}
# ends STATUS PATTERN COMMAND...: that exit status, nothing on stdout, one line "t2tui: ..." on stderr that matches.
ends() {
	want=$1 pattern=$2
	shift 2
	"$@" >"$D/out.$$" 2>"$D/err.$$" </dev/null
	rc=$?
	if [ $rc -eq "$want" ] && [ ! -s "$D/out.$$" ] && [ "$(wc -l <"$D/err.$$")" -eq 1 ] &&
		grep -q '^t2tui: ' "$D/err.$$" && grep -q -- "$pattern" "$D/err.$$"; then
		return 0
	fi
	echo "status $rc, wanted $want and \"$pattern\"; stdout $(wc -c <"$D/out.$$") bytes; stderr:"
	head -c 2000 "$D/err.$$"
	return 1
}
fails() { ends 1 "$@"; }
usage() { ends 2 "$@"; }
