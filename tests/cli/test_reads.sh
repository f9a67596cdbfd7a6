#!/bin/bash
# What Evals, Runs and the world read by jobs, in a store where that takes a while: moving on, quitting and opening another
# model in the middle of it.
. tests/lib/cli.sh
if [ ! -r samples/model/model.safetensors ]; then
	skip reads
	finish
fi
BIN=$(realpath "$T")
export XDG_STATE_HOME=$D/state
S=$D/t2.db
"$BIN" decompose sample --quiet --store "$S" >/dev/null
for s in none expert:math prompt; do
	"$BIN" eval sample --task math --strategy "$s" --limit 5 --quiet --store "$S" >/dev/null
done
"$BIN" export sample --expert math -o "$D/half.safetensors" --dtype f16 --quiet --store "$S" >/dev/null
cp -r samples/model "$D/half" && chmod -R u+w "$D/half" && mv "$D/half.safetensors" "$D/half/model.safetensors"
# 100 000 questions a cell, two curves of 60 000 steps, 3 000 runs
sqlite3 "$S" "
	CREATE TEMP TABLE mine AS SELECT id,strategy FROM evaluation ORDER BY id DESC LIMIT 3;
	WITH RECURSIVE k(i) AS (SELECT 5 UNION ALL SELECT i+1 FROM k WHERE i<99999)
	INSERT INTO evaluation_item SELECT m.id,i,(i*7+m.id)%3>0,'It is '||i,CASE WHEN m.strategy='prompt' THEN 'math' END
		FROM mine m, k;
	UPDATE evaluation SET n=100000,correct=66666 WHERE id IN (SELECT id FROM mine);
	WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM k WHERE i<3000)
	INSERT INTO run(kind,model,name,task,settings,status,step,steps,reward,started)
		SELECT kind,model,'copy'||i,task,settings,'done',60000,60000,reward,started+i FROM k, (SELECT * FROM run LIMIT 1);
	WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM k WHERE i<60000)
	INSERT INTO metric(run,step,reward,ms) SELECT r.id,i,0.5,1 FROM (SELECT id FROM run ORDER BY id DESC LIMIT 2) r, k;"
plays() { (cd "$D" && "$BIN" --script - --size 120x40 --store "$S" sample); }
evals='wait "effective rank" 120000
keys 8
wait "▲ above base" 60000
keys lllll
wait "base · math: 0." 60000'
# passing several cells shows the last one's
moves() {
	plays <<-END
		$evals
		keys jkjkjkjjjjjkkkkkjkj
		wait "66666 of 100000 right" 60000
		keys g
		keys jkjkj
		wait "against base on the same 100000 questions" 60000
		key c
		wait "questions that differ" 60000
		expect "against base"
		key Esc
		keys gjjjjj
		wait "prompt · task × choice" 60000
		keys g
		keys lllll
		wait-not "100000 right" 60000
		wait "a cell that was measured here" 60000
	END
}
check moves moves
quits() { # quits KEYS: a moment after them, and at once
	plays <<-END && plays <<-END2
		$evals
		keys $1
		sleep 15
		keys q
	END
		$evals
		keys $1
		keys q
	END2
}
check evals_quits quits jkj
check evals_quits_at_choices quits jjjjj
check runs_quits quits 7jkj
check world_quits quits 7r
switches() {
	plays <<-END
		$evals
		keys $1
		key :
		type open half
		key Enter
		wait "opened half" 60000
		keys 8
		wait "base" 60000
		keys 7
		keys 3
		keys 1
		keys O
		type sample
		key Enter
		wait "opened sample" 60000
		keys 8
		wait "expert:math" 60000
	END
}
check evals_switches switches jkj
check runs_switches switches 7jkj
check store_sound sh -c "\"$BIN\" store check --store \"$S\" | grep -q sound"
finish
