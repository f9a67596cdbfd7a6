#!/bin/bash
# Completion in the shells themselves, inside tmux: a part of a line is typed, Tab pressed, and the line looked at.
. tests/lib/cli.sh
command -v tmux >/dev/null || {
	skip completion_without_tmux
	finish
}
ROOT=$PWD
[ "${T#/}" = "$T" ] && T=$ROOT/$T
mkdir -p "$D/bin" "$D/work/nested" "$D/config" "$D/data"
ln -s "$T" "$D/bin/t2tui"
touch "$D/work/nested/model.gguf"
export PATH=$D/bin:$PATH
mux() { tmux -S "$D/sock" -f /dev/null "$@"; }
trap 'mux kill-server 2>/dev/null; rm -rf "$D"' EXIT
"$T" expert list >/dev/null 2>&1 # makes the store, with the shipped experts

# begin SHELL ARGUMENT...: a fresh one that has loaded its script
begin() {
	# a session that stays: the server must not be on its way out while the next one starts
	mux has-session -t idle 2>/dev/null || mux new-session -d -s idle sh
	mux kill-session -t t 2>/dev/null
	mux new-session -d -x 100 -y 30 -s t -c "$D/work" "$@" || return 1
}
load() {
	mux send-keys -t t "$1" Enter
	mux send-keys -t t "clear; echo rea''dy" Enter
	shows ready
}
shows() {
	for _ in $(seq 150); do
		mux capture-pane -p -t t | grep -qF -- "$1" && return 0
		sleep 0.1
	done
	echo "never seen: $1"
	mux capture-pane -p -t t | grep -v '^$'
	return 1
}
# types TEXT RESULT: TEXT and a Tab make a line that holds RESULT
types() {
	mux send-keys -t t -l "$1"
	sleep 0.2
	mux send-keys -t t Tab
	shows "$2" || return 1
	mux send-keys -t t C-c
	sleep 0.2
	mux send-keys -t t -l clear
	mux send-keys -t t Enter
	sleep 0.2
}
# what every shell must do
same_lines() {
	types 't2tui tok' 't2tui tokenize' &&
		types 't2tui train sample --ta' 't2tui train sample --task' &&
		types 't2tui train sample --task logic-h' 't2tui train sample --task logic-hard' &&
		types 't2tui expert sho' 't2tui expert show' &&
		types 't2tui expert show mat' 't2tui expert show math' &&
		types 't2tui ask sample hi --strategy expert:lo' '--strategy expert:logic' &&
		types 't2tui ask sample hi --strategy ba' '--strategy base' &&
		types 't2tui search sample --experts math,lo' '--experts math,logic' &&
		types 't2tui bench --on' 't2tui bench --only' &&
		types 't2tui bench --only decode-q8' '--only decode-q8_0' &&
		types 't2tui bench --only frame,first-s' '--only frame,first-screen' &&
		types 't2tui --theme lig' 't2tui --theme light' &&
		types 't2tui info nest' 't2tui info nested/'
}
in_bash() {
	begin bash --norc --noprofile -i && load '. <(t2tui completion bash)' && same_lines &&
		types 't2tui train sample --task=logic-h' '--task=logic-hard'
}
in_zsh() {
	mkdir -p "$D/zsh" && t2tui completion zsh >"$D/zsh/_t2tui"
	begin env ZDOTDIR="$D/zsh" zsh -f -i && load "fpath=($D/zsh \$fpath); autoload -Uz compinit; compinit -u -d $D/zcompdump" &&
		same_lines && types 't2tui train sample --task=logic-h' '--task=logic-hard'
}
in_fish() {
	begin fish --no-config && load 't2tui completion fish | source' && same_lines
}
check completion_bash in_bash
if command -v zsh >/dev/null; then check completion_zsh in_zsh; else skip completion_zsh_not_here; fi
if command -v fish >/dev/null; then check completion_fish in_fish; else skip completion_fish_not_here; fi

# what stands behind them
words() { "$T" completion words -- "${@:2}" | cut -f1 | tr '\n' ' ' | grep -qF -- "$1"; }
check words_verbs words "info tokenize generate" ""
check words_options words "--json" eval sample --js
check words_choices words "rloo mean none" train sample --baseline ""
bench_rows() { # each row, and each group, that an unknown name is told of
	"$T" bench --only nosuch 2>&1 | sed 's/.*there are //; s/; and the groups /, /; s/;.*//; s/, /\n/g' | sort >"$D/rows"
	[ "$(wc -l <"$D/rows")" -gt 20 ] && "$T" completion words -- bench --only "" | cut -f1 | sort | diff "$D/rows" - &&
		[ "$("$T" completion words -- bench --only frame,idle-b | cut -f1)" = frame,idle-bytes ]
}
check words_bench_rows bench_rows
other_store() { # however --store is written
	"$T" expert list --store "$D/other.db" >/dev/null && "$T" expert rename logic only-there --store "$D/other.db" >/dev/null &&
		words only-there expert show --store "$D/other.db" "" && words only-there expert show --store="$D/other.db" "" && ! words only-there expert show ""
}
check words_other_store other_store
check words_runs words "4 3 2 1" run show ""
every_verb() { # each verb and each option of --help is offered
	"$T" --help | awk '/^  [a-z]/ { print $1 }' | sort >"$D/verbs"
	"$T" completion words -- "" | grep -v '^:' | cut -f1 | sort | comm -23 "$D/verbs" - | grep . && return 1
	while read -r v; do
		"$T" "$v" --help | awk '/^  -/ { print $1 }' | sort >"$D/opts"
		"$T" completion words -- "$v" - | cut -f1 | sort | comm -3 "$D/opts" - | grep . && return 1
	done <"$D/verbs"
	return 0
}
check every_verb_and_option every_verb
no_store() { # nothing is made by pressing Tab
	XDG_DATA_HOME=$D/none "$T" completion words -- expert show "" && [ ! -e "$D/none" ]
}
check makes_nothing no_store
check usage usage "bash, zsh or fish is wanted" "$T" completion tcsh
installed() {
	make -s -C "$ROOT" B="$(dirname "$T")" DESTDIR="$D/root" PREFIX=/usr install >/dev/null 2>&1
	for f in bash-completion/completions/t2tui zsh/site-functions/_t2tui fish/vendor_completions.d/t2tui.fish; do
		[ -s "$D/root/usr/share/$f" ] || { echo "$f"; return 1; }
	done
}
check installed installed
finish
