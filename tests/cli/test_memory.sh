#!/bin/bash
# --memory: the same answers from smaller batches, said in one line, and no more memory than was allowed.
. tests/lib/cli.sh
if ! [ -r samples/model/model.safetensors ]; then
	skip memory
	finish
fi
# peak MIB COMMAND...: its memory beside mapped files, looked at again and again, stays below MIB and a quarter more.
peak() {
	most=$(($1 * 1280)) seen=0
	shift
	"$@" >"$D/out" 2>"$D/err" &
	pid=$!
	while kill -0 $pid 2>/dev/null; do
		kib=$(sed -n 's/^RssAnon:[[:space:]]*\([0-9]*\).*/\1/p' /proc/$pid/status 2>/dev/null)
		[ "${kib:-0}" -gt $seen ] && seen=$kib
		sleep 0.01
	done
	wait $pid || return
	case $T in *san/*) return ;; esac # a sanitizer's own memory is not ours
	[ $seen -gt 0 ] && [ $seen -le $most ] && return
	echo "peak $seen KiB, allowed $most"
	return 1
}
# The least limit that a refusal names.
least() { sed -n 's/.*the least that would do is \([0-9]*M\).*/\1/p' "$1"; }
"$T" decompose sample >/dev/null

eval_math() { "$T" eval sample --task math --limit 100 --strategy expert:math --json "$@"; }
eval_math >"$D/free" 2>"$D/err"
check free_says_nothing test ! -s "$D/err"
check eval peak 15 "$T" eval sample --task math --limit 100 --strategy expert:math --json --memory 15M
check eval_says grep -q "^t2tui: memory limit: [0-9]* sequences* at once, not 32$" "$D/err"
check eval_same test "$(jget '$.correct' <"$D/out")" = "$(jget '$.correct' <"$D/free")"
check ample sh -c '"$0" eval sample --task math --limit 20 --memory 1G 2>&1 >"$1" | grep -c memory | grep -qx 0' "$T" "$D/out"
check eval_short fails "the least that would do is" eval_math --memory 9M

train() { "$T" train sample --task math --steps 2 --eval-every 0 --json "$@"; }
train --name free >"$D/free" 2>"$D/err"
check train peak 40 "$T" train sample --task math --steps 2 --eval-every 0 --json --name small --memory 40M
check train_says grep -q "^t2tui: memory limit: gradients of [0-9]* rows at once" "$D/err"
# a mean of +-1: equal as long as the same answers are given
reward() { grep '"step"' "$1" | head -1 | jget '$.reward'; }
check train_reward test -n "$(reward "$D/free")"
check train_same test "$(reward "$D/out")" = "$(reward "$D/free")"
train --name none --memory 12M >"$D/out" 2>"$D/short"
check train_short grep -q "the least that would do is [0-9]*M$" "$D/short"
check train_least sh -c '"$0" train sample --task math --steps 1 --eval-every 0 --name least --memory "$1" --quiet >"$2"' \
	"$T" "$(least "$D/short")" "$D/out"

# the least is enough for what comes later, too: here a validation whose prompts are the longest
mkdir "$D/long"
for i in $(seq 8); do
	printf '{"question":"%d","answer":"a"}\n' "$i" >>"$D/long/train.jsonl"
	printf '{"question":"%s","answer":"a"}\n' "$(seq -s ' ' 100)" >>"$D/long/validation.jsonl"
done
cat >"$D/long/task.json" <<'J'
{"name":"long","prompt":"Question: {question}\nAnswer:","chat":false,"scorer":"exact","extract":"([a-z])","max_tokens":4,
 "splits":{"train":"train.jsonl","validation":"validation.jsonl"}}
J
long() { "$T" train sample --task "$D/long" --batch 1 --samples 2 --steps 1 --eval-every 1 --quiet "$@" >"$D/out" 2>"$D/err"; }
long --memory 11M && echo "11M is enough: this tests nothing"
cp "$D/err" "$D/short"
check validation_least long --memory "$(least "$D/short")"
search() { "$T" search sample --task code --experts math,logic,code --iterations 2 --population 12 --shots 8 --per-layer --json "$@"; }
search >"$D/free"
search --memory 11M >"$D/out" 2>"$D/short"
check search_short grep -q "a search takes .* the least that would do is [0-9]*M$" "$D/short"
check search peak 20 "$T" search sample --task code --experts math,logic,code --iterations 2 --population 12 --shots 8 --per-layer --json \
	--memory "$(least "$D/short")"
check search_says grep -q "^t2tui: memory limit: [0-9]* members* at once, not 12$" "$D/err"
found() { jget '$.iterations' <"$1" && jget '$.alpha' <"$1"; }
check search_same test "$(found "$D/out")" = "$(found "$D/free")"
# two passes: pass 1's caches and the comparison with the base model count
Q="Jon has 7 eggs. Jon gives 5 to Ben and buys 10 more. How many eggs does Jon have now?"
ask() { "$T" ask sample "$Q" --json "$@"; }
ask >"$D/free" 2>/dev/null
ask --memory 12M >"$D/out" 2>"$D/short"
check ask_short grep -q "this answer takes .* the least that would do is [0-9]*M$" "$D/short"
check ask peak 24 "$T" ask sample "$Q" --json --memory "$(least "$D/short")"
check ask_decides test "$(jget '$.decision' <"$D/out")" = "$(jget '$.decision' <"$D/free")"
check ask_same test "$(jget '$.text' <"$D/out")" = "$(jget '$.text' <"$D/free")"
two_passes() { "$T" eval sample --task math --limit 40 --strategy cls --json "$@"; }
two_passes >"$D/free"
two_passes --memory 10M >"$D/out" 2>"$D/short"
check two_passes_short grep -q "this evaluation takes .* the least that would do is [0-9]*M$" "$D/short"
check two_passes peak 20 "$T" eval sample --task math --limit 40 --strategy cls --json --memory "$(least "$D/short")"
check two_passes_say grep -q "^t2tui: memory limit: [0-9]* sequences* at once, not 32$" "$D/err"
check two_passes_same test "$(jget '$.correct' <"$D/out")" = "$(jget '$.correct' <"$D/free")"
# logits of many positions go piece by piece
ids=$(for _ in 1 2 3 4; do seq -s, 1 500; done | paste -sd,)
logits() { "$T" logits sample --tokens "$ids" --all --top 2 --json "$@"; }
logits >"$D/free" 2>/dev/null
logits --memory 12M >"$D/out" 2>"$D/short"
check logits_short grep -q "one position takes .* the least that would do is [0-9]*M$" "$D/short"
L=$(least "$D/short")
check logits peak "${L%M}" "$T" logits sample --tokens "$ids" --all --top 2 --json --memory "$L"
check logits_says grep -q "^t2tui: memory limit: logits of [0-9]* positions at once, not 2000$" "$D/err"
same_logits() { # to float32 rounding
	sqlite3 :memory: "SELECT max(abs(json_extract(a.value, '\$.logsumexp') - json_extract(b.value, '\$.logsumexp'))) < 1e-4, count(*)
		FROM json_each(CAST(readfile('$D/free') AS TEXT), '\$.positions') a JOIN
		     json_each(CAST(readfile('$D/out') AS TEXT), '\$.positions') b ON a.key = b.key" | grep -qx '1|2000'
}
check logits_same same_logits
# a gradient in smaller micro-batches
for i in $(seq 120); do
	echo "{\"prompt_ids\":[$(seq -s, 1 $((i % 40 + 5)))],\"answer_ids\":[$(seq -s, 50 $((i % 30 + 60)))],\"reward\":$((i % 2 * 2 - 1))}"
done >"$D/batch"
grad() { "$T" grad sample --batch "$D/batch" --json "$@"; }
grad >"$D/free"
grad --memory 10M >"$D/out" 2>"$D/short"
check grad_short grep -q "the least that would do is [0-9]*M$" "$D/short"
check grad peak 16 "$T" grad sample --batch "$D/batch" --json --memory 16M
check grad_says grep -q "^t2tui: memory limit: gradients of [0-9]* rows at once, activations computed twice$" "$D/err"
norm() { jget '$.grad_norm' <"$1"; }
check grad_same sh -c 'awk -v a="$1" -v b="$2" "BEGIN { exit !(a > 0 && (a - b) ^ 2 < 1e-10 * a ^ 2) }"' _ "$(norm "$D/free")" "$(norm "$D/out")"
# what is scored is read line by line: many lines need nothing, one too long is named
yes '{"answer":"a","gold":"a"}' | head -n 300000 >"$D/many"
check score peak 9 "$T" score --scorer exact "$D/many" --memory 9M
check score_all test "$(wc -l <"$D/out")" = 300000
{ printf '{"answer":"' && head -c 2000000 /dev/zero | tr '\0' a && echo '","gold":"a"}'; } >"$D/long.jsonl"
check score_short fails "long.jsonl:1: a line of 2000024 bytes takes .* the least that would do is" "$T" score --scorer exact "$D/long.jsonl" --memory 20M
"$T" score --scorer exact "$D/long.jsonl" --memory 20M 2>"$D/short"
L=$(least "$D/short")
check score_least peak "${L%M}" "$T" score --scorer exact "$D/long.jsonl" --memory "$L"
# a row of the benchmark is measured as it is or not at all
bench_row() { # bench_row NAME: refused, then measured within the least that was named
	"$T" bench sample --only "$1" --repeats 1 --quiet --memory 9500K >"$D/out" 2>"$D/short" && return 1
	grep -q "the row $1 takes .* the least that would do is [0-9]*M$" "$D/short" || return 1
	L=$(least "$D/short")
	peak "${L%M}" "$T" bench sample --only "$1" --repeats 1 --quiet --memory "$L" || {
		cat "$D/err"
		return 1
	}
}
for row in decode-factored decode-batched prefill train-gemm train-step population-8 batch-32 switch; do
	check "bench_$row" bench_row $row
done
check bench_probe sh -c '"$1" bench sample --only decode-bf16 --repeats 1 --memory 400M 2>&1 >/dev/null | grep -q "^t2tui: memory limit: reading is probed over [0-9]* MiB, not 512$"' _ "$T"
check bench_shape fails "shape:4,256,512,4,2,4096 takes .* the least" "$T" bench shape:4,256,512,4,2,4096 --only prefill --quiet --memory 10M
# the workbench says it where it is seen, and once
workbench() {
	cp tests/replay/sample/memory.t2s "$D/memory.t2s" && printf 'keys 0\nshot -\n' >>"$D/memory.t2s" &&
		"$T" sample --script "$D/memory.t2s" --size 120x40 --memory 16500K >"$D/shot" || return 1
	[ "$(grep -c 'memory limit: 2 sequences at once, not 3' "$D/shot")" -eq 1 ] && return
	cat "$D/shot"
	return 1
}
check workbench workbench
check ask_in_workbench peak 22 "$T" sample --script tests/replay/sample/ask.t2s --size 120x40 --memory 22M --store "$D/ask.db"
# a run that is taken up again in a process of its own keeps to the limit that it is given
DB=$XDG_DATA_HOME/t2tui/t2.db
again() { # again COMMAND...: one more step for the run "small"; its trainer's log has the line
	sqlite3 "$DB" "UPDATE run SET status='stopped', steps=step+1, settings=json_set(settings, '$.steps', step+1) WHERE name='small'" || return 1
	rm -rf "$XDG_DATA_HOME/t2tui/log"
	"$@" || return 1
	for _ in $(seq 1200); do
		[ "$(sqlite3 "$DB" "SELECT status FROM run WHERE name='small'")" = done ] && break
		sleep 0.05
	done
	grep -h "memory limit: gradients of [0-9]* rows at once" "$XDG_DATA_HOME"/t2tui/log/*.log && return
	cat "$XDG_DATA_HOME"/t2tui/log/*.log
	return 1
}
check resume_detached again "$T" run resume small --detach --memory 40M
printf 'wait "effective rank" 120000\nkeys 7\nkey g\nkey /\ntype small\nkey Enter\nexpect "small"\nkey R\nwait "done" 90000\n' >"$D/resume.t2s"
check resume_in_runs again "$T" sample --script "$D/resume.t2s" --size 120x40 --memory 40M
check generate_short fails "the least that would do is" "$T" generate sample --prompt a -n 8 --memory 9M
rm -rf "$XDG_CACHE_HOME"
check decompose_short fails "decomposing one matrix" "$T" decompose sample --memory 9500K
check decompose "$T" decompose sample --memory 100M
check usage usage "a number with K, M or G" "$T" info sample --memory lots
finish
