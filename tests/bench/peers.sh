#!/bin/sh
# The same work in other programs and in t2tui, on this machine, taking turns.
#	tests/bench/peers.sh MODEL.gguf [ROUNDS]
# llama.cpp: LLAMA_CPP=FOLDER of its source (built by cmake where it holds no llama-bench yet), or llama-bench in PATH.
# torch: PYTHON=an interpreter that has it (default python3); float32 weights of MODEL's shape, random, not its file.
# What is not there is left out and said.  Downloads nothing; not part of the tests.  Median of the rounds (default 3).
set -e
model=${1:?usage: peers.sh MODEL.gguf [ROUNDS]}
rounds=${2:-3}
here=$(dirname "$0")
T=${T2TUI:-build/t2tui}
threads=$(nproc)
tmp=$(mktemp -d "${TMPDIR:-/tmp}/t2peers.XXXXXX")
trap 'rm -rf "$tmp"' EXIT INT TERM
export XDG_DATA_HOME="$tmp/data"
say() { echo "peers: $*" >&2; }

llama=$(command -v llama-bench || :)
if [ -n "$LLAMA_CPP" ]; then
	llama=$LLAMA_CPP/build/bin/llama-bench
	if [ ! -x "$llama" ]; then
		cmake -S "$LLAMA_CPP" -B "$LLAMA_CPP/build" -DCMAKE_BUILD_TYPE=Release -DLLAMA_CURL=OFF >&2
		cmake --build "$LLAMA_CPP/build" --target llama-bench -j "$threads" >&2
	fi
fi
[ -n "$llama" ] || say "no llama-bench: set LLAMA_CPP to llama.cpp's source"
python=${PYTHON:-python3}
"$python" -c 'import torch' 2>/dev/null || {
	say "$python has no torch: set PYTHON"
	python=
}

# JSON on standard input, put to SQL as j
ask() {
	cat >"$tmp/j"
	sqlite3 -separator ' ' :memory: "WITH j AS (SELECT CAST(readfile('$tmp/j') AS TEXT) AS j) $1"
}
shape=$("$T" info "$model" --json --quiet | ask "SELECT json_extract(j,'\$.layers'),json_extract(j,'\$.hidden'),
	json_extract(j,'\$.ffn'),json_extract(j,'\$.heads'),json_extract(j,'\$.kv_heads'),json_extract(j,'\$.vocab') FROM j")

# lines "WORK PROGRAM VALUE", a round after the other
round() {
	"$T" bench "$model" --only decode-bf16,decode-q8_0,decode-q4_1,prefill,decompose,train-step --repeats 1 --json --quiet |
		ask "SELECT CASE json_extract(value,'\$.name') WHEN 'prefill' THEN 'prefill-512' ELSE json_extract(value,'\$.name') END,
			't2tui', CASE WHEN json_extract(value,'\$.name') LIKE 'decode-%'
				THEN json_extract(value,'\$.value')/json_extract(value,'\$.work')
			WHEN json_extract(value,'\$.name')='prefill'
				THEN 512*json_extract(value,'\$.value')/json_extract(value,'\$.work')
			WHEN json_extract(value,'\$.name')='train-step'
				THEN json_extract(value,'\$.work')/json_extract(value,'\$.value')
			ELSE CAST(substr(json_extract(value,'\$.detail'),instr(json_extract(value,'\$.detail'),'last took ')+10) AS REAL) END
		FROM j, json_each(j,'\$.results')"
	[ -z "$llama" ] || "$llama" -m "$model" -t "$threads" -p 512 -n 32 -r 1 -o json 2>/dev/null |
		ask "SELECT CASE json_extract(value,'\$.n_gen') WHEN 0 THEN 'prefill-512' ELSE 'decode-stored' END,
			'llama.cpp', json_extract(value,'\$.avg_ts') FROM j, json_each(j)"
	[ -z "$python" ] || "$python" "$here/peers.py" "$threads" $shape
}
i=0
while [ $i -lt "$rounds" ]; do
	round >>"$tmp/rows"
	i=$((i + 1))
	say "round $i of $rounds"
done
echo "$model, $threads threads, median of $rounds rounds (tokens/s; decompose and train-step: seconds)"
sort -k1,1 -k2,2 -k3,3g "$tmp/rows" | awk '
	{ k = $1 " " $2; if (k != last) { flush(); last = k; n = 0 } v[++n] = $3 }
	function flush() { if (n) { split(last, w, " "); printf "%-16s %-10s %9.3g\n", w[1], w[2], v[int((n + 1) / 2)] } }
	END { flush() }'
