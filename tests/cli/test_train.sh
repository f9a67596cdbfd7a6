#!/bin/bash
# Training from the shell: streams, kept runs, interruption and resumption, the same bits for any number of threads.
. tests/lib/cli.sh
DB=$XDG_DATA_HOME/t2tui/t2.db
if [ -r samples/model/model.safetensors ]; then
	M=sample
elif have_tiny; then
	M=$(realpath "$TINY")
else
	skip train
	finish
fi
# a task of our own: the answer's first letter
K=$D/letters
mkdir "$K"
for i in $(seq 0 39); do
	printf '{"question":"item %d","answer":"%s"}\n' "$i" "$([ $((i % 2)) = 0 ] && echo a || echo t)"
done >"$K/d.jsonl"
cat >"$K/task.json" <<'J'
{"name":"letters","prompt":"Question: {question}\nAnswer:","chat":false,"scorer":"exact","extract":"([a-z])",
 "max_tokens":6,"splits":{"train":{"file":"d.jsonl","parity":0},"validation":{"file":"d.jsonl","parity":1},"test":"d.jsonl"}}
J
SMALL="--batch 4 --samples 4 --max-new 6 --eval-every 0"
train() { "$T" train $M --task "$K" $SMALL "$@"; }

stream() {
	train --steps 3 --name three --json >"$D/stream" 2>"$D/err" && [ "$(wc -l <"$D/stream")" -eq 5 ] || return 1
	sed -n 1p "$D/stream" | jtest "json_extract(j,'\$.event')='start' AND json_extract(j,'\$.run')>0 AND json_extract(j,'\$.values')>0" &&
		sed -n 3p "$D/stream" | jtest "json_extract(j,'\$.event')='step' AND json_extract(j,'\$.step')=2 AND json_extract(j,'\$.reward') BETWEEN -1 AND 1 AND json_extract(j,'\$.tokens')>0" &&
		tail -1 "$D/stream" | jtest "json_extract(j,'\$.event')='end' AND json_extract(j,'\$.status')='done' AND json_extract(j,'\$.expert')='three'"
}
check stream stream
R=$(sed -n 1p "$D/stream" | jget '$.run')
check run_list sh -c '"$1" run list --json | grep -q "\"name\":\"three\".*\"status\":\"done\",\"step\":3,\"steps\":3"' _ "$T"
not_validated() { # nothing was: a dash for a reader, null for a program, an empty field in a table
	"$T" run list >"$D/list" && grep -q ' three .* 3/3 .* - ' "$D/list" && ! grep -qw nan "$D/list" &&
		"$T" expert list >"$D/list" && grep -q '^three .* - .* - ' "$D/list" && ! grep -qw nan "$D/list" &&
		"$T" run list --json | jtest "(SELECT json_extract(value,'\$.best_accuracy') IS NULL FROM json_each(json_extract(j,'\$.runs')) WHERE json_extract(value,'\$.name')='three')" &&
		! "$T" run export three --csv | grep -qw nan && ! "$T" run show three | grep -qw nan
}
check not_validated not_validated
check run_show sh -c '"$1" run show three --json | grep -q "\"steps_done\":\[{\"step\":1,"' _ "$T"
check run_csv sh -c '[ "$("$1" run export "$2" --csv | wc -l)" = 4 ]' _ "$T" "$R"
check expert_kept sh -c '"$1" expert show three --json | grep -q "\"vectors\""' _ "$T"
check name_taken fails "taken" "$T" train $M --task "$K" $SMALL --steps 1 --name three
check name_counts sh -c '"$@" --steps 1 --quiet >/dev/null && "$@" --steps 1 --quiet | grep -q "expert letters-2"' _ "$T" train $M --task "$K" $SMALL
check validation sh -c '"$@" | grep -c "\"event\":\"eval\"" | grep -qx 3' _ "$T" train $M --task "$K" --batch 4 --samples 2 --steps 2 --eval-every 1 --eval-items 10 --json --name checked
says_what_it_does() { # while it validates the run's row says so, for those who watch it; afterwards no more
	sqlite3 "$DB" "CREATE TABLE said(text); CREATE TRIGGER hear AFTER UPDATE OF message ON run BEGIN INSERT INTO said VALUES(new.message); END" &&
		"$@" >/dev/null && sqlite3 "$DB" "DROP TRIGGER hear; SELECT text FROM said; DROP TABLE said" >"$D/said" &&
		grep -qx 'validating the base before step 1: 0 of 10 answers' "$D/said" && grep -qx 'validating step 2: 0 of 10 answers' "$D/said" &&
		[ "$(sqlite3 "$DB" "SELECT message FROM run WHERE name='hear'" | grep -c validating)" = 0 ]
}
check says_what_it_does says_what_it_does "$T" train $M --task "$K" --batch 4 --samples 2 --steps 2 --eval-every 2 --eval-items 10 --quiet --name hear
check done_is_done fails "nothing to resume" "$T" run resume "$R"
check stop_what_ended fails "not running" "$T" run stop "$R"
check reference_scale sh -c '"$@" >/dev/null 2>&1 && sqlite3 "$0" "SELECT scale FROM expert WHERE name='"'ref'"'" | grep -qx reference' "$DB" "$T" train $M --task "$K" $SMALL --steps 2 --scale reference --modules mlp --name ref

# the same run for any number of threads, bit for bit
vectors() { sqlite3 "$DB" "SELECT matrix, hex(z), hex(p) FROM expert_vector WHERE expert=(SELECT id FROM expert WHERE name='$1') ORDER BY 1" | md5sum; }
threads() {
	for t in 1 2 3; do train --steps 3 --seed 7 --threads $t --name t$t --quiet >/dev/null || return 1; done
	train --steps 3 --seed 8 --threads 2 --name t4 --quiet >/dev/null || return 1
	[ "$(vectors t1)" = "$(vectors t2)" ] && [ "$(vectors t1)" = "$(vectors t3)" ] && [ "$(vectors t1)" != "$(vectors t4)" ]
}
check threads threads

# killed in the middle, taken up again: the expert's file is that of an undisturbed run, but for its name and date
file() { "$T" expert export "$1" -o "$D/$1.x" && strings -n 4 "$D/$1.x" >/dev/null
	n=$(od -An -t u8 -N 8 "$D/$1.x" | tr -d ' ')
	{ tail -c +9 "$D/$1.x" | head -c "$n" | sed 's/"created": *"[^"]*",*//; s/"name": *"[^"]*",*//; s/ *$//'; tail -c +$((n + 9)) "$D/$1.x"; } | md5sum; }
column() { sqlite3 "$DB" "SELECT $2 FROM run WHERE id=$1"; }
wait_step() { # until the run has done that many steps
	for _ in $(seq 2400); do
		[ "$(column "$1" step)" -ge "$2" ] && return
		sleep 0.05
	done
	return 1
}
killed() {
	train --steps 80 --seed 3 --name whole --quiet >/dev/null || return 1
	run=$(train --steps 80 --seed 3 --name broken --detach) || return 1
	wait_step "$run" 3 || return 1
	pid=$(column "$run" pid)
	"$T" run list --json | grep -q '"name":"broken"' || return 1
	"$T" run resume "$run" 2>&1 | grep -q "still at it" || { echo "a living run was taken"; return 1; }
	kill -9 "$pid"
	for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.05; done
	"$T" run show "$run" --json | jtest "json_extract(j,'\$.status')='interrupted' AND json_extract(j,'\$.step')<80" || return 1
	"$T" run resume "$run" --quiet >/dev/null || return 1
	"$T" run show "$run" --json | jtest "json_extract(j,'\$.status')='done' AND json_array_length(j,'\$.steps_done')=80" || return 1
	[ "$(file whole)" = "$(file broken)" ] || { echo "another expert"; return 1; }
	a=$(sqlite3 "$DB" "SELECT group_concat(metric.reward||' '||loss) FROM metric WHERE run=$run")
	b=$(sqlite3 "$DB" "SELECT group_concat(metric.reward||' '||loss) FROM metric JOIN run ON run.id=metric.run WHERE name='whole'")
	[ "$a" = "$b" ]
}
check killed_and_resumed killed
stopped() { # asked to stop, then resumed in the background
	run=$(train --steps 80 --seed 3 --name halted --detach) || return 1
	wait_step "$run" 2 && "$T" run stop "$run" || return 1
	"$T" run show "$run" --json | jtest "json_extract(j,'\$.status')='stopped' AND json_extract(j,'\$.step') BETWEEN 2 AND 79" || return 1
	"$T" run resume "$run" --detach || return 1
	wait_step "$run" 80 || return 1
	for _ in $(seq 1200); do [ "$(column "$run" status)" = done ] && break; sleep 0.05; done
	[ "$(file halted)" = "$(file whole)" ]
}
check stopped_and_resumed stopped
signalled() { # SIGTERM: status 143, the run is stopped and can be taken up
	"$T" train $M --task "$K" $SMALL --steps 5000 --name long --json >"$D/long" 2>"$D/err" &
	pid=$!
	for _ in $(seq 200); do grep -q '"step":2' "$D/long" && break; sleep 0.05; done
	kill -TERM $pid
	wait $pid
	[ $? -eq 143 ] && [ "$(sqlite3 "$DB" "SELECT status FROM run WHERE name='long'")" = stopped ] &&
		tail -1 "$D/long" | jtest "json_extract(j,'\$.event')='end' AND json_extract(j,'\$.status')='stopped'"
}
check signalled signalled
# a run that is left to be resumed keeps its name for its expert
check name_of_a_run_left fails 'run [0-9]* of that name is left at step [0-9]* of 5000; "t2tui run resume' "$T" train $M --task "$K" $SMALL --steps 1 --name long
left_counts() {
	sqlite3 "$DB" "UPDATE run SET name='letters-3' WHERE name='long'" &&
		train --steps 1 --quiet | grep -q 'expert letters-4' && sqlite3 "$DB" "UPDATE run SET name='long' WHERE name='letters-3'"
}
check name_counts_runs_left left_counts
detach_fails() { fails "task nowhere" "$T" train $M --task nowhere --detach; }
check detach_reports detach_fails
eval_kept() {
	"$T" eval $M --task "$K" --expert three --json | jtest "json_extract(j,'\$.n')=40 AND json_extract(j,'\$.ci95[0]')<=json_extract(j,'\$.accuracy') AND json_extract(j,'\$.ci95[1]')>=json_extract(j,'\$.accuracy')" &&
		[ "$(sqlite3 "$DB" "SELECT count(*) FROM evaluation_item WHERE evaluation=(SELECT max(id) FROM evaluation)")" = 40 ]
}
check eval_kept eval_kept
search() {
	"$T" search $M --task "$K" --experts three,ref --shots 4 --population 4 --iterations 2 --json --quiet |
		jtest "json_array_length(j,'\$.iterations')=2 AND json_extract(j,'\$.fitness') BETWEEN 0 AND 1 AND json_extract(j,'\$.mixture')='letters-fewshot'" &&
		"$T" eval $M --task "$K" --strategy few-shot --limit 4 --json | jtest "json_extract(j,'\$.n')=4" &&
		"$T" ask $M "item 3" --strategy few-shot --task "$K" --max-new 4 --json | jtest "json_extract(j,'\$.mixture.three') IS NOT NULL"
}
check search_and_few_shot search
search_left() {
	few() { "$T" search $M --task "$K" --experts three,ref --shots 4 --population 4 --iterations 1 --json --quiet "$@"; }
	sqlite3 "$DB" "UPDATE run SET name='letters-fewshot-2', status='stopped' WHERE kind='search'" &&
		few | jtest "json_extract(j,'\$.mixture')='letters-fewshot-3'" && fails 'is left at step' few --name letters-fewshot-2
	rc=$?
	sqlite3 "$DB" "UPDATE run SET name='letters-fewshot', status='done' WHERE name='letters-fewshot-2'"
	return $rc
}
check search_name_of_a_run_left search_left
elsewhere() { # a run started with a relative path is resumed from another folder
	exe=$(realpath "$T")
	run=$(cd "$D" && "$exe" train $M --task ./letters $SMALL --steps 6 --name roaming --detach) || return 1
	wait_step "$run" 1
	"$T" run stop "$run" 2>/dev/null
	[ "$(column "$run" status)" = done ] || (cd / && "$exe" run resume "$run" --quiet >/dev/null)
}
check resumed_elsewhere elsewhere
check store_sound sh -c '"$1" store check | grep -q sound' _ "$T"
# a trainer that ends is gone from the process table while the workbench that started it goes on
no_remains() {
	printf 'wait "effective rank" 120000\nkeys 6t\nwait "1/60" 120000\nkeys K\nwait "stopped by request" 120000\nsleep 500\nshot %s\nsleep 60000\n' \
		"$D/ended.txt" >"$D/ends.t2s"
	"$T" --script "$D/ends.t2s" --size 120x40 --store "$D/ends.db" sample >"$D/ends.out" 2>&1 &
	local pid=$! left
	for _ in $(seq 600); do
		[ -e "$D/ended.txt" ] || ! kill -0 $pid && break
		sleep 0.1
	done
	left=$(cat "/proc/$pid/task/"*/children)
	kill $pid
	wait $pid
	[ -e "$D/ended.txt" ] && [ -z "$left" ] && return
	echo "left: $left"
	tail -3 "$D/ends.out"
	return 1
}
if [ $M = sample ]; then check no_remains no_remains; else skip no_remains; fi
finish
