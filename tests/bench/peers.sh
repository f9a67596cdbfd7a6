#!/bin/sh
# The same work in t2tui and in other programs, on this machine, taking turns: one table.
#	tests/bench/peers.sh MODEL [ROUNDS [markdown]]
# llama.cpp: LLAMA_CPP=FOLDER of its source (built by cmake where it holds no llama-bench yet), or llama-bench in PATH; MODEL is
# a GGUF then.  torch: PYTHON=an interpreter that has it (default python3); random weights of MODEL's shape, not its file.
# THREADS=N: of every program (default: all processors).  What is not there is left out and said; what a peer fails in is
# "failed" in the table, and its words come before.  Downloads nothing; not part of the tests.  Writes the factors of MODEL
# twice under TMPDIR and removes them.
#
# Both have run the work once before it is timed, but for decompose.  Decoding: the best of runs of 4 tokens, as many runs in
# both; t2tui and torch after a prompt of 16, llama.cpp from an empty context.  Prefill: 512 tokens, the last one's logits;
# t2tui and torch multiply float32, llama.cpp bytes.  decompose: every matrix, its error seen, its factors written.
# train-step: 4 x 256 tokens, float32, the gradient of every z.  Which comes first changes from round to round.  A machine
# that works for others too tells little: threads that wait for each other by spinning then lose far more than those that sleep.
set -e
usage="usage: peers.sh MODEL [ROUNDS [markdown]]"
model=${1:?$usage}
rounds=${2:-3}
form=${3:-text}
here=$(dirname "$0")
T=${T2TUI:-build/t2tui}
threads=${THREADS:-$(nproc)}
say() { echo "peers: $*" >&2; }
die() {
	say "$*"
	exit 1
}
case $form in text | markdown) ;; *) die "$usage" ;; esac
[ "$rounds" -gt 0 ] 2>/dev/null || die "$usage"
[ -x "$T" ] || die "no $T: make builds it, T2TUI= says where another is"
command -v sqlite3 >/dev/null || die "no sqlite3: it reads the figures"
tmp=$(mktemp -d "${TMPDIR:-/tmp}/t2peers.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
export XDG_DATA_HOME="$tmp/data" XDG_CACHE_HOME="$tmp/cache"

llama=$(command -v llama-bench || :)
if [ -n "$LLAMA_CPP" ]; then
	llama=$LLAMA_CPP/build/bin/llama-bench
	if [ ! -x "$llama" ]; then
		say "building llama-bench in $LLAMA_CPP/build"
		cmake -S "$LLAMA_CPP" -B "$LLAMA_CPP/build" -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=OFF \
			-DLLAMA_CURL=OFF -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_SERVER=OFF >&2
		cmake --build "$LLAMA_CPP/build" --target llama-bench -j "$threads" >&2
	fi
fi
[ -n "$llama" ] || say "no llama-bench: llama.cpp is left out; set LLAMA_CPP to its source"
python=${PYTHON:-python3}
torch=$("$python" -c 'import warnings; warnings.simplefilter("ignore"); import torch; print(torch.__version__)' 2>"$tmp/err") || {
	say "$python: $(tail -n 1 "$tmp/err"): torch is left out; set PYTHON to an interpreter that has it"
	python=
}
[ -n "$llama$python" ] || die "no peer"

# SQL on the JSON in $tmp/j, which it has as j
ask() { sqlite3 -separator ' ' :memory: "WITH j AS (SELECT CAST(readfile('$tmp/j') AS TEXT) AS j) $1" 2>>"$tmp/err"; }
"$T" info "$model" --json --quiet >"$tmp/j"
shape=$(ask "SELECT j->>'layers', j->>'hidden', j->>'ffn', j->>'heads', j->>'kv_heads', j->>'vocab' FROM j")
prompt=$(ask "SELECT min(512, j->>'context') FROM j")
line=$(ask "SELECT min(256, j->>'context') FROM j")
type=$(ask "SELECT lower(key) FROM j, json_each(j, '\$.dtypes') ORDER BY value DESC LIMIT 1")

# ours ROW: its figure to $tmp/ours; of decoding also how many runs the best was taken of, to $tmp/runs.
ours() {
	"$T" bench "$model" --only "$1" --threads "$threads" --repeats 1 --json --quiet >"$tmp/j" 2>"$tmp/err" || return 1
	ask "SELECT CASE value->>'name' WHEN 'prefill' THEN $prompt * (value->>'value') / (value->>'work')
			WHEN 'train-step' THEN (value->>'work') / (value->>'value')
			WHEN 'decompose' THEN CAST(substr(value->>'detail', instr(value->>'detail', 'last took ') + 10) AS REAL)
			ELSE (value->>'value') / (value->>'work') END
		FROM j, json_each(j, '\$.results')" >"$tmp/ours"
	case $1 in prefill | train-step | decompose) return ;; esac
	ask "SELECT CAST(substr(value->>'detail', instr(value->>'detail', 'runs of 4 in ') + 13) AS INTEGER) / 4
		FROM j, json_each(j, '\$.results')" >"$tmp/runs"
}
# peer PROGRAM WORK: its figure to $tmp/peer
peer() {
	case $1-$2 in
	llama.cpp-decode) "$llama" -m "$model" -t "$threads" -p 0 -n 4 -r "$(cat "$tmp/runs")" -o json ;;
	llama.cpp-prefill) "$llama" -m "$model" -t "$threads" -p "$prompt" -n 0 -r 1 -o json ;;
	torch-decode) "$python" "$here/peers.py" decode "$threads" $shape "$(cat "$tmp/runs")" ;;
	torch-prefill) "$python" "$here/peers.py" prefill "$threads" $shape "$prompt" ;;
	torch-train) "$python" "$here/peers.py" train "$threads" $shape "$line" ;;
	torch-svd)
		mkdir "$tmp/factors"
		"$python" "$here/peers.py" svd "$threads" $shape 0 "$tmp/factors"
		;;
	esac >"$tmp/j" 2>"$tmp/err" || return 1
	rm -rf "$tmp/factors"
	case $1 in
	torch) cp "$tmp/j" "$tmp/peer" ;;
	*) ask "SELECT max(s.value) FROM j, json_each(j) b, json_each(b.value, '\$.samples_ts') s" >"$tmp/peer" ;;
	esac
}
# try SIDE ...: is there a figure?  If not, its words, and the row is left alone from now on.
try() {
	rm -f "$tmp/$1"
	"$@" && [ -s "$tmp/$1" ] && return
	echo "$pair" >>"$tmp/failed"
	echo "$pair 0 0" >>"$tmp/rows"
	say "$name: $* failed:"
	tail -n 5 "$tmp/err" >&2
	return 1
}
# OURS:NAME:UNIT:PROGRAM:WORK
pairs=
[ -z "$llama" ] || pairs="batch-1:decode-$type:tokens/s:llama.cpp:decode prefill:prefill-$prompt:tokens/s:llama.cpp:prefill"
[ -z "$python" ] || pairs="$pairs decode-bf16:decode-bf16:tokens/s:torch:decode prefill:prefill-$prompt:tokens/s:torch:prefill
	decompose:decompose:s:torch:svd train-step:train-step:s:torch:train"
before=$(cut -d ' ' -f 1 /proc/loadavg)
: >"$tmp/failed"
i=0
while [ $i -lt "$rounds" ]; do
	i=$((i + 1))
	for pair in $pairs; do
		! grep -qxF "$pair" "$tmp/failed" || continue
		IFS=: read -r row name unit program work <<-END
			$pair
		END
		if [ $((i % 2)) = 1 ]; then
			try ours "$row" && try peer "$program" "$work" || continue
		else
			[ ! -e "$tmp/runs-$row" ] || cp "$tmp/runs-$row" "$tmp/runs"
			try peer "$program" "$work" && try ours "$row" || continue
		fi
		[ ! -e "$tmp/runs" ] || cp "$tmp/runs" "$tmp/runs-$row"
		echo "$pair $(cat "$tmp/ours") $(cat "$tmp/peer")" >>"$tmp/rows"
	done
	say "round $i of $rounds"
done
after=$(cut -d ' ' -f 1 /proc/loadavg)

plural() { [ "$1" = 1 ] && echo "$1 $2" || echo "$1 $2s"; }
echo "$(basename "$model"): $(plural "$threads" thread), $(plural "$rounds" round), load $before before and $after after${torch:+, torch $torch}"
echo "ratio: of a round's two figures, the median and the [lowest highest]; above 1 t2tui is faster"
[ "$form" = text ] || echo
awk -v form="$form" '
	function sorted(x, n,   i, j, t) {
		for (i = 2; i <= n; i++)
			for (j = i; j > 1 && x[j - 1] > x[j]; j--) { t = x[j]; x[j] = x[j - 1]; x[j - 1] = t }
	}
	function median(x, n) { sorted(x, n); return n % 2 ? x[(n + 1) / 2] : (x[n / 2] + x[n / 2 + 1]) / 2 }
	function digits(x) { return sprintf(x >= 100 ? "%.0f" : x >= 10 ? "%.1f" : x >= 1 ? "%.2f" : "%.3f", x) }
	function line(a, b, c, d, e, f, g,   s) {
		s = form == "text" ? "%-14s %-9s %8s  %-10s %8s %7s  %s" : "| %s, %s | %s | %s | %s | %s %s"
		s = sprintf(s, a, b, c, d, e, f, g)
		sub(/ +$/, "", s)
		print form == "text" ? s : s " |"
	}
	BEGIN {
		if (form == "text") line("work", "in", "t2tui", "peer", "has", "ratio", "")
		else print "| work | t2tui | peer | has | ratio |\n| --- | ---: | --- | ---: | ---: |"
	}
	!($1 in n) { order[++rows] = $1; n[$1] = 0 }
	$2 == 0 { failed[$1] = 1; next }
	{ n[$1]++; a[$1, n[$1]] = $2; b[$1, n[$1]] = $3 }
	END {
		for (r = 1; r <= rows; r++) {
			k = order[r]
			split(k, p, ":")
			if (failed[k]) { line(p[2], p[3], "", p[4], "failed", "", ""); continue }
			for (i = 1; i <= n[k]; i++) {
				x[i] = a[k, i]
				y[i] = b[k, i]
				q[i] = p[3] == "s" ? b[k, i] / a[k, i] : a[k, i] / b[k, i]
			}
			m = median(q, n[k])
			line(p[2], p[3], digits(median(x, n[k])), p[4], digits(median(y, n[k])), digits(m),
				"[" digits(q[1]) " " digits(q[n[k]]) "]")
		}
	}' "$tmp/rows"
