# Rules of the command line that a verb breaks easily: what is refused, what is kept, what is said where.
. tests/lib/tap.sh
D=$(mktemp -d "${TMPDIR:-/tmp}/t2contract.XXXXXX")
trap 'rm -rf "$D"' EXIT
S="$T --store $D/t2.db"
M=model.layers.0.mlp.gate_proj.weight

# refuses STATUS WORD COMMAND...: that status, WORD in one line on stderr, nothing on stdout
refuses() {
	want=$1 word=$2
	shift 2
	rc=0
	"$@" >"$D/out" 2>"$D/err" || rc=$?
	cat "$D/out" "$D/err"
	[ $rc -eq "$want" ] && [ ! -s "$D/out" ] && [ "$(wc -l <"$D/err")" -eq 1 ] && grep -q -- "$word" "$D/err"
}
# expert FILE SCALE LETTER NUMBER: a file of one vector of 128 numbers (NUMBER as four octal bytes)
expert() {
	h='{"__metadata__":{"format":"t2-expert","version":"1","scale":"'$2'"},"'$M.$3'":{"dtype":"F32","shape":[128],"data_offsets":[0,512]}}'
	{
		printf "$(printf '\\%03o' $((${#h} % 256)) $((${#h} / 256)))\\0\\0\\0\\0\\0\\0%s" "$h"
		for i in $(seq 128); do printf "$4"; done
	} >"$1"
}
expert "$D/p.safetensors" reference p '\315\314\314\075' # 0.1
expert "$D/big.safetensors" plain z '\231\166\141\177'   # 3e38

check extra_argument refuses 2 'too many' $T tokenize sample two words
check extra_subverb_argument refuses 2 'too many' $S expert list all
check modules_are_usage refuses 2 modules $S decompose sample --modules half
check options_before_verb sh -c "$S --json expert list | jq -e '.experts | length == 4'"
check unknown_model refuses 1 nosuch $S nosuch
check empty_store_name refuses 1 empty $T info sample --store ''
check raw_parameters_file sh -c "$S logits sample --tokens 5,6 --json --expert $D/p.safetensors | jq -e '.positions[0].pos == 1'"
check raw_parameters_kept sh -c "$S expert import $D/p.safetensors && $S generate sample --prompt Q -n 2 --expert p"
check not_finite_is_null sh -c "$S logits sample --tokens 5,6 --json --expert $D/big.safetensors | jq -e '.positions[0].logsumexp == null'"
check grad_takes_names sh -c "echo '{\"prompt_ids\":[5],\"answer_ids\":[6],\"reward\":1}' | $S grad sample --batch - --expert math --json | jq -e '.logprobs | length == 1'"
check grad_empty_batch refuses 1 batch $S grad sample --batch /dev/null
check classifier_returns sh -c "$S expert export cls -o $D/cls.safetensors && $S expert import $D/cls.safetensors --name back &&
	$S expert rm cls && $S ask sample 'What is 1 plus 1?' --json | jq -e '.strategy == \"cls\"'"
check bad_name refuses 2 'a/b' $S expert import "$D/cls.safetensors" --name a/b
cp -r samples/model "$D/elsewhere"
check sample_keeps_its_name sh -c "$S info $D/elsewhere >/dev/null && $S expert list --json | jq -e 'all(.experts[]; .model == \"sample\")'"

check context_is_full refuses 1 context $S generate sample --tokens "$(seq -s, 1 256)"
check context_fills sh -c "$S generate sample --tokens $(seq -s, 1 250) -n 100 2>&1 >/dev/null | grep -q 'context of 256 tokens is full' || $S generate sample --tokens $(seq -s, 1 250) -n 100 --json | jq -e '.tokens <= 6'"
check messages_place refuses 1 'm.jsonl:1' sh -c "echo '{}' >$D/m.jsonl; $S tokenize sample --messages $D/m.jsonl"
check closed_stdout sh -c "$S info sample 2>$D/err >&-; [ \$? -eq 1 ] && $S store check"

# training fails before it starts
mkdir "$D/long" "$D/a:b"
q=$(printf 'word %.0s' $(seq 400))
echo '{"question":"1 plus 1?","answer":"2"}' >"$D/long/train.jsonl"
echo "{\"question\":\"$q\",\"answer\":\"2\"}" >>"$D/long/train.jsonl"
task='"prompt":"{question}","scorer":"number","splits":{"train":"train.jsonl"}}'
echo "{\"name\":\"long\",$task" >"$D/long/task.json"
head -1 "$D/long/train.jsonl" >"$D/a:b/train.jsonl"
echo "{\"name\":\"a:b\",$task" >"$D/a:b/task.json"
TRAIN="$S train sample --steps 2 --batch 1 --samples 2 --eval-every 0 --json"
runs() { $S run list --json | jq '.runs | length'; }
n=$(runs)
check prompt_beyond_context refuses 1 'item 1.*context' $TRAIN --task "$D/long/"
check task_names_no_expert refuses 1 'give --name' $TRAIN --task "$D/a:b/"
check name_taken refuses 1 taken $TRAIN --task math --name math
check no_run_was_begun test "$(runs)" -eq "$n"
check named_run sh -c "$TRAIN --task $D/a:b/ --name ab | tail -1 | jq -e '.expert == \"ab\"'"
check done_is_done refuses 1 done $S run resume ab --json

# searches
SEARCH="$S search sample --task math --experts math,code --shots 2 --population 4 --json"
check expert_twice refuses 1 twice $S search sample --task math --experts math,code,math
check mixture_name_first refuses 1 'a=b' $SEARCH --name a=b
cut() { # cut NAME: a search that is killed after some iterations; two more than those are what it then has to do, n
	$SEARCH --iterations 100000 --name "$1" >/dev/null 2>&1 &
	pid=$!
	for i in $(seq 200); do [ "$(step "$1")" -ge 1 ] 2>/dev/null && break; sleep 0.05; done
	kill -9 $pid
	wait $pid 2>/dev/null
	n=$(($(step "$1") + 2))
	sqlite3 "$D/t2.db" "UPDATE run SET steps=$n,settings=json_set(settings,'$.iterations',$n) WHERE name='$1'"
}
step() { $S run list --json | jq ".runs[] | select(.name == \"$1\") | .step"; }
found() { # found RUN: its curve and its mixture, to the bit
	sqlite3 "$D/t2.db" "SELECT step,hex(reward) FROM metric WHERE run=(SELECT id FROM run WHERE name='$1') ORDER BY 1;
		SELECT e.name,p.alpha,hex(p.alphas) FROM mixture m JOIN mixture_part p ON p.mixture=m.id JOIN expert e ON e.id=p.expert
		WHERE m.name='$1' ORDER BY 1"
}
same_found() { [ "$(found "$1" | wc -l)" -gt 3 ] && [ "$(found "$1")" = "$(found "$2")" ]; }
if command -v sqlite3 >/dev/null; then
	cut cut
	$SEARCH --iterations $n --name whole >"$D/whole.json" 2>"$D/err"
	check search_resumes_equal sh -c "$S run resume cut --json >$D/cut.json && for f in whole cut; do jq -ce '[.iterations,.alpha]' $D/\$f.json; done | uniq | wc -l | grep -qx 1"
	cut cut-here
	$SEARCH --iterations $n --name whole-too >/dev/null 2>"$D/err"
	cat >"$D/resume.t2s" <<-'S'
		wait "effective rank" 120000
		keys 7
		key g
		key /
		type cut-here
		key Enter
		expect "interrupted"
		expect "R resumes it"
		key R
		wait "done: mixture cut-here kept" 90000
	S
	check search_resumes_in_runs $S sample --script "$D/resume.t2s" --size 120x40
	check search_resumes_there_equal same_found whole-too cut-here
else
	skip search_resumes_equal search_resumes_in_runs search_resumes_there_equal
fi
finish
