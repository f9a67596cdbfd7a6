#!/bin/bash
# The user's keys: listed by --keys, in force in the workbench, shown in its key bar, help and palette; faults name the line.
. tests/lib/cli.sh
conf=$XDG_CONFIG_HOME/t2tui/t2tui.conf
mkdir -p "${conf%/*}"
keys() { printf '%s\n' "$@" >"$conf"; }
listed() { "$T" --keys | grep -qxE -- "$1"; }
says() { # says TEXT LINE...: the file is refused, the line named
	local text=$1
	shift
	keys "$@"
	fails "$text" "$T" --keys && fails "$text" "$T" --script /dev/null sample
}
check as_it_comes listed '  q +quit +quit'
keys '# mine' '[keys]' 'quit = Q F10' 'help = H' 'palette = Semicolon :' 'suspend =' '[keys runs]' 'stop = F9' 'sort = O' 'resume = Ctrl-r' \
	'[keys mix]' 'ask-again = F2' '[keys ask]' 'ask = F3' '[keys train]' 'train =' '[keys experts]' 'mark = M' 'compare = C'
check listed_changed listed '\* Q, F10 +quit +quit'
check listed_own listed '\* F9 +stop +stop the selected run.*'
check listed_common_in_a_view listed '\* O +sort +sort by.*'
check listed_none listed '\* +suspend +.*'
check json test "$("$T" --keys --json | jget '$.keys[0].name')" = up
json_changed() {
	"$T" --keys --json | jtest "(SELECT count(*) FROM json_each(j, '\$.keys') WHERE
		json_extract(value, '\$.changed') AND json_extract(value, '\$.view') = 'Runs') = 3"
}
check json_changed json_changed
cat >"$D/s.t2s" <<-'END'
	wait "effective rank" 120000
	wait-not "/28" 90000
	keys 7
	wait "new run"
	expect "H help"
	expect "Semicolon commands"
	expect-not "? help"
	key H
	expect "help: Runs"
	key H
	expect-not "help: Runs"
	key H
	type /quit
	expect "Q, F10"
	key Esc
	key Esc
	key :
	type stop
	expect "stop the selected run"
	key Esc
	keys q
	expect "[7 Runs]"
	keys O
	expect "run▴"
	key F10
	sleep 5000
	expect "this was never reached"
END
check in_force "$T" --script "$D/s.t2s" --size 120x40 --store "$D/k.db" sample
# sentences name the user's keys
cat >"$D/w.t2s" <<-'END'
	wait "effective rank" 120000
	keys 3
	keys C
	expect "M marks experts; C compares two of them"
	keys 4
	key Tab Tab Tab
	keys A
	wait "F2 asks" 20000
	keys 5
	key Tab Tab
	expect "F3 asks; the answer streams here"
	keys 6
	expect ":train starts"
END
check in_sentences "$T" --script "$D/w.t2s" --size 120x40 --store "$D/k.db" sample
# every {command} in a sentence is one that has a key
named_in_sentences() {
	"$T" --keys --json | grep -oE '"name":"[^"]+"' | cut -d'"' -f4 | sort -u >"$D/names"
	grep -rhE 'KEYS|_KEYS|app_keys' -A 4 tui --include=*.c | grep -oE '\{[a-z]+(-[a-z]+)*\}' | tr -d '{}' | sort -u |
		grep -v '^prompt$' >"$D/used"
	test "$(wc -l <"$D/used")" -gt 20 && test -z "$(comm -13 "$D/names" "$D/used")"
}
check named_in_sentences named_in_sentences
check conflict says ":2: quit = x: x is export" '[keys]' 'quit = x'
check unknown says ":3: frob: no such command" '[keys]' 'quit = Q' 'frob = Q'
check unknown_section says ":1: \[key\]: no such section" '[key]' 'quit = Q'
check unknown_key says ":2: quit = Ctlr-q:" '[keys]' 'quit = Ctlr-q'
finish
