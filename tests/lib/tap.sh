# tap.sh - for shell tests: check NAME COMMAND...; prints the lines that tests/run.sh counts.
#	. tests/lib/tap.sh
#	check info_json sh -c '$T info sample --json | jq -e .layers'
#	finish
T=${T2_BUILD:-build}/t2tui
SHARED=${T2_SHARED:-../shared}
tap_failed=0
check() {
	name=$1
	shift
	if out=$("$@" 2>&1); then
		echo "[       OK ] $name"
	else
		echo "[  FAILED  ] $name"
		printf '%s\n' "$out" | head -20
		tap_failed=1
	fi
}
skip() { echo "[  SKIPPED ] $1"; }
finish() { exit $tap_failed; }
