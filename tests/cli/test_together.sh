#!/bin/bash
# Several at once on one store: two workbenches and two trainers; a disk that is full under a workbench.  (A store by a newer
# version, a read-only one, a model that goes away: test_readonly.)
. tests/lib/cli.sh
if [ ! -r samples/model/model.safetensors ]; then
	skip together
	finish
fi
BIN=$(realpath "$T")
S=$D/t2.db
soon=1000
case $T in *san*) soon=10000 ;; esac
export XDG_STATE_HOME=$D/state
bench() { "$BIN" --script - --size 120x40 --store "$1" sample; }
sound() { "$BIN" store check --store "$1" | grep -q sound; }
trainers() { sqlite3 "$S" "SELECT pid FROM run WHERE status='running' AND pid IS NOT NULL" 2>/dev/null; }
leave() {
	for p in $(trainers); do [ "$(readlink "/proc/$p/exe")" = "$BIN" ] && kill "$p"; done
	sleep 0.2
	rm -rf "$D"
}
trap leave EXIT
"$BIN" decompose sample --quiet --store "$S" >/dev/null
"$BIN" expert export math -o "$D/math.safetensors" --store "$S" >/dev/null
"$BIN" expert import "$D/math.safetensors" --name mine --store "$S" >/dev/null 2>&1

# One waits, with the list of runs open, for what the other starts; screens in files say what it has seen, and when.
both() {
	mkfifo "$D/a" "$D/b"
	bench "$S" <"$D/a" >"$D/a.out" 2>&1 &
	local a=$!
	bench "$S" <"$D/b" >"$D/b.out" 2>&1 &
	local b=$!
	cat >"$D/a" <<-END
		wait "effective rank" 120000
		keys 7
		expect "dispatch"
		shot $D/a-there.txt
		wait "running" 120000
		shot $D/a-saw.txt
		wait "second" 120000
		keys 3
		wait "mine" 5000
		shot $D/a-shows.txt
		wait "renamed" 120000
		wait-not "mine" 1000
		shot $D/a-renamed.txt
		wait-not "renamed" 120000
		expect "math"
		keys 1234567890
		keys q
	END
	cat >"$D/b" <<-END
		wait "effective rank" 120000
		keys 3
		wait "mine" 5000
		shot $D/b-there.txt
		keys 6
		key t
		wait "[7 Runs]" 5000
		wait "running" 120000
		shot $D/b-saw.txt
		wait "second" 120000
		keys 3
		wait "math" 5000
		keys q
	END
	local t
	for t in a-there b-there; do until_there "$t" || return 1; done
	until_there a-saw && until_there b-saw || return 1
	t=$(($(date -r "$D/a-saw.txt" +%s%3N) - $(date -r "$D/b-saw.txt" +%s%3N)))
	[ ${t#-} -le "$soon" ] || {
		echo "one saw the run $t ms after the other"
		return 1
	}
	"$BIN" train sample --task math --name second --steps 2000 --batch 1 --samples 2 --eval-every 0 --threads 1 --detach \
		--store "$S" --quiet >/dev/null 2>"$D/second.err" || return 1
	until_there a-shows || return 1
	"$BIN" expert rename mine renamed --store "$S" >/dev/null || return 1
	until_there a-renamed || return 1
	"$BIN" expert rm renamed --store "$S" >/dev/null || return 1
	wait $a || {
		grep -a t2tui: "$D/a.out"
		return 1
	}
	wait $b || {
		grep -a t2tui: "$D/b.out"
		return 1
	}
}
until_there() {
	for _ in $(seq 1200); do
		[ -s "$D/$1.txt" ] && return
		sleep 0.05
	done
	echo "never: $1"
	grep -a t2tui: "$D"/[ab].out "$D"/*.err
	return 1
}
trainers_live() { # both went on when the workbenches had left, and stop when they are told to
	[ "$(trainers | wc -w)" -eq 2 ] || return 1
	local before
	before=$(steps)
	sleep 1
	[ "$(steps)" -gt "$before" ] || return 1
	for r in $(sqlite3 "$S" "SELECT id FROM run WHERE status='running'"); do
		"$BIN" run stop "$r" --store "$S" >/dev/null || return 1
	done
	for _ in $(seq 200); do
		[ -z "$(trainers)" ] && return
		sleep 0.05
	done
	return 1
}
steps() { sqlite3 "$S" "SELECT SUM(step) FROM run WHERE NOT shipped"; }
# A disk that is full, played by a limit on the size of files: said where it happens, and what was there is there.
full() {
	"$BIN" expert list --store "$D/full.db" >/dev/null
	(ulimit -f 33 && bench "$D/full.db") >"$D/full.out" 2>&1 <<-'END' || { grep -a t2tui: "$D/full.out"; return 1; }
		wait "effective rank" 120000
		keys 5
		key a
		wait "decision:" 90000
		wait " tokens · " 90000
		key a
		sleep 1000
		key a
		sleep 1000
		key a
		wait "full.db: keep decision: " 90000
		expect "look at the disk and its free space"
		expect-not "Success"
		keys 3
		wait "▌math " 5000
		key e
		key Ctrl-u
		type other\n
		wait "full.db: " 5000
		expect "look at the disk and its free space"
		expect "▌math "
		keys 6
		key t
		wait "start trainer: " 20000
		expect "look at the disk and its free space"
		keys 0
		expect "keep decision"
	END
	sound "$D/full.db" && bench "$D/full.db" <<-'END'
		wait "effective rank" 120000
		keys 3
		wait "▌math " 5000
		keys 7
		expect-not "running"
	END
}
# A store that goes bad under a workbench: it is told, and told once however often it is met.
broken() {
	"$BIN" expert list --store "$D/bad.db" >/dev/null 2>&1
	mkfifo "$D/c"
	bench "$D/bad.db" <"$D/c" >"$D/c.out" 2>&1 &
	local c=$!
	cat >"$D/c" <<-END
		wait "effective rank" 120000
		keys 4
		keys 7
		wait "dispatch"
		shot $D/c-there.txt
		wait "list mixtures" 20000
		keys 4 r
		keys 7 r
		keys 4 r
		keys 0
		wait "list mixtures"
		expect-not "list mixtures 2 times"
		shot $D/c-log.txt
	END
	for _ in $(seq 300); do [ -s "$D/c-there.txt" ] && break; sleep 0.1; done
	sqlite3 "$D/bad.db" "ALTER TABLE mixture RENAME COLUMN fitness TO fitnes"
	wait "$c" || { cat "$D/c.out"; return 1; }
	[ "$(grep -c "no such column" "$D/c-log.txt")" -ge 1 ]
}
check told_once broken
check two_workbenches both
check trainers_go_on trainers_live
check store_sound sound "$S"
check full_disk full
finish
