#!/bin/sh
# Runs every test program and script, adds up what they say, and ends with "N passed, N failed, N skipped".
# Usage: tests/run.sh BUILD [NAME ...]   (names of tests/unit programs or tests/pty, tests/replay scripts; default all)
B=$1
shift
passed=0 failed=0 skipped=0 bad=
log=$B/test.log
: >"$log"
rm -f "$B"/report.*
# a store and caches of our own: tests never touch the user's
T2_TEST_HOME=$(mktemp -d "${TMPDIR:-/tmp}/t2home.XXXXXX")
export HOME=$T2_TEST_HOME XDG_DATA_HOME=$T2_TEST_HOME/data XDG_CACHE_HOME=$T2_TEST_HOME/cache
export XDG_CONFIG_HOME=$T2_TEST_HOME/config T2_BUILD=$B
unset NO_COLOR COLUMNS LINES
trap 'rm -rf "$T2_TEST_HOME"' EXIT INT TERM

count() { # count NAME OUTPUT STATUS
	p=$(grep -c '^\[       OK \]' "$2")
	f=$(grep -c '^\[  FAILED  \] [a-z]' "$2")
	s=$(grep -c '^\[  SKIPPED \] [a-z]' "$2")
	# cmocka repeats failed and skipped tests in its closing list
	f=$(grep '^\[  FAILED  \] [a-z]' "$2" | sort -u | wc -l)
	s=$(grep '^\[  SKIPPED \] [a-z]' "$2" | sort -u | wc -l)
	if [ "$3" -ne 0 ] && [ "$f" -eq 0 ]; then
		f=1 # a crash, or a program that could not start
	fi
	if [ "$p" -eq 0 ] && [ "$f" -eq 0 ] && [ "$s" -eq 0 ]; then
		f=1
		echo "$1: ran no test" >>"$2"
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	printf '%-28s %4d passed %3d failed %3d skipped\n' "$1" "$p" "$f" "$s"
	if [ "$f" -ne 0 ]; then
		bad="$bad $1"
		grep -v '^\[ RUN\|^\[       OK' "$2" | head -60
	fi
	cat "$2" >>"$log"
}

run() { # run NAME COMMAND...
	name=$1
	shift
	out=$B/out.$$
	"$@" >"$out" 2>&1
	count "$name" "$out" $?
	rm -f "$out"
}

[ $# -gt 0 ] || set -- $(ls tests/unit/test_*.c tests/cli/test_*.sh tests/pty/test_*.sh 2>/dev/null |
	sed 's|.*/||; s|\.[a-z]*$||')
for t in "$@"; do
	if [ -f "tests/unit/$t.c" ]; then
		run "$t" "$B/tests/$t"
	elif [ -f "tests/cli/$t.sh" ]; then
		run "$t" bash "tests/cli/$t.sh"
	elif [ -f "tests/pty/$t.sh" ]; then
		run "$t" bash "tests/pty/$t.sh"
	else
		echo "$t: no such test" >&2
		failed=$((failed + 1))
	fi
done
for f in "$B"/report.*; do # of a sanitizer (make check-asan, check-tsan)
	[ -s "$f" ] || continue
	failed=$((failed + 1)) bad="$bad $f"
	head -40 "$f"
done
[ -z "$bad" ] || echo "failed:$bad (all output: $log)"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
