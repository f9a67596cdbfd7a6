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
check eval_says grep -q "^t2tui: memory limit: [0-9]* sequences at once, not 32$" "$D/err"
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

check search peak 40 "$T" search sample --task math --experts math,logic --iterations 1 --population 8 --shots 4 --memory 40M --json
check generate_short fails "the least that would do is" "$T" generate sample --prompt a -n 8 --memory 9M
rm -rf "$XDG_CACHE_HOME"
check decompose_short fails "decomposing one matrix" "$T" decompose sample --memory 9500K
check decompose "$T" decompose sample --memory 100M
check usage usage "a number with K, M or G" "$T" info sample --memory lots
finish
