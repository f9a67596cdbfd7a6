#!/bin/bash
# A store that may not be written: what only reads works, what writes says so, the workbench opens and keeps nothing.  Also a
# store by a newer version, and a model whose file goes away under the workbench.
. tests/lib/cli.sh
R=$(mktemp -d "${TMPDIR:-/tmp}/t2ro.XXXXXX")
trap 'chmod -R u+w "$D" "$R" 2>/dev/null; rm -rf "$D" "$R"' EXIT
# permissions mean nothing to root: somebody else looks
as=
[ "$(id -u)" = 0 ] && as="setpriv --reuid=65534 --regid=65534 --clear-groups"
chmod 755 "$R"
mkdir "$R/home"
cp -r "$(realpath "$T")" "$R/t2tui"
cp -r samples "$R/samples"
[ -z "$as" ] || chown -R 65534:65534 "$R/home"
exe="$R/t2tui"
export T2TUI_SHARE=$R HOME=$R/home XDG_DATA_HOME=$R/home/data XDG_CACHE_HOME=$R/home/cache XDG_CONFIG_HOME=$R/home/config
if [ ! -r samples/model/model.safetensors ] || ! $as "$exe" --version >/dev/null 2>&1; then
	skip readonly
	finish
fi
mkdir "$R/s"
"$exe" ask sample "What is 1 plus 1?" --store "$R/s/t2.db" --quiet >/dev/null
rm -rf "$R/home/cache"
ro() { $as "$exe" "$@" --store "$R/s/t2.db"; }
reads() {
	ro info sample --json | jtest "json_extract(j,'\$.layers')=4" && ro expert list | grep -q '^math' && ro run list | grep -q shipped &&
		ro spectrum sample --json | jtest "json_array_length(j,'\$.matrices')=28" &&
		ro ask sample "What is 1 plus 1?" --json | jtest "json_extract(j,'\$.decision') IS NOT NULL AND json_extract(j,'\$.decision_id') IS NULL" &&
		ro ask sample "What is 1 plus 1?" 2>&1 | grep -q "^t2tui: not kept: $R/s/t2.db: .*the store is read-only; check the permissions" &&
		! ro ask sample "What is 1 plus 1?" --quiet 2>&1 >/dev/null | grep . &&
		ro eval sample --task math --limit 3 2>&1 | grep -q "^t2tui: not kept: $R/s/t2.db: .*the store is read-only; check" &&
		ro store check | grep -q sound
}
writes() {
	for verb in "expert rm math" "expert rename math other" "mix create m math=1" "run stop math" \
		"train sample --task math --steps 1 --batch 1 --samples 2 --eval-every 0"; do
		fails "$R/s/t2.db: .*read-only; check the permissions\|is not running" ro $verb || return 1
	done
}
screen() {
	ro --script - --size 120x40 sample <<-'S'
		wait "is read-only: what is asked" 20000
		wait "effective rank" 120000
		key Esc
		keys 5
		expect-not "is read-only"
		key a
		wait "decision:" 90000
		wait " tokens · " 90000
		keys 7
		expect "shipped"
	S
}
same() { [ "$(md5sum <"$R/s/t2.db")" = "$before" ]; }
before=$(md5sum <"$R/s/t2.db")
for kind in file folder; do # the folder: readers of a WAL cannot even make the files they need beside it
	chmod 444 "$R/s/t2.db"
	[ $kind = file ] && chmod 777 "$R/s"
	[ $kind = folder ] && rm -f "$R"/s/t2.db-* && chmod 555 "$R/s"
	check reads_$kind reads
	check writes_$kind writes
	check screen_$kind screen
	check nothing_changed_$kind same
done
chmod 755 "$R/s"
sqlite3 "$R/s/t2.db" "PRAGMA user_version=1"
chmod 555 "$R/s"
check older_is_said fails "has to be brought to .* first, but it is read-only" ro info sample
chmod 755 "$R/s"
chmod 644 "$R/s/t2.db"
sqlite3 "$R/s/t2.db" "PRAGMA user_version=99"
before=$(md5sum <"$R/s/t2.db")
check newer_is_said fails "store version 99, this program knows" "$exe" info sample --store "$R/s/t2.db"
check newer_workbench fails "store version 99, this program knows" "$exe" --script /dev/null sample --store "$R/s/t2.db"
check newer_untouched same
# the model's file goes while the workbench runs: it has the file open, so answers go on; opened anew, it is said
gone() {
	cp -r samples/model "$R/mine" && {
		printf 'wait "effective rank" 120000\nwait-not "/28" 120000\nkeys 5\n'
		sleep 3
		rm -r "$R/mine"
		printf 'key e\ntype What is 1 plus 1?\nkey Enter\nwait "is gone since it was opened here" 20000\nkeys 2\nexpect "effective rank"\n'
	} | "$exe" --script - --size 120x40 --store "$R/gone.db" "$R/mine" && fails "mine" "$exe" info "$R/mine" --store "$R/gone.db"
}
check model_gone gone
finish
