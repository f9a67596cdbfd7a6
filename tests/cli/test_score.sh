#!/bin/bash
# Every verdict of the scorers' goldens, through the verb.
. tests/lib/cli.sh
G=$SHARED/goldens/scorers
if [ ! -d "$G" ]; then
	skip score
	finish
fi
verdicts() { # verdicts KIND [OPTION ...]
	kind=$1
	shift
	grep -v '"algebra": *true' "$G/$kind.jsonl" >"$D/in"
	"$T" score --scorer "$kind" "$@" "$D/in" --json >"$D/out" 2>"$D/err" || { cat "$D/err"; return 1; }
	paste <(grep -oE '"correct": *(true|false)' "$D/in" | grep -oE 'true|false') \
		<(grep -oE '"correct": *(true|false)' "$D/out" | grep -oE 'true|false') "$D/in" | awk -F'\t' '$1 != $2' >"$D/diff"
	[ "$(wc -l <"$D/in")" -eq "$(wc -l <"$D/out")" ] && [ "$(wc -l <"$D/in")" -gt 50 ] && [ ! -s "$D/diff" ] && return
	head -5 "$D/diff"
	return 1
}
check number verdicts number
check boxed verdicts boxed
check choice verdicts choice
check exact verdicts exact
cats=$(grep -oE '"(gold|decision)": "[a-z_ -]+"' "$G/category.jsonl" | sed 's/.*: "//; s/"//' | sort -u | grep -v '^other$' | paste -sd,)
check category verdicts category --categories "${cats:-math,code,logic}"
check stdin sh -c 'printf "{\"answer\":\"it is 7\",\"gold\":\"7\"}\n\n" | "$1" score --scorer number --json | grep -q "\"correct\":true,\"extracted\":\"7\""' _ "$T"
check nothing_found sh -c 'echo "{\"answer\":\"no\",\"gold\":\"7\"}" | "$1" score --scorer number --json | grep -q "\"correct\":false,\"extracted\":null"' _ "$T"
check extract sh -c 'echo "{\"answer\":\"say \\\"AB\\\" or \\\"CD\\\"\",\"gold\":\"CD\"}" | "$1" score --scorer exact --extract "\"([A-Z]+)\"" --json | grep -q "true"' _ "$T"
check lines_before_the_bad_one sh -c '! printf "{\"answer\":\"a\",\"gold\":\"a\"}\n{\n" | "$1" score --scorer exact >"$2/o" 2>"$2/e" && grep -q correct "$2/o" && grep -q ":2" "$2/e"' _ "$T" "$D"
finish
