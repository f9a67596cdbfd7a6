#!/bin/bash
# Wrong words: status 2 for usage, 1 for what cannot be done; one line on stderr, nothing on stdout.
. tests/lib/cli.sh
check no_such_verb usage "no such verb" "$T" frobnicate sample
check no_such_option usage "--frob: no such option" "$T" info sample --frob
check option_of_another_verb usage "--steps: no such option" "$T" info sample --steps 3
check value_missing usage "--threads: N is missing" "$T" info sample --threads
check flag_takes_nothing usage "takes nothing" "$T" info sample --json=yes
for v in info tokenize generate logits decompose spectrum grad eval search train ask export; do
	check "model_missing_$v" usage "missing" "$T" $v
done
check threads_zero usage "--threads 0" "$T" info sample --threads 0
check threads_word usage "--threads two" "$T" info sample --threads two
check threads_tail usage "--threads 2x" "$T" info sample --threads 2x
check seed_negative usage "--seed -1" "$T" info sample --seed -1
check seed_huge usage "--seed" "$T" info sample --seed 99999999999999999999
check temp_nan usage "--temp nan" "$T" generate sample --prompt a --temp nan
check temp_negative usage "--temp" "$T" generate sample --prompt a --temp -1
check top_p usage "--top-p" "$T" generate sample --prompt a --top-p 1.5
check both_prompts usage "one of the two" "$T" generate sample --prompt a --tokens 1
check empty_prompt usage "empty" "$T" generate sample --tokens ""
check csv_and_json usage "one of the two" "$T" spectrum sample --csv --json
check run_csv_and_json usage "one of the two" "$T" run export 1 --csv --json
check expert_and_mix usage "one of the two" "$T" generate sample --prompt a --expert x --mix y
check form usage "--form fast" "$T" logits sample --tokens 1 --form fast
check form_base_expert usage "--form base" "$T" logits sample --tokens 1 --form base --expert x
check form_base_mix usage "--form base" "$T" logits sample --tokens 1 --form base --mix x=1
check no_tokens usage "--tokens" "$T" logits sample --tokens ""
check strategy_twice usage "one of the three" "$T" eval sample --task math --strategy none --expert x
check preset usage "preset fast" "$T" train sample --task math --preset fast
check setting_range usage "steps 0" "$T" train sample --task math --steps 0
check setting_choice usage "scale" "$T" train sample --task math --scale other
check contradiction usage "rloo" "$T" train sample --task math --samples 1
check greedy_samples usage "temperature 0" "$T" train sample --task math --temp 0
check method usage "--method" "$T" train sample --task math --method magic
check elites usage "--elite" "$T" search sample --task math --experts a,b --population 4 --elite 9
check expert_what usage "rename or rm" "$T" expert frob
check expert_nothing usage "say which" "$T" expert
check mix_weight usage "not a number" "$T" mix create m a=much
check mix_no_weight usage "EXPERT=WEIGHT" "$T" mix create m a
check run_what usage "wanted" "$T" run frob
check run_which usage "RUN is missing" "$T" run show
check store_what usage "wanted" "$T" store frob
check scorer usage "--scorer is missing" "$T" score
check dtype usage "--dtype" "$T" export sample -o "$D/x" --dtype f8
check bench_row usage "decode" "$T" bench sample --only frob
check size usage "--size" "$T" sample --size big

check no_such_model fails "nowhere" "$T" info nowhere
check no_such_path fails "no such file" "$T" info ./no/where
check empty_model_name fails "" "$T" info ""
check folder_without_model fails "$D" "$T" info "$D"
check bad_ids fails "numbers with commas" "$T" logits sample --tokens 1,x
check huge_id fails "" "$T" logits sample --tokens 99999999999999999999
check no_such_run fails "no such run" "$T" run show 7
check no_such_expert fails "none of that name" "$T" expert rename nobody somebody
check no_such_mixture fails "none of that name" "$T" mix show nobody
check no_such_scorer usage "magic" "$T" score --scorer magic /dev/null
check no_categories usage "needs categories" "$T" score --scorer category /dev/null
check no_such_strategy usage "magic: none, prompt" "$T" ask sample "What is 1 plus 1?" --strategy magic
check no_such_eval_strategy usage "magic: none, prompt" "$T" eval sample --task math --strategy magic
check scorer_tests fails "tests" "$T" score --scorer tests /dev/null
check scorer_bad_line fails ":1" sh -c 'echo "{" | "$1" score --scorer exact' _ "$T"
check scorer_no_gold fails "gold" sh -c 'echo "{\"answer\":\"a\"}" | "$1" score --scorer exact' _ "$T"
check scorer_bad_pattern fails "" "$T" score --scorer exact --extract "(" /dev/null
check scorer_no_file fails "nowhere.jsonl" "$T" score --scorer exact nowhere.jsonl
check no_terminal fails "terminal" "$T" sample
check control_bytes fails 'a?b' "$T" info "$(printf './a\nb')"

text() { # text PATTERN COMMAND...: status 0 and the text on stdout
	p=$1
	shift
	"$@" 2>"$D/err" </dev/null | grep -q -- "$p" && [ ! -s "$D/err" ]
}
check help text "usage: t2tui" "$T" --help
check help_verb text "usage: t2tui train" "$T" train --help
narrow() { # every help text fits 80 columns, but for a word that is longer
	for v in "" $("$T" --help | awk '/^  [a-z]/ {print $1}'); do "$T" $v --help | awk -v v="$v" 'length > 80 && NF > 1 {print v ": " $0; bad = 1} END {exit bad}' || return 1; done
}
check help_narrow narrow
check help_of_each_verb text "^       t2tui expert rename A B" "$T" expert --help
check version text "^t2tui [0-9]" "$T" --version
full() {
	"$T" store path --store "$D/s.db" >/dev/full 2>"$D/err"
	[ $? -eq 1 ] && grep -q "standard output" "$D/err"
}
check stdout_full full
every_output() { # of every sort: what did not arrive is an error
	while read -r words; do
		"$T" $words >/dev/full 2>"$D/err" </dev/null
		[ $? -eq 1 ] && [ "$(tail -1 "$D/err")" = "t2tui: standard output: No space left on device" ] || { echo "full: $words"; return 1; }
		"$T" $words >&- 2>"$D/err" </dev/null
		[ $? -eq 1 ] && grep -q "^t2tui: standard output: " "$D/err" || { echo "closed: $words"; return 1; }
	done <<-END
		--help
		--version
		--keys
		help
		train --help
		info sample
		info sample --json
		tokenize sample hello
		generate sample --prompt Q -n 2 --quiet
		logits sample --tokens 1 --json
		spectrum sample --csv
		ask sample 1+1 --quiet
		ask sample 1+1 --json
		eval sample --task math --limit 1
		train sample --task math --steps 1 --batch 1 --samples 2 --eval-every 0 --json
		expert list
		expert diff math code --json
		mix list
		run show 1 --json
		doctor
		completion fish
	END
}
if [ -r samples/model/model.safetensors ]; then check every_output every_output; else skip every_output; fi
one_object() { # --json: one object where something was done, and nothing else
	while read -r words; do
		"$T" $words --json >"$D/o" 2>"$D/err" </dev/null || { cat "$D/err"; echo "fails: $words"; return 1; }
		[ "$(wc -l <"$D/o")" -eq 1 ] && jq -e 'type == "object"' <"$D/o" >/dev/null || { echo "not JSON: $words"; return 1; }
	done <<-END
		expert export math -o $D/x.safetensors
		expert import $D/x.safetensors --name mine
		expert rename mine yours
		expert show yours
		mix create both math=.5 yours=.5
		mix show both
		mix rm both
		expert rm yours
		store path
		store check
		store backup $D/backup.db
		run list
	END
	"$T" expert list | grep -q yours && return 1
	"$T" train sample --task math --steps 5000 --batch 1 --samples 2 --eval-every 0 --name long --detach --json >"$D/o" && "$T" run stop long --json | jq -e '.status == "stopped"' >/dev/null
}
if [ -r samples/model/model.safetensors ]; then check one_object one_object; else skip one_object; fi
check tour_reads usage "the tour is for reading" "$T" tour sample --json
check script_is_no_json usage "is not JSON" "$T" completion bash --json
quiet_pipe() {
	"$T" spectrum "$1" --csv 2>"$D/err" | head -1 | grep -q matrix && [ "${PIPESTATUS[0]}" -ne 0 ] && [ ! -s "$D/err" ]
}
if have_tiny; then check closed_pipe quiet_pipe "$TINY"; else skip closed_pipe; fi
conf() {
	mkdir -p "$D/config/t2tui" && echo "colour = red" >"$D/config/t2tui/t2tui.conf"
	ends 1 "t2tui.conf:1: colour" "$T" sample
	rc=$?
	rm -r "$D/config/t2tui"
	return $rc
}
check settings_file conf
check no_verb fails 'frob: no such file.*nor is it a verb: "t2tui help" lists them' "$T" frob
check near_verb fails 'nor is it a verb (spectrum is one)' "$T" spectrm
# the answer's last line ends before what is said of it
answer_ends() {
	"$T" ask sample "Ann is taller than Bob. Bob is taller than Cid. Who is tallest?" >"$D/both" 2>&1 && grep -q '^t2tui: pass 1' "$D/both"
}
check answer_ends answer_ends
exported_size() {
	"$T" export sample -o "$D/size.safetensors" >"$D/said" && grep -q ": $(stat -c %s "$D/size.safetensors") bytes" "$D/said"
}
check exported_size exported_size
finish
