#!/bin/bash
# The real terminal, inside tmux: it is put right on every way out, stops and goes on, survives any size, and says
# plainly where it cannot run.  The views are those of tests/unit/test_replay.c.
. tests/lib/tap.sh
PROG=$PWD/${T2_BUILD:-build}/tests/test_replay
command -v tmux >/dev/null || {
	skip terminal_without_tmux
	finish
}
dir=$(mktemp -d "${TMPDIR:-/tmp}/t2pty.XXXXXX")
mux() { tmux -S "$dir/sock" -f /dev/null "$@"; }
trap 'mux kill-server 2>/dev/null; rm -rf "$dir"' EXIT

screen() { mux capture-pane -p -t t; }
# shows TEXT: within thirty seconds, for slow machines
shows() {
	for _ in $(seq 300); do
		screen | grep -qF -- "$1" && return 0
		sleep 0.1
	done
	echo "never seen: $1"
	screen
	return 1
}
# start [ENV=VALUE ...]: a shell that runs the program, then says how it ended and whether the modes are as before
start() {
	# a session that stays: tmux's server must not be on its way out while the next one starts
	mux has-session -t idle 2>/dev/null || mux new-session -d -s idle sh
	mux kill-session -t t 2>/dev/null
	rm -f "$dir/pid"
	cat >"$dir/run" <<-END
		stty -a >$dir/before
		env LC_ALL=C.UTF-8 $* sh -c 'echo \$\$ >$dir/pid; exec $PROG --screen'
		echo "ended \$?"
		stty -a >$dir/after
		cmp -s $dir/before $dir/after && echo modes as before
	END
	mux new-session -d -x 100 -y 30 -s t sh
	mux send-keys -t t ". $dir/run" Enter
}
pid() { cat "$dir/pid"; }
# outside: not on the other screen, cursor on, mouse off
outside() {
	local state
	state=$(mux display -p -t t '#{alternate_on} #{cursor_flag} #{mouse_any_flag}')
	[ "$state" = "0 1 0" ] || {
		echo "alternate cursor mouse: $state"
		return 1
	}
}

dies_of() { # SIGNAL STATUS
	start
	shows "2 Spec" || return 1
	kill "-$1" "$(pid)"
	shows "ended $2" && shows "modes as before" && outside
}
quits() {
	start
	shows "2 Spec" || return 1
	mux send-keys -t t q
	shows "ended 0" && shows "modes as before" && outside
}
stops() { # HOW
	start
	shows "2 Spec" || return 1
	if [ "$1" = key ]; then mux send-keys -t t C-z; else kill -TSTP "$(pid)"; fi
	shows Stopped && outside || return 1
	mux send-keys -t t fg Enter
	shows "2 Spec" || return 1
	mux send-keys -t t 7
	shows "7 Runs"
}
sizes() {
	start
	shows "2 Spec" || return 1
	for s in 80x24 59x15 1x1 2x200 300x3 200x60 60x16 100x30; do
		mux resize-window -t t -x "${s%x*}" -y "${s#*x}"
		sleep 0.1
	done
	shows "2 Spec" || return 1
	kill -0 "$(pid)"
}
# nothing moves: no processor time, nothing written
idles() {
	local a b
	start
	shows "2 Spec" || return 1
	sleep 0.5
	a=$(awk '{ print $14 + $15 }' "/proc/$(pid)/stat" && grep -h wchar "/proc/$(pid)/io")
	sleep 2
	b=$(awk '{ print $14 + $15 }' "/proc/$(pid)/stat" && grep -h wchar "/proc/$(pid)/io")
	[ "$a" = "$b" ] || {
		echo "before: $a; after: $b"
		return 1
	}
}
mouse() {
	start
	shows "2 Spec" || return 1
	mux send-keys -t t 7
	shows "› math" || return 1
	# ESC [ < 0 ; 5 ; 10 M and m: press and release in the third row
	mux send-keys -t t -H 1b 5b 3c 30 3b 35 3b 31 30 4d 1b 5b 3c 30 3b 35 3b 31 30 6d
	shows "› logic"
}
# a border that is dragged stays where it was put, for the next time too, until it is put back
drags() {
	start XDG_STATE_HOME="$dir/state"
	shows "2 Spec" || return 1
	mux send-keys -t t 7
	shows "› math" || return 1
	width() { screen | grep -m1 'math ' | grep -o '^│[^│]*│' | wc -m; }
	local before after
	before=$(width)
	# press on the border between the panes (column 50), drag it to 61, let go
	mux send-keys -t t -l "$(printf '\033[<0;50;12M\033[<32;61;12M\033[<0;61;12m')"
	for _ in $(seq 50); do
		after=$(width)
		[ "$after" -gt "$before" ] && break
		sleep 0.1
	done
	[ "$after" -gt "$before" ] || {
		echo "$before -> $after"
		screen
		return 1
	}
	mux send-keys -t t q
	shows "ended 0" || return 1
	start XDG_STATE_HOME="$dir/state"
	shows "2 Spec" || return 1
	mux send-keys -t t 7
	shows "› math" || return 1
	[ "$(width)" = "$after" ] || return 1
	mux send-keys -t t : panes-reset Enter
	shows "panes as they were laid out" && [ "$(width)" = "$before" ]
}
# a terminal that tells no size, and an environment that tells a wrong one
no_size() { # ENV
	start "$@" sh -c "'stty rows 0 cols 0; exec \"\$0\" \"\$@\"'"
	shows "2 Spec" || return 1
	mux send-keys -t t 7
	shows "7 Runs" || return 1
	mux send-keys -t t q
	shows "ended 0"
}
pastes() {
	start
	shows "2 Spec" || return 1
	mux send-keys -t t 7 BTab e
	shows "Esc leave" || return 1
	mux set-buffer "$(printf 'q?1 one\ntwo 日本')"
	mux paste-buffer -p -t t
	shows "q?1 one" && shows "two 日本"
}
# y: the list is in tmux's clipboard, and what went out holds it for the terminal outside too
copies() {
	start
	mux set -s set-clipboard on
	shows "2 Spec" || return 1
	mux send-keys -t t 7
	shows "› math" || return 1
	mux pipe-pane -t t "cat >$dir/raw"
	mux send-keys -t t y
	shows "copied" || return 1
	mux show-buffer | head -1 | grep -q "^task	steps	accuracy" && mux show-buffer | grep -q "日本語" || {
		mux show-buffer | cat -v | head -3
		return 1
	}
	grep -qa $'\033Ptmux;\033\033\\]52;c;dGFza' "$dir/raw"
}
# inside screen: in pieces that it lets through, together the same text
copies_in_screen() {
	start TMUX= STY=1.pts-0.here
	shows "2 Spec" || return 1
	mux send-keys -t t 7
	shows "› math" || return 1
	mux pipe-pane -t t "cat >$dir/raw"
	mux send-keys -t t y
	shows "copied" || return 1
	[ "$(tr '\033' '\n' <"$dir/raw" | grep -ac '^P')" -ge 2 ] || return 1
	tr -d '\n' <"$dir/raw" | sed 's/\x1b\\\x1bP//g' | grep -ao ']52;c;[A-Za-z0-9+/=]*' | cut -d';' -f3 |
		base64 -d | grep -q "^task	steps	accuracy"
}
copies_nothing() { # TERM without a clipboard
	start TERM=vt100
	shows "2 Spec" || return 1
	mux send-keys -t t y
	shows "no clipboard; x exports"
}
says() { # TEXT ENV ...
	local text=$1
	shift
	start "$@"
	shows "$text" && shows "ended 1" && shows "modes as before"
}
runs_on() { # ENV ...
	start "$@"
	shows "2 Spec" || return 1
	mux send-keys -t t 7
	shows "7 Runs" || return 1
	mux send-keys -t t q
	shows "ended 0" && shows "modes as before"
}
no_colour() {
	start NO_COLOR=1
	shows "2 Spec" || return 1
	mux capture-pane -p -e -t t | grep -qE $'\033\\[[0-9;]*(3[0-7]|4[0-7]|38;|48;)' && {
		mux capture-pane -p -e -t t | head -3 | cat -v
		return 1
	}
	return 0
}
full_colour() {
	mux kill-server 2>/dev/null
	start COLORTERM=truecolor
	shows "2 Spec" || return 1
	mux capture-pane -p -e -t t | grep -q '48;2;20;23;28'
}
no_tty() {
	local out
	out=$("$PROG" --screen </dev/null 2>&1)
	[ $? -eq 1 ] && echo "$out" | grep -q "must be a terminal"
}

check terminal_quits quits
check terminal_term dies_of TERM 143
check terminal_hup dies_of HUP 129
check terminal_int dies_of INT 130
check terminal_segv dies_of SEGV 139
check terminal_abrt dies_of ABRT 134
check terminal_bus dies_of BUS 135
check terminal_stops_by_key stops key
check terminal_stops_by_signal stops signal
check terminal_sizes sizes
check terminal_idles idles
check terminal_mouse mouse
check terminal_drags drags
check terminal_wrong_size runs_on COLUMNS=3 LINES=99999999
check terminal_no_size no_size
check terminal_no_size_but_told no_size COLUMNS=70 LINES=20
check terminal_no_size_told_wrong no_size COLUMNS=-7 LINES=99999999999
check terminal_pastes pastes
check terminal_copies copies
check terminal_copies_in_screen copies_in_screen
check terminal_copies_nothing copies_nothing
check terminal_dumb says 'TERM is "dumb"' TERM=dumb
check terminal_unknown says 'no such entry' TERM=nonsense
check terminal_vt100 runs_on TERM=vt100
check terminal_linux runs_on TERM=linux
check terminal_ansi runs_on TERM=ansi
check terminal_c_locale runs_on LC_ALL=C
check terminal_no_colour no_colour
check terminal_full_colour full_colour
check terminal_no_tty no_tty
finish
