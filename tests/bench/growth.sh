#!/bin/bash
# Time and memory of each job against the size of the model, of the batch and of the population.
#	tests/bench/growth.sh [FOLDER [REPEATS]]
# Measures the sample, every model in FOLDER (folders with a config.json, .gguf files, one level down too) and shape:1.1b in
# memory (12 GB are needed: SHAPES= leaves it out, SHAPES="shape:1.1b ..." says others), smallest first; median of REPEATS
# (default 3).  Memory is what was resident at most while the job ran, and of that what lies beside the model and its
# factors; both are seen, not computed.  A shape's model and factors are no files but count as such.  What is
# measured goes to the store, so that `info --cost` learns from it.  Downloads nothing; not part of the tests.
set -e
folder=$1 repeats=${2:-3}
shapes=${SHAPES-shape:1.1b}
T=${T2TUI:-build/t2tui}
[ -x "$T" ] || {
	echo "growth: no $T: make builds it, T2TUI= says where another is" >&2
	exit 1
}
tmp=$(mktemp -d "${TMPDIR:-/tmp}/t2growth.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM
# JSON on standard input, put to SQL as j
ask() {
	cat >"$tmp/j"
	sqlite3 -separator ' ' :memory: "WITH j AS (SELECT CAST(readfile('$tmp/j') AS TEXT) AS j) $1"
}
models() {
	echo sample
	[ -z "$folder" ] || find -L "$folder" -maxdepth 2 \( -name config.json -printf '%h\n' -o -name '*.gguf' -print \) | sort
}
# lines "NUMBERS NAME PATH": all matrices, smallest first
sized() {
	models | while read -r m; do
		n=$("$T" info "$m" --json --quiet | ask "SELECT json_extract(j,'\$.parameters') FROM j") && echo "$n $m"
	done | sort -n
	for s in $shapes; do echo "0 $s"; done
}
# rows of one process: what one leaves mapped would count for the next, so those with factors stand apart
measure() {
	"$T" bench "$2" --only "$1" --repeats "$repeats" --resident --json --quiet |
		ask "SELECT json_extract(value,'\$.name'),
			CASE json_extract(value,'\$.name') WHEN 'decompose'
			THEN CAST(substr(json_extract(value,'\$.detail'),instr(json_extract(value,'\$.detail'),'last took ')+10) AS REAL)
			ELSE json_extract(value,'\$.work')/json_extract(value,'\$.value') END,
			json_extract(value,'\$.resident'), json_extract(value,'\$.beside'),
			CASE WHEN json_extract(value,'\$.name')='prefill'
			THEN CAST(substr(json_extract(value,'\$.detail'),instr(json_extract(value,'\$.detail'),' tokens, ')+9) AS REAL)
			ELSE substr(json_extract(value,'\$.name'),7)*json_extract(value,'\$.value')/json_extract(value,'\$.work') END
		FROM j, json_each(j,'\$.results')"
}
k=0
sized >"$tmp/models"
while read -r n m; do
	k=$((k + 1))
	case $m in shape:*) ;; *) "$T" decompose "$m" --quiet >/dev/null ;; esac
	for rows in prefill,batch-1,batch-8,batch-32,batch-64 decompose train-step,population-8,population-32; do
		measure $rows "$m" | sed "s/^/$k /" >>"$tmp/rows"
	done
	name=$(basename "$m" .gguf)
	echo "$k ${name:0:22}" >>"$tmp/names"
	"$T" info "$m" --cost --json --quiet |
		ask "SELECT json_extract(j,'\$.weight_bytes'), json_extract(j,'\$.factor_bytes') FROM j" | sed "s/^/$k /" >>"$tmp/bytes"
	echo "growth: $name" >&2
done <"$tmp/models"
awk -v threads="$(nproc)" -v cpu="$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)" -v dir="$tmp" '
	function three(x) { return x >= 100 ? sprintf("%.0f", x) : x >= 10 ? sprintf("%.1f", x) : x >= 1 ? sprintf("%.2f", x) : sprintf("%.3f", x) }
	function seconds(s) { return s < 1e-3 ? three(s * 1e6) " us" : s < 1 ? three(s * 1e3) " ms" : s < 600 ? three(s) " s" : three(s / 60) " min" }
	function bytes(b) { return b < 1e9 ? three(b / 1e6) " MB" : three(b / 1e9) " GB" }
	function mega(m) { return m < 0.1 ? "0 MB" : m < 999.5 ? three(m) " MB" : three(m / 1024) " GB" }
	function line(title, row, kind,   i, v) {
		printf "%-26s", title
		for (i = 1; i <= n; i++) {
			v = !((i, row) in time) ? "-" : kind == "time" ? seconds(time[i, row]) : kind == "rate" ? three(rate[i, row]) "/s" : \
				mega(own[i, row]) " of " mega(all[i, row])
			printf " %22s", v
		}
		print ""
	}
	function both(title, row, kind) { line(title, row, kind); line("", row, "memory") }
	FILENAME == dir "/names" { k = $1; sub(/^[0-9]+ /, ""); name[k] = $0; n = k; next }
	FILENAME == dir "/bytes" { weight[$1] = $2; factor[$1] = $3; next }
	{ time[$1, $2] = $3; all[$1, $2] = $4; own[$1, $2] = $5; rate[$1, $2] = $6 }
	END {
		printf "%s, %d threads; under each time the memory beside model and factors, of what was resident at most\n", cpu, threads
		printf "%-26s", ""; for (i = 1; i <= n; i++) printf " %22s", name[i]; print ""
		printf "%-26s", "weights, factors"; for (i = 1; i <= n; i++) printf " %22s", bytes(weight[i]) ", " bytes(factor[i]); print ""
		both("decompose", "decompose", "time")
		both("training step, 1024 rows", "train-step", "time")
		both("search step, 8 members", "population-8", "time")
		both("search step, 32 members", "population-32", "time")
		both("prefill, tokens", "prefill", "rate")
		both("decode 1, tokens", "batch-1", "rate")
		both("decode 8, tokens", "batch-8", "rate")
		both("decode 32, tokens", "batch-32", "rate")
		both("decode 64, tokens", "batch-64", "rate")
	}' "$tmp/names" "$tmp/bytes" "$tmp/rows"
