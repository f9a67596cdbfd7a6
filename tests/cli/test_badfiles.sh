#!/bin/bash
# Model, task and expert files that were cut, corrupted or made up: a clear line and status 1, never a crash.
. tests/lib/cli.sh
if ! have_tiny; then
	skip badfiles
	finish
fi
M=$D/m
fresh() { rm -rf "$M" && mkdir "$M" && cp "$TINY"/* "$M/" && chmod -R u+w "$M"; }
refuses() { # refuses PATTERN: after the last change
	fails "$1" "$T" logits "$M" --tokens 1,2
}
size=$(stat -c %s "$TINY/model.safetensors")
for cut in 0 1 7 8 100 5000 $((size / 2)) $((size - 1)); do
	fresh
	head -c "$cut" "$TINY/model.safetensors" >"$M/model.safetensors"
	check "cut_weights_$cut" refuses "model.safetensors"
done
for file in config.json tokenizer.json; do
	for cut in 0 1 50; do
		fresh
		head -c "$cut" "$TINY/$file" >"$M/$file"
		check "cut_${file%.json}_$cut" fails "$file" "$T" generate "$M" --prompt a -n 1
	done
	fresh
	rm "$M/$file"
	check "no_${file%.json}" fails "$file" "$T" generate "$M" --prompt a -n 1
done
fresh
rm "$M/model.safetensors"
check no_weights refuses "safetensors"
fresh
printf '\377\377\377\377\377\377\377\177' | dd of="$M/model.safetensors" conv=notrunc status=none
check header_length refuses "header"
fresh
sed -i 's/"hidden_size": *[0-9]*/"hidden_size": 12345/' "$M/config.json"
check other_shape refuses ""
fresh
sed -i 's/"num_hidden_layers": *[0-9]*/"num_hidden_layers": 2000000000/' "$M/config.json"
check huge_layers refuses ""
fresh
sed -i 's/LlamaForCausalLM/GPT2LMHeadModel/; s/"model_type": *"llama"/"model_type": "gpt2"/' "$M/config.json"
check other_architecture refuses "gpt2\|GPT2"
fresh
sed -i '1s/F32/F99/' "$M/model.safetensors"
check unknown_type refuses ""
printf 'GGUF' >"$D/x.gguf"
check cut_gguf fails "x.gguf" "$T" info "$D/x.gguf"
head -c 4096 /dev/urandom >"$D/y.gguf"
check random_gguf fails "y.gguf" "$T" info "$D/y.gguf"
# any byte of the header may be wrong: the program answers, right or with its own refusal
survives() {
	for at in $(seq 0 37 1500); do
		fresh
		printf '\125' | dd of="$M/model.safetensors" bs=1 seek="$at" conv=notrunc status=none
		"$T" info "$M" >/dev/null 2>"$D/err"
		rc=$?
		if [ $rc -gt 1 ] || { [ $rc -eq 1 ] && ! grep -q '^t2tui: ' "$D/err"; }; then
			echo "byte $at: status $rc"
			return 1
		fi
	done
}
check flipped_header survives

# tasks
K=$D/task
task() { # task JSON LINES
	rm -rf "$K" && mkdir "$K" && printf '%s' "$1" >"$K/task.json" && printf '%s' "$2" >"$K/d.jsonl"
}
good='"name":"t","prompt":"{q}","scorer":"exact","splits":{"test":"d.jsonl"}'
bad_task() { fails "$1" "$T" eval "$TINY" --task "$K" --limit 1; }
task "{$good}" '{"q":"a","answer":"b"}'
check task_good "$T" eval "$TINY" --task "$K" --limit 1 --json
task "{$good" ''
check task_cut bad_task "task.json"
task "{$good,\"colour\":1}" ''
check task_unknown_field bad_task "colour"
task "{$good,\"max_tokens\":-1}" ''
check task_range bad_task "max_tokens"
task "${good/d.jsonl/..\/d.jsonl}" ''
task "{${good/d.jsonl/..\/d.jsonl}}" ''
check task_outside bad_task "inside"
task "{${good/d.jsonl/none.jsonl}}" ''
check task_no_data bad_task "none.jsonl"
task "{${good/exact/magic}}" '{"q":"a","answer":"b"}'
check task_scorer bad_task "magic"
task "{$good}" '{"q":"a"}'
check task_no_answer bad_task "d.jsonl:1"
task "{$good}" '{"answer":"b"}'
check task_no_field bad_task '"q"'
task "{$good}" "$(printf '{"q":"a","answer":"b"}\n{"q":\n')"
check task_bad_line bad_task "d.jsonl:2\|line 2"
task "{$good}" ''
check task_empty bad_task "no items"
check task_no_split fails "no split" "$T" eval "$TINY" --task "$K" --split train
check task_unknown fails "task nowhere" "$T" eval "$TINY" --task nowhere
task "{$good,\"extract\":\"(\"}" '{"q":"a","answer":"b"}'
check task_pattern bad_task "task.json"

# expert files
printf '' >"$D/e.safetensors"
check expert_empty fails "e.safetensors" "$T" expert import "$D/e.safetensors" --model "$TINY"
head -c 300 /dev/urandom >"$D/e.safetensors"
check expert_random fails "e.safetensors" "$T" expert import "$D/e.safetensors" --model "$TINY"
check expert_pickle fails "" "$T" expert import "$TINY/config.json" --model "$TINY"
check expert_weights fails "" "$T" expert import "$TINY/model.safetensors" --model "$TINY"
check expert_absent fails "nowhere" "$T" generate "$TINY" --prompt a --expert ./nowhere.safetensors
G=$SHARED/goldens/svf/T.plain_a_all.safetensors
if [ -r "$G" ]; then
	head -c 3000 "$G" >"$D/e.safetensors"
	check expert_cut fails "e.safetensors" "$T" expert import "$D/e.safetensors" --model "$TINY"
	sed '1s/t2-expert/t9-expert/' "$G" >"$D/e.safetensors"
	check expert_format fails "t2-expert" "$T" expert import "$D/e.safetensors" --model "$TINY"
	sed '1s/"version":"1"/"version":"9"/; 1s/"version": "1"/"version": "9"/' "$G" >"$D/e.safetensors"
	check expert_version fails "version" "$T" expert import "$D/e.safetensors" --model "$TINY"
else
	skip expert_cut
fi
finish
