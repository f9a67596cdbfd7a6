#!/bin/bash
# Edges of the verbs: a store that takes nothing more, words that say nothing or say it twice, and what a message names.
. tests/lib/cli.sh
if [ ! -r samples/model/model.safetensors ]; then
	skip edges
	finish
fi
BIN=$(realpath "$T")
"$T" decompose sample --quiet >/dev/null

# -- a disk that is really full: a small file system of our own, where that may be made
SMALL=$D/small
mkdir "$SMALL"
trap 'umount "$SMALL" 2>/dev/null; rm -rf "$D"' EXIT
filled() { dd if=/dev/zero of="$SMALL/fill" bs=4k 2>/dev/null; ! dd if=/dev/zero of="$SMALL/more" bs=1 count=1 2>/dev/null; }
emptied() { rm -f "$SMALL/fill" "$SMALL/more"; }
# unkept WHY COMMAND...: status 0, data on stdout, and one line on stderr that says that it is not kept and why
unkept() {
	why=$1
	shift
	"$@" >"$D/o" 2>"$D/e" </dev/null
	rc=$?
	[ $rc -eq 0 ] && [ -s "$D/o" ] && [ "$(grep -c '^t2tui: not kept: ' "$D/e")" -eq 1 ] && grep -q "not kept: .*$why" "$D/e" && return
	echo "status $rc, $(wc -c <"$D/o") bytes; stderr:"
	cat "$D/e"
	return 1
}
answers() { # answers STORE WHY: an answer and figures come, in text and in JSON
	unkept "$2" "$T" ask sample "What is 1 plus 1?" --store "$1" --quiet &&
		unkept "$2" "$T" ask sample "What is 1 plus 1?" --store "$1" --json &&
		jtest "json_extract(j,'\$.pass2.text') IS NOT NULL AND json_extract(j,'\$.decision_id') IS NULL" <"$D/o" &&
		unkept "$2" "$T" eval sample --task math --limit 3 --store "$1" --json &&
		jtest "json_extract(j,'\$.n')=3" <"$D/o"
}
reads() { # reads STORE: what only looks goes on
	"$T" info sample --store "$1" --json | jtest "json_extract(j,'\$.layers')=4" && "$T" expert list --store "$1" | grep -q '^math' &&
		"$T" generate sample --prompt Q -n 2 --expert math --store "$1" --quiet | grep -q . && "$T" store check --store "$1" | grep -q sound
}
no_room() { # the files beside the store cannot be made
	emptied
	"$T" expert list --store "$SMALL/t2.db" >/dev/null && filled || return 1
	reads "$SMALL/t2.db" && answers "$SMALL/t2.db" "$SMALL/t2.db: .*disk was full.*free some space" &&
		fails "$SMALL/t2.db: .*disk was full.*free some space" "$T" mix create m math=1 --store "$SMALL/t2.db" &&
		fails "$SMALL/t2.db: .*disk was full.*free some space" "$T" train sample --task math --steps 2 --store "$SMALL/t2.db"
}
no_more_room() { # somebody has it open, so they are there, but nothing can be added
	emptied
	"$T" expert list --store "$SMALL/t2.db" >/dev/null
	mkfifo "$D/hold"
	sqlite3 "$SMALL/t2.db" "SELECT count(*) FROM expert" ".read $D/hold" >/dev/null 2>&1 &
	local p=$!
	for _ in $(seq 100); do [ -s "$SMALL/t2.db-shm" ] && break; sleep 0.05; done
	filled && reads "$SMALL/t2.db" && answers "$SMALL/t2.db" "$SMALL/t2.db: .*disk full; free some space" &&
		unkept "$SMALL/t2.db: .*disk full; free some space" "$T" ask "$D/other" "1 plus 1?" --strategy none --store "$SMALL/t2.db" &&
		fails "$SMALL/t2.db: .*disk full; free some space" "$T" mix create m math=1 --store "$SMALL/t2.db"
	local rc=$?
	kill $p
	wait $p 2>/dev/null
	return $rc
}
screen() { # the workbench too
	emptied
	"$T" expert list --store "$SMALL/t2.db" >/dev/null && filled || return 1
	"$BIN" --script - --size 120x40 --store "$SMALL/t2.db" sample <<-'S'
		wait "is on a full disk: what is asked" 20000
		wait "effective rank" 120000
		key Esc
		keys 5
		key a
		wait "decision:" 90000
		wait " tokens · " 90000
		expect-not "Success"
	S
}
trains() { # trains until nothing fits: which step is lost, what is kept, how it goes on; and it goes on
	emptied
	"$T" expert list --store "$SMALL/t2.db" >/dev/null
	dd if=/dev/zero of="$SMALL/fill" bs=4k count=$(($(df -k "$SMALL" | awk 'NR==2 {print $4}') / 4 - 60)) 2>/dev/null
	"$T" train sample --task math --steps 60 --batch 1 --samples 2 --eval-every 0 --name cut --json --store "$SMALL/t2.db" >"$D/o" 2>"$D/e"
	[ $? -eq 1 ] && [ "$(wc -l <"$D/e")" -eq 1 ] || { cat "$D/e"; return 1; }
	local step
	step=$(grep -c '"event":"step"' "$D/o")
	grep -q "^t2tui: run [0-9]*: \(step $((step + 1))\|nothing\) is lost, steps to $step are kept: $SMALL/t2.db: .*free.* space.*; then \"t2tui run resume [0-9]*\" goes on" "$D/e" &&
		tail -1 "$D/o" | jtest "json_extract(j,'\$.event')='end' AND json_extract(j,'\$.status')='failed'" || { cat "$D/e"; return 1; }
	emptied
	"$T" run list --json --store "$SMALL/t2.db" | jtest "(SELECT json_extract(value,'\$.step') FROM json_each(j,'\$.runs') WHERE json_extract(value,'\$.name')='cut')=$step" &&
		"$T" run resume cut --store "$SMALL/t2.db" --quiet | tail -1 | grep -q "done: expert cut"
}
sed 's/"rope_theta": *[0-9.]*/"rope_theta": 12345.0/' samples/model/config.json >"$D/config.json"
cp -r samples/model "$D/other" && cp "$D/config.json" "$D/other/config.json" # a model that the store does not know
if mount -t tmpfs -o size=8m tmpfs "$SMALL" 2>/dev/null; then
	check full_disk_no_room no_room
	check full_disk_no_more_room no_more_room
	check full_disk_screen screen
	check full_disk_train trains
	umount "$SMALL"
else
	skip full_disk_no_room_may_not_mount
	skip full_disk_no_more_room_may_not_mount
	skip full_disk_screen_may_not_mount
	skip full_disk_train_may_not_mount
fi
locked() { # another process writes and does not end
	"$T" expert list --store "$D/l.db" >/dev/null
	mkfifo "$D/lock"
	sqlite3 "$D/l.db" "BEGIN IMMEDIATE" "SELECT 'held'" ".read $D/lock" >"$D/held" 2>/dev/null &
	local p=$!
	for _ in $(seq 100); do [ -s "$D/held" ] && break; sleep 0.05; done
	unkept "$D/l.db: .*another process holds the store; try again" "$T" ask sample "1 plus 1?" --store "$D/l.db"
	local rc=$?
	kill $p
	wait $p 2>/dev/null
	return $rc
}
check locked_store locked

# -- words that say nothing
check empty_prompt usage "the prompt is empty" "$T" ask sample ""
check blank_prompt usage "the prompt is empty" "$T" ask sample " 	
 "
check empty_input usage "the prompt is empty" sh -c ': | "$1" ask sample' _ "$T"
check blank_input usage "the prompt is empty" sh -c 'printf " \n\n" | "$1" ask sample -' _ "$T"
check empty_generate usage "the prompt is empty" sh -c ': | "$1" generate sample' _ "$T"

# -- words that say it twice
"$T" expert export math -o "$D/file.safetensors" >/dev/null
ln -s file.safetensors "$D/link.safetensors"
check mix_twice fails "math is named twice" "$T" generate sample --prompt Q -n 1 --mix math=.5,math=.4
check mix_twice_otherwise fails "sample:math is named twice" "$T" generate sample --prompt Q -n 1 --mix math=.5,code=.1,sample:math=.4
check mix_twice_file fails "link.safetensors is named twice" "$T" logits sample --tokens 1 --mix "$D/file.safetensors=1,$D/link.safetensors=1"
check mix_create_twice fails "math is named twice" "$T" mix create m math=.5 sample:math=.4
check mix_not_made sh -c '! "$1" mix list | grep -q "^m "' _ "$T"
check mix_file_and_name "$T" generate sample --prompt Q -n 1 --mix "math=.5,$D/file.safetensors=.4" --quiet
check strategy_mix_twice fails "math is named twice" "$T" eval sample --task math --limit 1 --strategy mix:math=1,math=1
check candidates_twice fails "math is named twice" "$T" ask sample "1 plus 1?" --strategy prompt --experts math,code,math

# -- base: the word that the workbench has for none
base() {
	"$T" ask sample "What is 1 plus 1?" --strategy base --json 2>/dev/null >"$D/b" && "$T" ask sample "What is 1 plus 1?" --strategy none --json 2>/dev/null >"$D/n" &&
		jtest "json_extract(j,'\$.strategy')='none'" <"$D/b" && [ "$(jget '$.pass2.text' <"$D/b")" = "$(jget '$.pass2.text' <"$D/n")" ] &&
		"$T" eval sample --task math --limit 1 --strategy base --json | jtest "json_extract(j,'\$.strategy')='none'" &&
		"$T" ask --help | grep -q "none (or base)" && "$T" eval --help | grep -q "none (or base"
}
check strategy_base base

# -- what a message names is what the user wrote
check export_names_its_file fails "/nosuch/x: " "$T" export sample -o /nosuch/x
check expert_export_names_its_file fails "/nosuch/y: " "$T" expert export math -o /nosuch/y
check nothing_of_ours sh -c '! "$1" export sample -o /nosuch/x 2>&1 | grep -q "\.tmp\."' _ "$T"
check raw_names_its_file fails "/nosuch/r: " "$T" logits sample --tokens 1 --raw /nosuch/r
check backup_names_its_file fails "/nosuch/b: " "$T" store backup /nosuch/b
check grad_names_its_file fails "/nosuch/g: " sh -c 'echo "{\"prompt_ids\":[5],\"answer_ids\":[6],\"reward\":1}" | "$1" grad sample --batch - -o /nosuch/g' _ "$T"
check csv_names_its_folder fails "/nosuch/c.db: " "$T" run list --store /nosuch/c.db

# -- two models' spectra
cp -r samples/model "$D/cut" && truncate -s 2000000 "$D/cut/model.safetensors"
mkdir "$D/nothing"
check compare_empty_name fails "the model's name is empty" "$T" spectrum sample --compare ""
check compare_cut_file fails "cut/model.safetensors: .*cut short" "$T" spectrum sample --compare "$D/cut"
check compare_empty_folder fails "$D/nothing: no model.safetensors" "$T" spectrum sample --compare "$D/nothing"
check compare_no_matrix fails "has none of that name" "$T" spectrum sample --compare sample --matrix nosuch
itself() {
	"$T" spectrum sample --compare samples/../samples/model | grep -qx "sample against itself" &&
		"$T" spectrum samples/model --compare sample --json | jtest "json_extract(j,'\$.compare.name')='sample'"
}
check compare_itself itself
compare_screen() { # the same in the workbench: what cannot be, is told; what is there stays
	"$BIN" --script - --size 120x40 sample <<-S
		wait "effective rank" 120000
		key C
		type $D/cut\n
		wait "spectra to compare: $D/cut/model.safetensors: " 20000
		keys 0
		wait "cut short" 5000
		keys 2
		key C
		type $D/nothing\n
		wait "no model.safetensors" 20000
		key C
		type $D/nosuch\n
		wait "no such file" 20000
		key C
		type $PWD/samples/../samples/model\n
		wait "is the open one" 20000
		expect "effective rank"
	S
}
check compare_screen compare_screen

# -- a list that is filtered and marked while another process changes what is in it
changing() {
	local n
	for n in omars omink omoth; do "$T" expert import "$D/file.safetensors" --name $n --store "$D/c.db" >/dev/null 2>&1; done
	mkfifo "$D/keys"
	"$BIN" --script - --size 120x30 --store "$D/c.db" sample <"$D/keys" >"$D/screen" 2>&1 &
	local p=$!
	cat >"$D/keys" <<-END
		wait "effective rank" 120000
		keys 3
		wait "omoth" 5000
		key /
		type om\n
		wait-not "▌logic" 5000
		key Space
		key j
		key j
		key Space
		wait "● ▌omoth" 5000
		shot $D/filtered.txt
		wait "▌omnew" 20000
		wait-not "▌omink" 20000
		wait-not "▌omars" 20000
		expect "● ▌omoth"
		expect-not "● ▌omnew"
		expect-not "▌other"
		expect-not "▌logic"
	END
	for _ in $(seq 300); do [ -s "$D/filtered.txt" ] && break; sleep 0.1; done
	for n in omnew other; do "$T" expert import "$D/file.safetensors" --name $n --store "$D/c.db" >/dev/null 2>&1; done
	"$T" expert rm omink --store "$D/c.db" && "$T" expert rename omars zebra --store "$D/c.db"
	wait $p || { cat "$D/screen"; return 1; }
}
check list_that_changes changing

# -- settings: sections without a row
conf() { # conf TEXT WHERE-AND-WHAT
	mkdir -p "$D/config/t2tui" && printf "$1" >"$D/config/t2tui/t2tui.conf"
	ends 1 "$2" "$T" sample
	rc=$?
	rm -r "$D/config/t2tui"
	return $rc
}
check conf_empty_section conf 'view = 2\n\n[colours]\n' "t2tui.conf:3: \[colours\]: no such section"
check conf_empty_view conf '[keys]\n[keys nowhere]\n' "t2tui.conf:2: \[keys nowhere\]: no such view"

# -- the store's manual says its version
version() { grep -A1 'user_version$' man/t2tui-store.7 | grep -qx "is $(sqlite3 "$XDG_DATA_HOME/t2tui/t2.db" 'PRAGMA user_version')\."; }
check manual_says_version version
numbers() { # of what is deleted: another gets another
	"$T" ask sample "1 plus 1?" --json 2>/dev/null | jget '$.decision_id' >"$D/id"
	sqlite3 "$XDG_DATA_HOME/t2tui/t2.db" "DELETE FROM decision; DELETE FROM run; DELETE FROM evaluation"
	[ "$("$T" ask sample "1 plus 1?" --json 2>/dev/null | jget '$.decision_id')" -gt "$(cat "$D/id")" ] &&
		"$T" train sample --task math --steps 1 --batch 1 --samples 2 --eval-every 0 --json | head -1 | jtest "json_extract(j,'\$.run')=5"
}
check numbers_are_not_given_again numbers
finish
