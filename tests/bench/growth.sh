#!/bin/bash
# Time and memory of each job against the size of the model, of the batch and of the population, in parts.
#	tests/bench/growth.sh measure MODEL [PART...]	# one column: decode, decompose, step, few, many (default: all)
#	tests/bench/growth.sh table [markdown]		# from what has been measured
#	tests/bench/growth.sh [FOLDER [REPEATS]]	# the sample, the models in FOLDER and shape:1.1b, then the table
# MODEL is as `t2tui bench` takes it; shape:1.1b is made in memory (12 GB are needed: SHAPES= leaves it out of the whole run,
# SHAPES="shape:1.1b ..." says others).  FOLDER: folders with a config.json, .gguf files, one level down too.  Median of
# REPEATS (default 3).  Each part is a call of its own and its result a file under GROWTH= (default: growth in the user's cache),
# so that a long column can be measured bit by bit; a new result takes the place of the old.  Parts of decode, decompose and step
# are short; few and many are a search step of 8 and of 32 members, many of a shape of 1.1 billion takes minutes.
# Memory is what was resident at most while the job ran, and of that what lies beside the model and its factors; both are
# seen, not computed.  A shape's model and factors are no files but count as such.  Figures go to the store too: `info --cost` learns
# from them.  Downloads nothing; not part of the tests.
set -e
T=${T2TUI:-build/t2tui}
G=${GROWTH:-${XDG_CACHE_HOME:-$HOME/.cache}/t2tui/growth}
parts="decode decompose step few many"
[ -x "$T" ] || {
	echo "growth: no $T: make builds it, T2TUI= says where another is" >&2
	exit 1
}
rows_of() {
	case $1 in
	decode) echo prefill,batch-1,batch-8,batch-32,batch-64 ;;
	decompose) echo decompose ;;
	step) echo train-step ;;
	few) echo population-8 ;;
	many) echo population-32 ;;
	*)
		echo "growth: no part $1: there are $parts" >&2
		return 1
		;;
	esac
}
# What one process leaves mapped would count for the next row, so every part is a process.
measure() { # measure MODEL PART...
	model=$1
	shift
	dir=$G/$(basename "$model" .gguf | tr -c 'A-Za-z0-9.\n-' _)
	mkdir -p "$dir"
	case $model in shape:*) ;; *) "$T" decompose "$model" --quiet >/dev/null ;; esac
	"$T" info "$model" --cost --json --quiet >"$dir/model.new" && mv "$dir/model.new" "$dir/model"
	for part in "$@"; do
		rows=$(rows_of "$part")
		"$T" bench "$model" --only "$rows" --repeats "${repeats:-3}" --resident --json --quiet >"$dir/$part.new" &&
			mv "$dir/$part.new" "$dir/$part.json"
		echo "growth: $(basename "$model" .gguf): $part, load $(cut -d' ' -f1 /proc/loadavg)" >&2
	done
}
# One line "COLUMN ROW SECONDS RATE RESIDENT BESIDE RATIO OTHERS" a figure; first the smallest model.
figures() {
	for f in "$G"/*/model; do
		[ -r "$f" ] || continue
		d=${f%/model}
		echo "INSERT INTO c SELECT '${d##*/}', json_extract(j,'\$.weight_bytes'), json_extract(j,'\$.factor_bytes')
			FROM (SELECT CAST(readfile('$f') AS TEXT) AS j);"
		for r in "$d"/*.json; do
			[ -r "$r" ] && echo "INSERT INTO f SELECT '${d##*/}', value FROM json_each(CAST(readfile('$r') AS TEXT), '\$.results');"
		done
	done >"$tmp/load.sql"
	sqlite3 -separator ' ' :memory: "CREATE TABLE c(name, weights, factors); CREATE TABLE f(name, j);" ".read $tmp/load.sql" "
		WITH k AS (SELECT name, row_number() OVER (ORDER BY weights, name) AS k FROM c),
		g AS (SELECT k, json_extract(j,'\$.name') AS row, json_extract(j,'\$.detail') AS detail, json_extract(j,'\$.value') AS value,
			json_extract(j,'\$.work') AS work, json_extract(j,'\$.resident') AS resident, json_extract(j,'\$.beside') AS beside,
			json_extract(j,'\$.ratio') AS ratio FROM f JOIN k USING (name))
		SELECT 'column', k, weights, factors, name FROM c JOIN k USING (name) ORDER BY k;
		WITH k AS (SELECT name, row_number() OVER (ORDER BY weights, name) AS k FROM c),
		g AS (SELECT k, json_extract(j,'\$.name') AS row, json_extract(j,'\$.detail') AS detail, json_extract(j,'\$.value') AS value,
			json_extract(j,'\$.work') AS work, json_extract(j,'\$.resident') AS resident, json_extract(j,'\$.beside') AS beside,
			json_extract(j,'\$.ratio') AS ratio FROM f JOIN k USING (name))
		SELECT 'figure', k, row,
			CASE row WHEN 'decompose' THEN CAST(substr(detail, instr(detail,'last took ') + 10) AS REAL) ELSE work / value END,
			CASE WHEN row = 'prefill' THEN CAST(substr(detail, instr(detail,' tokens, ') + 9) AS REAL)
			ELSE substr(row, 7) * value / work END,
			resident, beside, ratio,
			CASE WHEN instr(detail,'others used ') THEN CAST(substr(detail, instr(detail,'others used ') + 12) AS INTEGER) ELSE 0 END
		FROM g;"
}
table() { # table [markdown]
	figures >"$tmp/figures"
	awk -v threads="$(nproc)" -v cpu="$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)" -v md="$1" '
	function three(x) { return x >= 100 ? sprintf("%.0f", x) : x >= 10 ? sprintf("%.1f", x) : x >= 1 ? sprintf("%.2f", x) : sprintf("%.3f", x) }
	function seconds(s) { return s < 1e-3 ? three(s * 1e6) " us" : s < 1 ? three(s * 1e3) " ms" : s < 600 ? three(s) " s" : three(s / 60) " min" }
	function bytes(b) { return b < 1e9 ? three(b / 1e6) " MB" : three(b / 1e9) " GB" }
	function mega(m) { return m < 0.1 ? "0 MB" : m < 999.5 ? three(m) " MB" : three(m / 1024) " GB" }
	function cell(text) { if (md) printf " %s |", text; else printf " %26s", text }
	function head(text) { if (md) printf "| %s |", text; else printf "%-24s", text }
	function row(title, name, rated,   i) {
		head(title)
		for (i = 1; i <= n; i++)
			cell(!((i, name) in time) ? "-" : (rated ? three(rate[i, name]) "/s" : seconds(time[i, name])) \
				(name == "decompose" ? "" : sprintf(", %.2f", ratio[i, name])) sprintf(", %d %%", load[i, name]))
		print ""
		head("")
		for (i = 1; i <= n; i++) cell(!((i, name) in time) ? "" : mega(own[i, name]) " of " mega(all[i, name]))
		print ""
	}
	$1 == "column" { k = $2; weight[k] = $3; factor[k] = $4; $1 = $2 = $3 = $4 = ""; sub(/^ +/, ""); name[k] = substr($0, 1, 26); n = k; next }
	{ time[$2, $3] = $4; rate[$2, $3] = $5; all[$2, $3] = $6; own[$2, $3] = $7; ratio[$2, $3] = $8; load[$2, $3] = $9 }
	END {
		if (!n) { print "growth: nothing measured yet: growth.sh measure MODEL"; exit 1 }
		printf "%s, %d threads; time or rate, share of the peak measured beside it, what others had of the processors;\nbelow: memory beside model and factors, of what was resident\n%s", cpu, threads, md ? "\n" : ""
		head(""); for (i = 1; i <= n; i++) cell(name[i]); print ""
		if (md) { printf "| --- |"; for (i = 1; i <= n; i++) printf " ---: |"; print "" }
		head("weights, factors"); for (i = 1; i <= n; i++) cell(bytes(weight[i]) ", " bytes(factor[i])); print ""
		row("decompose", "decompose")
		row("training step, 1024 rows", "train-step")
		row("search step, 8 members", "population-8")
		row("search step, 32 members", "population-32")
		row("prefill, tokens", "prefill", 1)
		row("decode 1, tokens", "batch-1", 1)
		row("decode 8, tokens", "batch-8", 1)
		row("decode 32, tokens", "batch-32", 1)
		row("decode 64, tokens", "batch-64", 1)
	}' "$tmp/figures"
}
models() {
	echo sample
	[ -z "$1" ] || find -L "$1" -maxdepth 2 \( -name config.json -printf '%h\n' -o -name '*.gguf' -print \) | sort
	for s in ${SHAPES-shape:1.1b}; do echo "$s"; done
}
tmp=$(mktemp -d "${TMPDIR:-/tmp}/t2growth.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM
case $1 in
measure)
	[ -n "$2" ] || {
		echo "growth: measure MODEL [PART...]: parts are $parts" >&2
		exit 2
	}
	model=$2 repeats=$REPEATS
	shift 2
	[ $# -gt 0 ] || set -- $parts
	for part in "$@"; do rows_of "$part" >/dev/null; done
	measure "$model" "$@"
	;;
table) table "$2" ;;
*)
	repeats=$2
	models "$1" >"$tmp/models"
	while read -r m; do measure "$m" $parts; done <"$tmp/models"
	table
	;;
esac
