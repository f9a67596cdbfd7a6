#!/bin/bash
# The whole workbench in real terminals, inside tmux: its first screen is the replay's, whatever TERM, size and locale; keys
# work; the terminal is as before when it ends, by q, by a signal, after a stop; a terminal that is closed takes the workbench
# with it and nothing else; a paste of a megabyte; and no output, no processor time on any view when nothing moves.
. tests/lib/cli.sh
if ! command -v tmux >/dev/null || [ ! -r samples/model/model.safetensors ]; then
	skip workbench_without_tmux_or_sample
	finish
fi
BIN=$(realpath "$T")
export XDG_STATE_HOME=$D/state
unset TMUX STY COLORTERM T2TUI_THEME
mux() { LC_ALL=C.UTF-8 tmux -u -S "$D/sock" -f /dev/null "$@"; }
trainers() { sqlite3 "$D/t2.db" "SELECT pid FROM run WHERE status='running' AND pid IS NOT NULL" 2>/dev/null; }
ours() { [ "$(readlink "/proc/$1/exe" 2>/dev/null)" = "$BIN" ]; }
leave() {
	mux kill-server 2>/dev/null
	for p in $(trainers); do ours "$p" && kill "$p"; done
	rm -rf "$D"
}
trap leave EXIT
"$BIN" decompose sample --quiet --store "$D/t2.db" >/dev/null
mux new-session -d -s idle sh # stays: the server must not be on its way out while the next one starts

screen() { mux capture-pane -p -t t; }
fits() { # fits COMMAND...: within ten seconds and more, for slow machines
	for _ in $(seq 200); do
		"$@" && return
		sleep 0.05
	done
	echo "never: $*"
	screen
	return 1
}
seen() { screen | grep -qF -- "$1"; }
shows() { fits seen "$1"; }
# start WxH [ENV=VALUE ...]: a shell that runs the workbench, then says how it ended and whether the modes are as before
start() {
	local size=$1
	shift
	mux kill-session -t t 2>/dev/null
	rm -f "$D/pid"
	cat >"$D/run" <<-END
		stty -a >$D/before
		env LC_ALL=C.UTF-8 $* sh -c 'echo \$\$ >$D/pid; exec $BIN sample --store $D/t2.db'
		echo "ended \$?"
		stty -a >$D/after
		cmp -s $D/before $D/after && echo modes as before
	END
	mux new-session -d -x "${size%x*}" -y "${size#*x}" -s t sh
	mux set -t t status off
	mux resize-window -t t -x "${size%x*}" -y "${size#*x}"
	mux send-keys -t t ". $D/run" Enter
}
pid() { cat "$D/pid"; }
# outside: not on the other screen, cursor on, mouse off
outside() {
	local state
	state=$(mux display -p -t t '#{alternate_on} #{cursor_flag} #{mouse_any_flag}')
	[ "$state" = "0 1 0" ] || {
		echo "alternate cursor mouse: $state"
		return 1
	}
}
ended() { shows "ended $1" && shows "modes as before" && outside; }
# replay SIZE GLYPHS COLOURS: the first screen as a script draws it, in memory
replay() {
	local f=$D/first-$1-$2-$3
	[ -s "$f" ] || printf 'wait "effective rank" 120000\nwait-not "/28" 120000\nshot -\n' | LC_ALL=C.UTF-8 "$BIN" --script - --size "$1" --glyphs "$2" \
		--colors "$3" --store "$D/t2.db" sample | sed 's/ *$//' >"$f"
	cat "$f"
}
same() { # same SIZE GLYPHS COLOURS
	screen | sed 's/ *$//' | diff "$D/first-$1-$2-$3" - >"$D/diff"
}
first() { # first SIZE GLYPHS COLOURS
	replay "$@" >/dev/null
	for _ in $(seq 200); do
		same "$@" && return
		sleep 0.05
	done
	echo "not the replay's screen:"
	head -12 "$D/diff"
	return 1
}
goes() { # goes SIZE GLYPHS COLOURS [ENV ...]
	local size=$1 glyphs=$2 colours=$3
	shift 3
	start "$size" "$@" && first "$size" "$glyphs" "$colours" || return 1
	mux send-keys -t t 7
	shows "[7 Runs]" && shows "dispat" || return 1
	mux send-keys -t t Down 5
	shows "$([ "$glyphs" = ascii ] && echo '>prompt' || echo '▸prompt')" || return 1
	if [ "$glyphs" = ascii ]; then
		screen | LC_ALL=C grep '[^ -~]' && return 1
	fi
	mux send-keys -t t q
	ended 0
}
dumb() { # SIZE LOCALE
	start "$1" TERM=dumb LC_ALL="$2"
	shows 'TERM is "dumb"' && ended 1
}
# every TERM at every size, the locale in turns
utf8=1
for size in 80x24 120x40 200x60; do
	for term in xterm-256color screen linux vt100; do
		glyphs=braille colours=256
		case $term in
		linux) glyphs=block colours=8 ;;
		screen) colours=8 ;;
		vt100) colours=mono ;;
		esac
		if [ $utf8 = 1 ]; then
			check "${term}_${size}_utf8" goes $size $glyphs $colours TERM=$term
		else
			check "${term}_${size}_c" goes $size ascii $colours TERM=$term LC_ALL=C
		fi
		utf8=$((1 - utf8))
	done
	utf8=$((1 - utf8))
done
check dumb_utf8 dumb 80x24 C.UTF-8
check dumb_c dumb 120x40 C

hangs_up() {
	start 120x40 TERM=screen && first 120x40 braille 8 || return 1
	kill -HUP "$(pid)"
	ended 129
}
stops() {
	start 120x40 TERM=screen && first 120x40 braille 8 || return 1
	kill -TSTP "$(pid)"
	shows Stopped && outside || return 1
	mux send-keys -t t fg Enter
	first 120x40 braille 8 || return 1
	mux send-keys -t t q
	fits outside >/dev/null || outside || return 1
	mux send-keys -t t "stty -a >$D/after; cmp $D/before $D/after && echo sti''ll as before" Enter
	shows "still as before"
}
# The terminal goes while a job of the workbench and a trainer are at work: the workbench goes too, the trainer does not.
closed() {
	local p q
	start 120x40
	shows "effective rank" || return 1
	mux send-keys -t t 6 t
	shows "[7 Runs]" && fits running || return 1
	mux send-keys -t t 8
	shows "Enter measures" || return 1
	mux send-keys -t t R
	shows "Run 8 evaluations?" || return 1
	mux send-keys -t t y 9
	shows "[9 Jobs]" || return 1
	p=$(pid) q=$(trainers)
	mux kill-session -t t
	fits gone "$p" && fits alone "$q" || return 1
	"$BIN" store check --store "$D/t2.db" | grep -q sound || return 1
	"$BIN" run stop "$(sqlite3 "$D/t2.db" "SELECT id FROM run WHERE status='running'")" --store "$D/t2.db" >/dev/null
	fits stopped && fits gone "$q" && "$BIN" store check --store "$D/t2.db" | grep -q sound
}
running() { [ -n "$(trainers)" ]; }
stopped() { [ "$(sqlite3 "$D/t2.db" "SELECT status FROM run WHERE NOT shipped ORDER BY id DESC LIMIT 1")" = stopped ]; }
gone() { ! ours "$1"; }
# of all that work on this store only the trainer is left
alone() { [ "$(grep -lsaF "$D/t2.db" /proc/[0-9]*/cmdline | cut -d/ -f3 | while read -r p; do ours "$p" && echo "$p"; done)" = "$1" ]; }
check hangs_up hangs_up
check stops_and_comes_back stops
check closed_while_working closed

# More than fits, in one paste: cut, said, and the screen answers within a second; none of it is taken for keys.
pastes() {
	local from
	start 120x40
	shows "effective rank" || return 1
	mux send-keys -t t 5
	shows "▸prompt" || return 1
	yes 'q?d 日本 paste' | head -c 1200000 | iconv -c -f UTF-8 -t UTF-8 >"$D/paste"
	mux load-buffer "$D/paste"
	mux paste-buffer -p -t t
	shows "the prompt takes at most 1048576 bytes" || return 1
	from=$(date +%s%3N)
	mux send-keys -t t Escape
	shows "w strategy" || return 1 # taken, or it would be Alt-7
	mux send-keys -t t 7
	shows "[7 Runs]" || return 1
	from=$(($(date +%s%3N) - from))
	[ $from -lt "$soon" ] || {
		echo "$from ms"
		return 1
	}
	mux send-keys -t t q
	ended 0
}
soon=1000
case $T in *san*) soon=10000 ;; esac
check pastes_a_megabyte pastes
# a paste that comes in pieces, torn in its end too: none of it is a key
pauses() {
	start 120x40
	shows "effective rank" || return 1
	mux send-keys -t t -l "$(printf '\033[200~a')"
	sleep 0.3
	mux send-keys -t t -l q
	sleep 0.3
	mux send-keys -t t -l "$(printf 'q\033')"
	sleep 0.3
	mux send-keys -t t -l '[201~'
	mux send-keys -t t 5
	shows "▸prompt" || return 1
	mux send-keys -t t q
	ended 0
}
check pastes_with_pauses pauses

# Another process holds the store: a job waits for it, and yet the end comes at once; what was not done is said in the shell.
holds() {
	mkfifo "$D/sql"
	sqlite3 "$D/t2.db" <"$D/sql" >"$D/held" 2>&1 &
	exec 8>"$D/sql"
	echo "BEGIN EXCLUSIVE;" >&8
	echo ".print held" >&8
	fits grep -q held "$D/held"
}
lets_go() {
	exec 8>&-
	wait $!
	rm "$D/sql"
}
deletes_held() {
	start 120x40
	shows "effective rank" || return 1
	mux send-keys -t t 7
	shows "[7 Runs]" && shows "dispat" || return 1
	holds || return 1
	mux send-keys -t t d 9
	shows "delete run" && shows "running"
}
# leaves STATUS WORDS: within a second, or two where much goes on; the terminal is as before and the shell has these words
leaves() {
	local from=$1
	ended "$2" || return 1
	from=$(($(date +%s%3N) - from))
	shows "$3" || return 1
	[ $from -lt "$soon" ] || {
		echo "$from ms"
		return 1
	}
}
quits_held() {
	deletes_held || return 1
	mux send-keys -t t q
	shows "Stop it and quit?" || return 1
	mux send-keys -t t y
	leaves "$(date +%s%3N)" 0 "cancelled while another process held the store"
}
dies_held() {
	local from
	deletes_held || return 1
	from=$(date +%s%3N)
	kill -"$1" "$(pid)"
	leaves "$from" "$2" "cancelled while another process held the store"
}
held() {
	local rc
	"$@"
	rc=$?
	lets_go
	return $rc
}
check quits_while_store_is_held held quits_held
check hangs_up_while_store_is_held held dies_held HUP 129
check terminated_while_store_is_held held dies_held TERM 143

# every view in a terminal of its own, all at once
idles() {
	local v p before after
	for v in 0 1 2 3 4 5 6 7 8 9; do
		mux new-session -d -x 120 -y 40 -s "v$v" "sh -c 'echo \$\$ >$D/pid$v; LC_ALL=C.UTF-8 exec $BIN sample --view $v --store $D/t2.db'"
	done
	for v in 0 1 2 3 4 5 6 7 8 9; do fits drawn "$v" || return 1; done
	# opening reads and lays out; then there is rest
	for _ in $(seq 10); do
		before=$(spent)
		sleep 2
		after=$(spent)
		[ "$before" = "$after" ] && break
	done
	for v in 0 1 2 3 4 5 6 7 8 9; do mux kill-session -t "v$v"; done
	[ "$(echo "$before" | wc -w)" -eq 30 ] && [ "$before" = "$after" ] && return
	diff <(echo "$before") <(echo "$after")
	return 1
}
drawn() { mux capture-pane -p -t "v$1" | grep -qF "[$1 "  || { [ "$1" = 0 ] && mux capture-pane -p -t v0 | grep -q messages; }; }
spent() { # view, ticks, bytes written
	for v in 0 1 2 3 4 5 6 7 8 9; do
		echo "$v $(awk '{ print $14 + $15 }' "/proc/$(cat "$D/pid$v")/stat") $(awk '/wchar/ { print $2 }' "/proc/$(cat "$D/pid$v")/io")"
	done
}
check idle_on_every_view idles
finish
