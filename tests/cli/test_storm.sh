#!/bin/bash
# Storms over every view of the workbench on the sample, without a terminal: sizes from 1x1 to 300x100 and keys, both at
# random and the same each time.  Whatever they start or delete stays in this test's own folders.
#	T2_STORM_KEYS=10000 T2_STORM_SIZES=1000 bash tests/cli/test_storm.sh	(as much as under make check-asan)
. tests/lib/cli.sh
if [ ! -r samples/model/model.safetensors ]; then
	skip storm
	finish
fi
case ${T2_BUILD:-build} in
*asan) keys=10000 sizes=1000 ;; # whole where it tells most
*) keys=4000 sizes=500 ;;
esac
keys=${T2_STORM_KEYS:-$keys} sizes=${T2_STORM_SIZES:-$sizes}
BIN=$(realpath "$T")
mkdir "$D/share" && cp -r samples "$D/share"
export T2TUI_SHARE=$D/share XDG_STATE_HOME=$D/state
mkdir -p "$D/here" "$D/state" "$D/tmp"
export TMPDIR=$D/tmp
"$BIN" decompose sample --quiet >/dev/null
shipped() { (cd "$D/share" && find . -type f -exec md5sum {} + | sort); }
shipped >"$D/shipped"
# trainers are processes of their own: they end with the test
trainers() { sqlite3 "$1" "SELECT pid FROM run WHERE status='running' AND pid IS NOT NULL" 2>/dev/null; }
stop() {
	for db in "$D"/*.db; do
		for pid in $(trainers "$db"); do
			[ "$(readlink "/proc/$pid/exe")" = "$BIN" ] && kill "$pid"
		done
	done
}
trap 'stop; sleep 0.3; rm -rf "$D"' EXIT

# play NAME: in a folder of its own, where exports go
play() {
	local rc
	(cd "$D/here" && timeout 600 "$BIN" --script "$D/$1.t2s" --size 120x40 --store "$D/$1.db" sample) >"$D/$1.out" 2>&1
	rc=$?
	[ $rc -eq 0 ] && return
	echo "status $rc"
	grep -a "t2tui: \|runtime error\|ERROR: " "$D/$1.out" | head -5
	cp "$D/$1.t2s" "${T2_BUILD:-build}/storm-$1.t2s"
	echo "the script: ${T2_BUILD:-build}/storm-$1.t2s"
	return 1
}

sizes() {
	awk -v n="$sizes" 'BEGIN {
		srand(1)
		print "wait \"effective rank\" 120000"
		split("1 2 3 4 5 6 7 8 9 0", view, " ")
		for (i = 0; i < n; i++) {
			if (i % 10 == 0) {
				print "key Esc"
				print "keys " view[int(rand() * 10) + 1]
			}
			if (i % 7 == 3) print "key Tab"
			if (i % 23 == 11) print "key :"
			if (i % 23 == 14) print "key Esc"
			# small ones as often as large ones
			w = rand() < 0.3 ? 1 + int(rand() * 20) : 1 + int(rand() * 300)
			h = rand() < 0.3 ? 1 + int(rand() * 10) : 1 + int(rand() * 100)
			print "resize " w "x" h
		}
		print "resize 120x40"
		print "key Esc"
		print "keys 2"
		print "expect \"effective rank\""
	}' >"$D/sizes.t2s"
	play sizes
}

# Keys of every kind, mostly those that are bound.  q is asked for apart: the storm would end with it.
storm_keys() { # SEED COUNT VIEW
	awk -v seed="$1" -v n="$2" -v first="$3" 'BEGIN {
		srand(seed)
		m = split("j k h l g G n N e x c d u r ? : s o S b a t L E p P i C D R w v y z m + - [ ] < > = 1 2 3 4 5 6 7 8 9 0 " \
			"Tab Shift-Tab Enter Enter Esc Esc Esc Space Up Down Left Right Up Down Left Right Home End PgUp PgDn " \
			"Backspace Delete Ctrl-a Ctrl-b Ctrl-d Ctrl-e Ctrl-f Ctrl-k Ctrl-l Ctrl-n Ctrl-p Ctrl-u Ctrl-w Ctrl-z Alt-Enter " \
			"Alt-b Alt-f Ctrl-Left Ctrl-Right F1 F5 F12 A B F G H I J K M O Q T U V W X Y Z f i , . ; ! # % & * ( ) { } | ~", key, " ")
		print "wait \"effective rank\" 120000"
		print "keys " first
		for (i = 0; i < n; i++) {
			r = rand()
			if (r < 0.03)
				print "type a日é " int(rand() * 1000)
			else if (r < 0.06)
				print "mouse " (rand() < 0.5 ? "press " : rand() < 0.5 ? "drag " : "release ") int(rand() * 120) " " int(rand() * 40)
			else if (r < 0.07)
				print "mouse " (rand() < 0.5 ? "up " : "down ") int(rand() * 120) " " int(rand() * 40)
			else if (r < 0.08)
				print "paste " int(rand() * 1000) "	日本 text"
			else if (r < 0.085)
				print "resize " 1 + int(rand() * 200) "x" 1 + int(rand() * 60)
			else if (r < 0.09)
				print "resize 120x40"
			else if (r < 0.1) # not within a name: what is exported stays in this folder
				print "key Esc Esc Esc /"
			else
				print "key " key[int(rand() * m) + 1]
		}
		print "resize 120x40"
		print "shot " ENVIRON["D"] "/ended.txt"
	}' >"$D/keys-$3.t2s"
}
keys() { # VIEW
	D=$D storm_keys "$((100 + $1))" "$((keys / 10))" "$1"
	local rc=0
	play "keys-$1" || rc=1
	stop
	[ $rc -eq 0 ] || return 1
	[ -s "$D/ended.txt" ] || {
		echo "left before the last key"
		return 1
	}
	rm "$D/ended.txt"
	"$BIN" store check --store "$D/keys-$1.db" | grep -q sound || {
		"$BIN" store check --store "$D/keys-$1.db"
		return 1
	}
}
check sizes sizes
check sizes_store_sound sh -c '"$1" store check --store "$2" | grep -q sound' _ "$BIN" "$D/sizes.db"
for v in 1 2 3 4 5 6 7 8 9 0; do
	check "keys_from_view_$v" keys "$v"
done
stop
unharmed() { # what is shipped is as it was
	shipped >"$D/after"
	diff "$D/shipped" "$D/after"
}
check shipped_unharmed unharmed
finish
