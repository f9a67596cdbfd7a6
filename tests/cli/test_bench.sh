#!/bin/bash
# Benchmarks are kept and can be held against each other.  No figure is checked: that is `make bench`.
. tests/lib/cli.sh
S=$TINY
[ -r samples/model/model.safetensors ] && S=sample
if [ "$S" != sample ] && ! have_tiny; then
	skip bench
	finish
fi
fields='name value unit limit ratio floor goal detail ratio_low ratio_high repeats'
"$T" bench $S --only decode-bf16,switch --repeats 2 --json --quiet >"$D/a" 2>"$D/err"
check rows jtest "json_array_length(j,'\$.results')=2 AND json_extract(j,'\$.results[1].name')='switch' AND json_extract(j,'\$.id')=1" <"$D/a"
for f in $fields; do
	check "row_$f" jtest "json_extract(j,'\$.results[0].$f') IS NOT NULL" <"$D/a"
done
check not_two fails "no two benchmarks" "$T" bench --compare last
"$T" bench $S --only switch --repeats 1 --quiet >"$D/b" 2>"$D/err"
check text grep -q '^switch .* ms ' "$D/b"
"$T" bench --history --json >"$D/h"
check history jtest "json_array_length(j,'\$.benchmarks')=2 AND json_extract(j,'\$.benchmarks[0].id')=2 AND json_extract(j,'\$.benchmarks[1].figures')=2" <"$D/h"
"$T" bench --compare last --json >"$D/c"
check compare jtest "json_array_length(j,'\$.rows')=1 AND json_extract(j,'\$.a.id')=1 AND json_extract(j,'\$.b.id')=2 AND abs(json_extract(j,'\$.rows[0].factor')*json_extract(j,'\$.rows[0].ratio_a')/json_extract(j,'\$.rows[0].ratio_b')-1)<1e-9" <"$D/c"
check compare_text sh -c '"$0" bench --compare 1,2 | grep -q "^switch .*\(better\|worse\|not to be told\)$"' "$T"
check compare_none fails "no benchmark 9" "$T" bench --compare 1,9
check compare_usage usage "two ids" "$T" bench --compare frob
check cost sh -c '"$1" info shape:2,64,128,4,2,100 --cost --json --store "$2" >"$3"' _ "$T" "$D/new.db" "$D/cost"
for shape in 2,64,128,4,2,100 3,64,96,4,2,100 2,32,64,2,1,200; do
	"$T" bench shape:$shape --only prefill,batch-8,population-32 --repeats 1 --resident --json --quiet --store "$D/held.db" >"$D/m" 2>"$D/err"
done
check memory jtest "json_extract(j,'\$.results[0].resident')>1 AND json_extract(j,'\$.results[0].beside')>=0 AND json_extract(j,'\$.results[0].beside')<json_extract(j,'\$.results[0].resident')" <"$D/m"
check held_out sh -c '"$1" bench --held-out --json --store "$2" >"$3"' _ "$T" "$D/held.db" "$D/held"
check held_out_of_each jtest "json_array_length(j,'\$.held_out')=12 AND json_extract(j,'\$.held_out[0].row')='prefill' AND json_extract(j,'\$.held_out[2].models')=2 AND json_extract(j,'\$.held_out[2].predicted')>0 AND json_extract(j,'\$.held_out[1].measured')>0" <"$D/held"
# a search step is the sum of its two parts
check held_out_steps jtest "json_extract(j,'\$.held_out[11].row')='population-32' AND abs(json_extract(j,'\$.held_out[11].measured')-json_extract(j,'\$.held_out[5].measured')-json_extract(j,'\$.held_out[8].measured'))<1e-9" <"$D/held"
# the best of the newest three figures counts: what others took away is not the machine's
measured() {
	"$T" bench --held-out --json --store "$D/held.db" >"$D/m"
	sqlite3 :memory: "SELECT round(1e6*$1*json_extract(value,'\$.measured')) FROM json_each(CAST(readfile('$D/m') AS TEXT),'\$.held_out')
		WHERE json_extract(value,'\$.model')='shape:2,32,64,2,1,200' AND json_extract(value,'\$.row')='prefill'"
}
once_more() { # once_more FACTOR: a newer benchmark whose rates are so many times those of the first
	sqlite3 "$D/held.db" "INSERT INTO benchmark(created, model, machine, kernels, threads, layers)
			SELECT created+1, model, machine, kernels, threads, layers FROM benchmark WHERE id=3;
		INSERT INTO benchmark_figure SELECT (SELECT max(id) FROM benchmark), position, name, unit, value*$1, \"limit\", ratio*$1, low*$1, high*$1,
			repeats, work, detail FROM benchmark_figure WHERE benchmark=3"
}
best_counts() {
	first=$(measured 1) && once_more 0.5 && [ "$(measured 1)" = "$first" ] && once_more 2 && [ "$(measured 2)" = "$first" ] &&
		once_more 0.5 && once_more 0.5 && once_more 0.5 && [ "$(measured 0.5)" = "$first" ] && [ "${first%.*}" -gt 0 ]
}
check best_counts best_counts
check held_out_text sh -c '"$1" bench --held-out --store "$2" | grep -q "^prefill .* % *2 others$"' _ "$T" "$D/held.db"
check cost_8b sh -c '"$1" info shape:8b --cost --store "$2" | grep -q "GB of factors; beside them at most"' _ "$T" "$D/new.db"
"$T" info shape:8b --cost --json --store "$D/new.db" >"$D/8b"
check cost_8b_mapped jtest "json_extract(j,'\$.dense_bytes')=0 OR json_extract(j,'\$.machine_bytes')>100e9" <"$D/8b"
cost_8b_says() {
	jtest "json_extract(j,'\$.machine_bytes')>100e9" <"$D/8b" >/dev/null && return
	"$T" info shape:8b --cost --store "$D/new.db" | grep -q "^dense copies  *0 MB  none: .* run on the mapped files$"
}
check cost_8b_says cost_8b_says
check cost_jobs jtest "json_array_length(j,'\$.jobs')=8 AND json_extract(j,'\$.jobs[0].bytes')>0 AND json_extract(j,'\$.factor_bytes')=4*2*(64*128*2+32*96*2+3*64*192)" <"$D/cost"
# growth.sh: a column in parts, and the table of what is there
growth() { GROWTH=$D/growth REPEATS=1 T2TUI=$T bash tests/bench/growth.sh "$@"; }
check growth_nothing sh -c '! GROWTH=$1/none T2TUI=$2 bash tests/bench/growth.sh table >"$1/out"' _ "$D" "$T"
check growth_part sh -c '! GROWTH=$1/none T2TUI=$2 bash tests/bench/growth.sh measure sample frob 2>"$1/err" && grep -q "no part frob: there are decode" "$1/err"' _ "$D" "$T"
growth measure shape:2,64,128,4,2,100 step >"$D/out" 2>&1
growth measure shape:3,64,96,4,2,100 step few >"$D/out" 2>&1
growth measure shape:2,64,128,4,2,100 decode >"$D/out" 2>&1
growth table >"$D/table"
check growth_table sh -c 'grep -q "^training step, 1024 rows  *[0-9.]* [mu]*s, 0.*%  *[0-9.]* [mu]*s, 0" "$1" && grep -q "^search step, 8 members  *-  *[0-9.]* [mu]*s, 0" "$1"' _ "$D/table"
check growth_rates grep -q "^decode 64, tokens  *[0-9.]*/s, 0.*%  *-$" "$D/table"
growth table markdown >"$D/table"
check growth_markdown sh -c 'grep -qx "| --- | ---: | ---: |" "$1" && grep -q "^| search step, 8 members | - | [0-9.]* [mu]*s, 0" "$1"' _ "$D/table"
check only_unknown usage "there are decode-bf16" "$T" bench $S --only switch,frob
# a group is its rows; the screen's are measured through a terminal, of which only the shape of the answer is looked at
if [ "$S" = sample ]; then
	"$T" bench sample --only svf --repeats 1 --json --quiet >"$D/g" 2>"$D/err"
	check group_rows jtest "json_array_length(j,'\$.results')=2 AND json_extract(j,'\$.results[0].name')='decompose' AND json_extract(j,'\$.results[1].name')='switch'" <"$D/g"
	check group_tui sh -c '"$1" bench --only tui --history >/dev/null' _ "$T"
	"$T" bench sample --only bytes-move,key,idle-bytes --repeats 1 --json --quiet >"$D/k" 2>"$D/err"
	check screen_rows jtest "json_array_length(j,'\$.results')=3 AND json_extract(j,'\$.results[0].unit')='bytes' AND json_extract(j,'\$.results[0].value')>100 AND json_extract(j,'\$.results[1].unit')='ms' AND json_extract(j,'\$.results[1].value')>0" <"$D/k"
	check screen_idle jtest "json_extract(j,'\$.results[2].limit')=0 AND json_extract(j,'\$.results[2].ratio')=(json_extract(j,'\$.results[2].value')=0)" <"$D/k"
	"$T" bench sample --only idle-bytes --repeats 1 --quiet >/dev/null 2>&1
	check screen_compare sh -c '"$1" bench --compare last | grep -q "^idle-bytes .*\(better\|worse\|not to be told\)$"' _ "$T"
fi
finish
