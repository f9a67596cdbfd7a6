#!/bin/bash
# A disk without room, played by a limit on the size of files: the verb says so, leaves no half file, and the store stays sound.
. tests/lib/cli.sh
if [ -r samples/model/model.safetensors ]; then
	M=sample
elif have_tiny; then
	M=$TINY
else
	skip full
	finish
fi
limited() { # limited KIB PATTERN COMMAND...
	kib=$1
	shift
	(ulimit -f "$kib" && fails "$@")
}
"$T" decompose $M >/dev/null
check export limited 100 "cannot write" "$T" export $M -o "$D/x.safetensors"
check export_left_nothing sh -c '! ls "$1" | grep -q "x\."' _ "$D"
check raw limited 60 "cannot write" "$T" logits $M --tokens $(seq -s, 1 50) --all --raw "$D/raw"
mv "$XDG_CACHE_HOME" "$D/cache.kept"
check decompose limited 40 "cannot write" "$T" decompose $M --quiet
check no_half_factor sh -c '[ -z "$(find "$1" -type f -size +39k)" ]' _ "$XDG_CACHE_HOME"
check decompose_goes_on sh -c '"$1" decompose "$2" --check --json | grep -q "\"matrices\""' _ "$T" $M
check new_store limited 4 "t2.db" "$T" run list --store "$D/new-t2.db"
check new_store_later "$T" run list --store "$D/new-t2.db"
check backup limited 60 "backup failed" "$T" store backup "$D/backup.db"
check no_half_backup test ! -e "$D/backup.db"
mkdir "$D/k"
echo '{"question":"a","answer":"b"}' >"$D/k/d.jsonl"
echo '{"name":"k","prompt":"{question}","scorer":"exact","max_tokens":2,"splits":{"train":"d.jsonl","validation":"d.jsonl"}}' >"$D/k/task.json"
full_store() { # the run's checkpoints do not fit: the run fails and says why
	kib=$(($(stat -c %s "$XDG_DATA_HOME/t2tui/t2.db") / 1024 + 8))
	(ulimit -f $kib && "$T" train $M --task "$D/k" --steps 40 --batch 1 --samples 2 --eval-every 0 --quiet) >/dev/null 2>"$D/err"
	[ $? -eq 1 ] && grep -q '^t2tui: .*t2.db' "$D/err"
}
check train full_store
check store_sound sh -c '"$1" store check | grep -q sound' _ "$T"
check train_later "$T" train $M --task "$D/k" --steps 2 --batch 1 --samples 2 --eval-every 0
finish
