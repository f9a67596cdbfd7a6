#!/bin/bash
# A store that goes away under the workbench, comes back, is removed, is replaced: what was read stays, nothing makes a new
# file, and it is said.
. tests/lib/cli.sh
if ! command -v tmux >/dev/null || [ ! -r samples/model/model.safetensors ]; then
	skip gone_without_tmux_or_sample
	finish
fi
BIN=$(realpath "$T")
export XDG_STATE_HOME=$D/state
unset TMUX STY COLORTERM T2TUI_THEME
mux() { LC_ALL=C.UTF-8 tmux -u -S "$D/sock" -f /dev/null "$@"; }
trap 'mux kill-server 2>/dev/null; rm -rf "$D"' EXIT
mkdir "$D/sd"
"$BIN" decompose sample --quiet --store "$D/sd/s.db" >/dev/null
mux new-session -d -s idle sh
screen() { mux capture-pane -p -t t; }
shows() {
	for _ in $(seq 200); do
		screen | grep -qF -- "$1" && return
		sleep 0.05
	done
	echo "never: $1"
	screen
	return 1
}
hides() {
	screen | grep -qF -- "$1" || return 0
	echo "there: $1"
	screen
	return 1
}
start() {
	mux kill-session -t t 2>/dev/null
	mux new-session -d -x 160 -y 40 -s t "LC_ALL=C.UTF-8 exec $BIN sample --store $D/sd/s.db"
	shows "effective rank"
}
keys() { mux send-keys -t t "$@"; }

# Runs opens while the store is away: its curves are read when it is back
comes_back() {
	start || return 1
	mv "$D/sd" "$D/away"
	keys 7
	shows "sd/s.db is gone: put it back, or start again" && shows "not read; r reads it again" || return 1
	mv "$D/away" "$D/sd"
	keys j k r
	shows "best 1.00 at step 40" && shows "rollouts of step 40" && shows "steps 1 … 40" && hides "not read"
}
# ... and what was read before is still there while it is away
stays() {
	mv "$D/sd" "$D/away"
	keys r
	sleep 0.5
	keys j
	sleep 0.5
	shows "steps 1 … 40" && hides "no step yet" && hides "not read; r" || return 1
	keys k
	mv "$D/away" "$D/sd"
}
# 5 asks in the workspace of the jobs, which is open then; 6 would start a trainer on that path
removed() {
	rm "$D"/sd/s.db*
	keys r
	shows "sd/s.db is gone: put it back, or start again" && shows "shipped" && hides "No runs yet" || return 1
	keys 3 1 8 4 5 6
	sleep 1
	keys t
	shows "sd/s.db is gone" || return 1
	keys Escape
	sleep 0.3
	keys 7
	shows "shipped" || return 1
	[ -z "$(ls "$D/sd")" ] && return
	ls "$D/sd"
	return 1
}
replaced() {
	"$BIN" run list --quiet --store "$D/sd/s.db" >/dev/null
	keys r
	shows "sd/s.db was replaced: put the first file back" && hides "No runs yet" && shows "shipped"
}
check comes_back comes_back
check stays stays
check removed removed
check replaced replaced
finish
