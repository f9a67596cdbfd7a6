#!/bin/bash
# Every verb and option that --help shows is in t2tui(1), nothing that is there is gone, and its examples work.
. tests/lib/cli.sh
M=man/t2tui.1

# the options of one .Ss section, as the manual spells them: .Fl -name, .Fl n
section() { sed -n "/^\.Ss $1\( \|\$\)/,/^\.S[sh] /p" $M | sed '1!{/^\.S[sh] /d}'; }
spelled() { grep -oE '(Fl|,) -[a-z-]+|Fl [a-z]( |$)' | sed -E 's/^(Fl|,) //; s/ *$//; s/^/-/' | sort -u; }
wanted() { "$T" "$@" --help | sed '/^common/,$d' | grep -oE '^  --?[a-z-]+' | sort -u; }

verbs=$("$T" --help | sed -n 's/^  \([a-z]*\)  *[a-z].*/\1/p')
check some_verbs test "$(echo "$verbs" | wc -w)" -ge 20
for v in $verbs; do
	check "verb_$v" grep -q "^\.Ss $v\( \|\$\)" $M
	check "options_$v" sh -c '[ -z "$1" ]' _ "$(comm -13 <(section "$v" | spelled) <(wanted "$v" | tr -d ' ' | sort -u))"
done
extra() { grep -oE '^\.Ss [a-z]+' $M | sed 's/.* //' | sort | comm -23 - <(echo "$verbs" | sort); }
check no_verb_too_many sh -c '[ -z "$1" ]' _ "$(extra)"
check common_options sh -c '[ -z "$1" ]' _ \
	"$(comm -13 <(spelled <$M) <("$T" info --help | sed -n '/^common/,$p' | grep -oE '^  --?[a-z-]+' | tr -d ' ' | sort -u))"
# what the workbench alone takes
bench=$(sed -n '/opts\[\]/,/^};/s/.*{"\(-[a-z-]*\)".*/\1/p' tui/cmd_workbench.c | sort)
check workbench_options sh -c '[ -z "$1" ]' _ "$(comm -13 <(spelled <$M) <(echo "$bench"))"
check settings_keys sh -c '[ -z "$1" ]' _ "$(comm -3 <(sed -n '/conf_table\[\]/,/^};/s/.*{"\([a-z]*\)".*/\1/p' tui/conf.c | sort) \
	<(sed -n 's/^\.It Ic \([a-z]*\)$/\1/p' man/t2tui.conf.5 | sort))"

# every table and column of the schema is described
columns() {
	sqlite3 :memory: ".read store/schema.sql" \
		"SELECT t.name||' '||c.name FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type='table' AND t.name NOT LIKE 'sqlite\_%' ESCAPE '\\'"
}
described() { # one line a column: TABLE COLUMN
	sed -n '/^\.Sh TABLES/,/^\.Sh EXAMPLES/p' man/t2tui-store.7 |
		sed -n 's/^\.Ss \([a-z_]*\)$/T \1/p; s/^\.It Va \(.*\)/C \1/p' | tr -d ',' |
		while read -r kind a; do
			if [ "$kind" = T ]; then t=$a; else for c in $a; do echo "$t $c"; done; fi
		done
}
check store_columns sh -c '[ -z "$1" ] || { echo "$1"; false; }' _ "$(comm -3 <(columns | sort) <(described | sort))"
if command -v mandoc >/dev/null; then
	check lint mandoc -Tlint -Wwarning man/*.[1-9]
else
	skip lint
fi

# the examples, in order, as a reader would type them
examples() {
	sed -n '/^\.Sh EXAMPLES/,/^\.Sh /p' $M | sed -n '/^\.Bd/,/^\.Ed/p' | grep -v '^\.' | sed 's/\\e$/\\/'
}
run_examples() {
	examples >"$D/examples"
	[ "$(grep -c t2tui "$D/examples")" -ge 10 ] || return 1
	exe=$(realpath "$T")
	(cd "$D" && t2tui() { "$exe" "$@"; } && set -e && . ./examples) </dev/null
}
if [ -r samples/model/model.safetensors ]; then
	check examples run_examples
else
	skip examples
fi
finish
