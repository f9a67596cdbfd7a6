#!/bin/bash
# What `make run` says while it builds, on a makefile that speaks like ours.
. tests/lib/cli.sh
cat >"$D/Makefile" <<'M'
ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-4s %s\n'
endif
FILES := $(foreach n,0 1 2 3 4 5 6 7 8 9,$(foreach m,a b,$(n)$(m).o))
prog: $(FILES)
	$(say) LINK $@
	$(Q)cat $^ >$@
%.o:
	$(say) CC $*.c
	$(Q)if [ "$*" = "$(BAD)" ]; then echo "$*.c:1: no such thing"; exit 1; fi; echo $* >$@
M
ROOT=$PWD
build() { (cd "$D" && sh "$ROOT/tests/lib/build.sh" "$V" build.log make "$@" prog) >"$D/out" 2>"$D/err"; }
counts() {
	rm -f "$D"/*.o "$D/prog"
	V= build && [ ! -s "$D/out" ] && grep -qx 't2tui: compiling 20 files on [0-9]* cores' "$D/err" &&
		grep -qx 't2tui: compiling 20 of 20' "$D/err" && grep -qx 't2tui: linking prog' "$D/err" && [ "$(wc -l <"$D/err")" -eq 12 ]
}
goes_on() { # only what is missing counts
	rm -f "$D"/3?.o
	V= build && grep -qx 't2tui: compiling 2 files on [0-9]* cores' "$D/err" && grep -qx 't2tui: compiling 2 of 2' "$D/err"
}
nothing() { V= build && [ ! -s "$D/out" ] && [ ! -s "$D/err" ]; }
broken() {
	rm -f "$D"/*.o
	V= build BAD=7a && return 1
	grep -qx '7a.c:1: no such thing' "$D/err" && grep -q 'V=1 shows the commands' "$D/err" && [ ! -e "$D/build.log" ]
}
commands() {
	rm -f "$D"/*.o
	V=1 build V=1 && grep -q '^cat 0a.o' "$D/out" && [ ! -s "$D/err" ]
}
terminal() { # one line that is written over
	rm -f "$D"/*.o "$D/prog"
	(cd "$D" && script -qec "sh '$ROOT/tests/lib/build.sh' '' build.log make prog" /dev/null) >"$D/tty" </dev/null || return 1
	[ "$(tr -d '\n' <"$D/tty" | tr '\r' '\n' | grep -c 'compiling [0-9]* of 20  [0-9][ab].c')" -eq 20 ]
}
check build_counts counts
check build_goes_on goes_on
check build_has_nothing_to_say nothing
check build_fails_aloud broken
check build_shows_commands commands
if command -v script >/dev/null; then check build_on_a_terminal terminal; else skip build_without_script; fi
finish
