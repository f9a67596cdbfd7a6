#!/usr/bin/env bash
# Evaluations: the same numbers from the command line and from the workbench, what has changed since is told, Esc ends the queue.
. tests/lib/tap.sh
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
export XDG_DATA_HOME=$home/data
db=$home/t2.db
t2() { "$T" "$@" --store "$db"; }
ask() { sqlite3 "$db" "$1"; }
play() { t2 --script - --size 120x40 sample >"$home/out" 2>&1 || { cat "$home/out"; return 1; }; }
start='wait "effective rank" 120000
keys 8
wait "expert:logic"
keys -----------
wait "first 20"'

# what the command line measured shows, and is not measured again
shown() {
	t2 eval sample --task math --expert math --limit 20 --json >"$home/json" &&
		t2 eval sample --task math --strategy cls --limit 20 --quiet >/dev/null &&
		play <<-EOF
			$start
			keys lllllj
			wait "expert:math · math: 1.00 [0.84 1.00]  20 of 20"
			wait "up to date"
			key R
			key n
			keys jjjjjR
		EOF
	[ "$(ask 'SELECT count(*) FROM evaluation WHERE seconds>0')" = 2 ] && grep -q '"correct":20' "$home/json"
}
check shown_in_the_workbench shown

# what the workbench measures is what the command line gives: row, hashes, answers, choices
same() {
	play <<-EOF
		$start
		keys lllllj
		key !
		wait "1 evaluation kept" 60000
		keys jjjjj
		wait "cls · math"
		key !
		wait "1 evaluation kept" 60000
	EOF
	[ "$(ask 'SELECT count(*) FROM evaluation WHERE seconds>0')" = 4 ] || return 1
	for pair in 9,11 10,12; do # the first 8 are shipped
		for what in task,split,strategy,temperature,seed,n,correct,tokens,setup_hash,task_hash; do
			[ "$(ask "SELECT count(*) FROM (SELECT DISTINCT $what FROM evaluation WHERE id IN ($pair))")" = 1 ] || return 1
		done
		[ "$(ask "SELECT count(*) FROM (SELECT DISTINCT item,correct,answer,decision FROM evaluation_item WHERE evaluation IN ($pair))")" = 20 ] || return 1
	done
	[ "$(ask "SELECT count(DISTINCT setup_hash) FROM evaluation WHERE seconds>0 AND setup_hash<>''")" = 2 ] &&
		[ "$(ask "SELECT count(*) FROM evaluation_item WHERE decision='math'")" -gt 30 ]
}
check same_as_command_line same

# a click selects, one on a title sorts; export gives every number of the screen
exported() {
	play <<-EOF || return 1
		$start
		sleep 500
		mouse press 30 5
		wait "expert:math · code-hard"
		mouse press 67 3
		wait "sorted by math, best first"
		keys :export $home/matrix.csv
		key Enter
		wait "matrix.csv"
		keys :export $home/matrix.txt
		key Enter
		wait "matrix.txt"
	EOF
	grep -qx '"expert:math","math",test,20,20,1,0.838874842,1,current' "$home/matrix.csv" &&
		[ "$(wc -l <"$home/matrix.csv")" = 10 ] && grep -q '^expert:math .*[*]1.00 \[0.84 1.00\]' "$home/matrix.txt"
}
check exported exported

# the text export says what the screen says, in columns
as_shown() {
	play <<-EOF || return 1
		wait "effective rank" 120000
		keys 8
		wait "expert:logic"
		sleep 500
		keys :export $home/shown.txt
		key Enter
		wait "shown.txt"
	EOF
	grep -q '^base .* 0.46 \[0.42 0.50\]<' "$home/shown.txt" &&
		grep -q '^expert:logic .*▲[*]0.99 \[0.98 1.00\]<' "$home/shown.txt" &&
		grep -q '^cls .*· $' "$home/shown.txt" && grep -q '▲ above base  [*] best  ° shipped' "$home/shown.txt" &&
		[ "$(sed -E '/^$/,$d; s/·|–|▲|°/x/g' "$home/shown.txt" | awk '{ print length($0) }' | sort -u | wc -l)" = 1 ]
}
check export_is_as_shown as_shown

# a cell that was measured and is being read is not measured again
once() {
	had=$(ask 'SELECT count(*) FROM evaluation')
	play <<-EOF || return 1
		$start
		keys llllljj
		wait "expert:code · math"
		key Enter
		wait "1 evaluation kept" 60000
		key Enter
		sleep 800
		expect-not "to do"
		expect "expert:code · math: 0."
	EOF
	[ "$(ask 'SELECT count(*) FROM evaluation')" = $((had + 1)) ]
}
check measured_once once

# an expert of that name with other values, a task with other questions: grey until measured again
stale() {
	mkdir -p "$XDG_DATA_HOME/t2tui/tasks" && cp -r samples/tasks/math "$XDG_DATA_HOME/t2tui/tasks/aaa" &&
		sed -i 's/"name": *"math"/"name": "aaa"/' "$XDG_DATA_HOME/t2tui/tasks/aaa/task.json" &&
		t2 expert export math -o "$home/math.safetensors" --quiet && t2 expert export code -o "$home/code.safetensors" --quiet &&
		t2 expert import "$home/math.safetensors" --name mine --model sample --quiet &&
		t2 eval sample --task math --expert mine --limit 20 --quiet >/dev/null &&
		t2 eval sample --task aaa --limit 20 --quiet >/dev/null &&
		t2 expert rm mine --quiet && t2 expert import "$home/code.safetensors" --name mine --model sample --quiet &&
		sed -i 's/coins/cakes/' "$XDG_DATA_HOME/t2tui/tasks/aaa/test.jsonl" &&
		play <<-EOF
			$start
			wait "aaa" 20000
			key G
			key /
			type mine
			key Enter
			keys llllllllllll
			keys hhh
			wait "expert:mine · math: 1.00 [0.84 1.00]  20 of 20, stale"
			wait "stale: made with other weights"
			key Enter
			wait "1 evaluation kept" 60000
			wait-not ", stale"
			key / Backspace Backspace Backspace Backspace
			type base
			key Enter
			keys lll
			wait "aaa: "
			wait "stale: the questions have changed"
			wait "has changed since"
		EOF
}
check changed_since stale

# Esc ends the one that runs and those that wait; nothing half is kept
cancelled() {
	before=$(ask 'SELECT count(*) FROM evaluation WHERE seconds>0')
	play <<-EOF
		wait "effective rank" 120000
		keys 8
		wait "expert:logic"
		sleep 1000
		keys :run-all
		key Enter
		wait "evaluations"
		key y
		wait "to do, "
		key Esc
		wait "more that waited" 20000
		wait-not "to do, "
	EOF
	[ "$(ask 'SELECT count(*) FROM evaluation WHERE seconds>0 AND n<>(SELECT count(*) FROM evaluation_item WHERE evaluation=id)')" = 0 ] &&
		[ "$(ask 'SELECT count(*) FROM evaluation WHERE seconds>0')" -lt $((before + 5)) ]
}
check cancelled cancelled
finish
