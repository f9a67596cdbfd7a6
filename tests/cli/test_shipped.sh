#!/bin/bash
# The sample that comes with the program: a store made with an older one gets the new experts, and keeps what the user made.
. tests/lib/cli.sh
if [ ! -r samples/model/model.safetensors ]; then
	skip shipped
	finish
fi
db=$D/t2.db
ask() { sqlite3 "$db" "$1"; }
mkdir -p "$D/old/samples/model"
cp samples/model/*.json "$D/old/samples/model"
ln -s "$PWD/samples/tasks" "$D/old/samples/tasks"
"$T" export sample --expert math -o "$D/old/samples/model/model.safetensors" --store "$D/x.db" --quiet >/dev/null
old=$("$T" info "$D/old/samples/model" --json --store "$D/x.db" | sed -n 's/.*"fingerprint":"\([0-9a-f]*\)".*/\1/p')
# an older program: its experts, its figures
mkdir -p "$D/old/samples/experts"
sed "s/\"model\":\"[0-9a-f]*\"/\"model\":\"$old\"/" samples/experts/index.json >"$D/old/samples/experts/index.json"
cp samples/experts/*.run.json "$D/old/samples/experts"
for e in math code logic cls; do
	"$T" expert import samples/experts/$e.safetensors --model "$D/old/samples/model" --name $e --transfer --quiet --store "$D/x.db" >/dev/null 2>&1
	"$T" expert export "$old:$e" -o "$D/old/samples/experts/$e.safetensors" --store "$D/x.db"
done
before() { T2TUI_SHARE=$D/old "$T" "$@" --store "$db"; }
after() { "$T" "$@" --store "$db"; }
shipped='SELECT group_concat(expert.name) FROM (SELECT * FROM expert ORDER BY id) AS expert JOIN model ON model.id=expert.model WHERE expert.shipped'
older() { before expert list >/dev/null && [ "$(ask "$shipped AND fingerprint='$old'")" = math,code,logic,cls ]; }
check older_sample older
replaced() { # nothing of the user's: nothing of the old one is left
	cp "$db" "$D/unused.db" && [ "$(sqlite3 "$D/unused.db" "SELECT count(*) FROM model WHERE fingerprint='$old'")" = 1 ] || return 1
	"$T" expert list --store "$D/unused.db" | grep -c shipped | grep -qx 4 &&
		[ "$(sqlite3 "$D/unused.db" "SELECT count(*)||' '||(SELECT count(*) FROM run)||' '||(SELECT count(*) FROM evaluation) FROM model WHERE fingerprint<>'$old'")" = "1 4 8" ] &&
		[ "$(sqlite3 "$D/unused.db" "SELECT count(*) FROM model WHERE fingerprint='$old'")" = 0 ]
}
check old_one_leaves replaced
kept() { # a run of one's own, and a mixture over a shipped expert, stay with their model
	before train sample --task math --steps 1 --eval-every 0 --name own --quiet >/dev/null &&
		before mix create both math=0.5 own=0.5 --model sample --quiet >/dev/null || return 1
	after expert list >/dev/null || return 1
	[ "$(ask "SELECT group_concat(name) FROM expert WHERE model=(SELECT id FROM model WHERE fingerprint='$old')")" = math,own ] &&
		[ "$(ask "SELECT name||shipped FROM model WHERE fingerprint='$old'")" = "old sample0" ] &&
		[ "$(ask "SELECT count(*) FROM mixture_part")" = 2 ] &&
		[ "$(ask "$shipped AND model.shipped")" = math,code,logic,cls ] &&
		after ask sample "What is 2 + 3?" --strategy cls --quiet >/dev/null && after store check >/dev/null
}
check what_is_ones_own_stays kept
wrong_index() { # experts of another model than the one beside them
	cp samples/experts/index.json "$D/old/samples/experts/index.json"
	T2TUI_SHARE=$D/old "$T" expert list --store "$D/other.db" 2>&1 | grep -q "index.json: these experts were made with another model"
}
check wrong_index wrong_index
finish
