#!/bin/sh
# Trains the shipped experts on the sample model and writes them, their runs and their index: one seed, one command.
#	sh samples/make/experts.sh samples/experts		(T2TUI=build/t2tui, SEED=0, STEPS=40)
# Each is the last of its steps: kept at its first perfect validation (code: step 20) an expert answers its own task as well but
# the harder relatives worse (code-hard, validation split: 0.21 at step 20, 0.39 to 0.43 from step 30 on).
# Accuracies in the index are of the test splits, greedy, the first 600 items; the digests say of which weights and questions.
set -e
out=${1:?usage: experts.sh FOLDER}
T=${T2TUI:-build/t2tui}
seed=${SEED:-0}
steps=${STEPS:-40}
tmp=$(mktemp -d "${TMPDIR:-/tmp}/t2experts.XXXXXX")
trap 'rm -rf "$tmp"' EXIT INT TERM
export XDG_DATA_HOME="$tmp/data" XDG_CACHE_HOME="$tmp/cache"
# a share without experts, so that their names are free
root=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$out" "$tmp/share/samples"
ln -s "$root/samples/model" "$root/samples/tasks" "$tmp/share/samples/"
export T2TUI_SHARE="$tmp/share"
field() { sed -n "s/.*\"$1\":\([-0-9.e]*\).*/\1/p"; }
digest() { sed -n "s/.*\"$1\":\"\([0-9a-f]*\)\".*/\1/p"; }
index=
for pair in math:math code:code logic:logic dispatch:cls; do
	task=${pair%%:*}
	name=${pair##*:}
	"$T" train sample --task "$task" --name "$name" --steps "$steps" --eval-every "$steps" --seed "$seed" --quiet >&2
	"$T" eval sample --task "$task" --limit 600 --json --quiet >"$tmp/base"
	"$T" eval sample --task "$task" --limit 600 --expert "$name" --json --quiet >"$tmp/own"
	base=$(field accuracy <"$tmp/base")
	acc=$(field accuracy <"$tmp/own")
	hashes="\"base_setup_hash\":\"$(digest setup_hash <"$tmp/base")\",\"setup_hash\":\"$(digest setup_hash <"$tmp/own")\",\"task_hash\":\"$(digest task_hash <"$tmp/own")\""
	"$T" expert export "$name" -o "$out/$name.safetensors"
	"$T" run export "$name" --json >"$out/$name.run.json"
	dispatch=false
	[ "$task" = dispatch ] && dispatch=true
	index="$index${index:+,
}{\"name\":\"$name\",\"run\":\"$name.run.json\",\"base_accuracy\":$base,\"accuracy\":$acc,\"n\":600,$hashes,\"dispatch\":$dispatch,\"created\":$(date +%s)}"
	echo "$name: base $base, expert $acc" >&2
done
model=$("$T" info sample --json | digest fingerprint)
printf '{"model":"%s","experts":[\n%s]}\n' "$model" "$index" >"$out/index.json"
