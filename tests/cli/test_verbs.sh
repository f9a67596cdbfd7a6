#!/bin/bash
# What --json promises, verb by verb.
. tests/lib/cli.sh
S=sample
[ -r samples/model/model.safetensors ] || S=$TINY
if [ "$S" != sample ] && ! have_tiny; then
	skip verbs
	finish
fi
j() { "$T" "$@" --json 2>"$D/err"; }
# json SQL COMMAND...: one line of JSON on stdout, nothing on stderr, and the expression over it is true
json() {
	sql=$1
	shift
	j "$@" >"$D/one" </dev/null && [ "$(wc -l <"$D/one")" -eq 1 ] && jtest "$sql" <"$D/one" && [ ! -s "$D/err" ]
}
n="json_array_length(j,'\$.matrices')"
check info json "json_extract(j,'\$.layers')*7 = $n AND length(json_extract(j,'\$.fingerprint'))=32 AND json_extract(j,'\$.parameters')>100000" info $S
for f in name arch heads kv_heads ffn vocab context bytes dtypes hidden; do
	check "info_$f" json "json_extract(j,'\$.$f') IS NOT NULL" info $S
done
check info_rank json "json_extract(j,'\$.matrices[0].rank') = min(json_extract(j,'\$.matrices[0].m'), json_extract(j,'\$.matrices[0].n')) AND json_extract(j,'\$.matrices[0].kind')='q'" info $S
check decompose json "json_extract(j,'\$.computed')>0 AND json_extract(j,'\$.max_rel_error')<=1e-5 AND json_extract(j,'\$.max_rel_error')>0" decompose $S --check --quiet
check decompose_cached json "json_extract(j,'\$.computed')=0 AND json_extract(j,'\$.cached')=json_extract(j,'\$.matrices') AND json_extract(j,'\$.max_rel_error') IS NULL" decompose $S
check spectrum json "$n>0 AND json_array_length(j,'\$.matrices[0].sigma')=json_extract(j,'\$.matrices[0].rank') AND json_extract(j,'\$.matrices[0].sigma[0]')>=json_extract(j,'\$.matrices[0].sigma[1]')" spectrum $S
for f in spectral_norm frobenius_norm stable_rank effective_rank tail_exponent noise_edge above_edge; do
	check "spectrum_$f" json "json_extract(j,'\$.matrices[3].$f') > 0" spectrum $S
done
M=$(j info $S | jget '$.matrices[5].name')
check spectrum_one json "$n=1 AND json_extract(j,'\$.matrices[0].name')='$M'" spectrum $S --matrix "$M"
check spectrum_no_such fails "none of that name" "$T" spectrum $S --matrix nothing.weight
csv() {
	"$T" spectrum $S --matrix "$M" --csv >"$D/csv" && [ "$(head -1 "$D/csv")" = matrix,component,sigma ] || return 1
	rank=$(j info $S | jget '$.matrices[5].rank')
	[ "$(wc -l <"$D/csv")" -eq $((rank + 1)) ] && ! grep -vE '^(matrix|[a-z0-9_.]+),[a-z0-9]+,[-+0-9.e]+$' <(sed 1d "$D/csv")
}
check spectrum_csv csv
# against itself nothing is apart; another has to be decomposed before, and says so
check spectrum_compare json "$n>0 AND json_extract(j,'\$.matrices[1].distance')=0 AND json_extract(j,'\$.matrices[1].same_shape') AND json_extract(j,'\$.matrices[1].other.sigma[0]')=json_extract(j,'\$.matrices[1].sigma[0]') AND json_extract(j,'\$.compare.only_here')='[]'" spectrum $S --compare $S
check spectrum_compare_none fails "no such" "$T" spectrum $S --compare nowhere
check spectrum_compare_usage usage "do not go together" "$T" spectrum $S --compare $S --expert math
R=$SHARED/goldens/rope/llama3-headdim
if [ -r "$R/config.json" ] && [ "$S" = sample ]; then
	check spectrum_compare_undecomposed fails "t2tui decompose" "$T" spectrum $S --compare "$R"
	"$T" decompose "$R" --quiet >/dev/null
	other() {
		"$T" spectrum $S --compare "$R" >"$D/cmp" 2>"$D/err" && grep -q '^    shapes differ: 128 x 128, ' "$D/cmp" &&
			grep -q 'only in' "$D/err"
	}
	check spectrum_compare_shapes other
	check spectrum_compare_null json "json_type(j,'\$.matrices[0].distance')='null' AND NOT json_extract(j,'\$.matrices[0].same_shape')" spectrum $S --compare "$R" --matrix model.layers.0.self_attn.q_proj.weight
fi
check logits json "json_array_length(j,'\$.positions')=1 AND json_extract(j,'\$.positions[0].pos')=2 AND json_array_length(j,'\$.positions[0].top')=20 AND json_extract(j,'\$.positions[0].logsumexp')>=json_extract(j,'\$.positions[0].top[0][1]')" logits $S --tokens 3,4,5
check logits_all json "json_array_length(j,'\$.positions')=3 AND json_array_length(j,'\$.positions[1].top')=2" logits $S --tokens 3,4,5 --all --top 2
raw() {
	"$T" logits $S --tokens 3,4,5 --all --raw "$D/raw" --quiet >/dev/null &&
		[ "$(wc -c <"$D/raw")" -eq $((3 * 4 * $(j info $S | jget '$.vocab'))) ]
}
check logits_raw raw
check logits_raw_nowhere fails "cannot write" "$T" logits $S --tokens 3 --raw "$D/no/raw"
check logits_vocabulary fails "" "$T" logits $S --tokens 999999
forms() { # every form gives the same logits, to rounding
	for f in base dense factored delta auto; do
		j logits $S --tokens 3,4,5 --form $f | jget '$.positions[0].top[0][1]' || return 1
	done | sort -n | sed -n '1p;$p' | paste -sd' ' | { read -r a b && sqlite3 :memory: "SELECT abs($a-$b) < 1e-3*abs($a)" | grep -q 1; }
}
check logits_forms forms
same_threads() {
	for t in 1 2 3; do "$T" logits $S --tokens 5,6,7,8 --all --top 50 --json --threads $t | md5sum; done | uniq | wc -l | grep -qx 1
}
check logits_threads same_threads
check tokenize json "json_array_length(j,'\$.ids')=json_array_length(j,'\$.pieces') AND json_array_length(j,'\$.ids')>0" tokenize $S "There was a cat."
back() { # text, with every byte of it, comes back
	printf 'A cat\n sat  there.\n' >"$D/text"
	ids=$(j tokenize $S --no-special - <"$D/text" | jget '$.ids' | tr -d '[]')
	"$T" tokenize $S --decode "${ids%%,*},999999" 2>"$D/err" | grep -q "$(printf '\357\277\275')\$" && grep -q 'id 999999: not in the vocabulary' "$D/err" &&
		[ "$("$T" tokenize $S --decode 999999 --json --quiet)" = "{\"text\":\"$(printf '\357\277\275')\"}" ] || return 1
	"$T" tokenize $S --decode "$ids" | cmp - "$D/text"
}
check tokenize_back back
check generate json "json_extract(j,'\$.tokens')=json_array_length(j,'\$.ids') AND json_extract(j,'\$.tokens')<=7 AND json_extract(j,'\$.prompt_tokens')=3 AND json_extract(j,'\$.ms')>=json_extract(j,'\$.prompt_ms')" generate $S --tokens 3,4,5 -n 7
seeded() {
	a=$(j generate $S --tokens 3,4,5 -n 12 --temp 1 --seed 5 | jget '$.ids')
	b=$(j generate $S --tokens 3,4,5 -n 12 --temp 1 --seed 5 --threads 1 | jget '$.ids')
	c=$(j generate $S --tokens 3,4,5 -n 12 --temp 1 --seed 6 | jget '$.ids')
	[ "$a" = "$b" ] && [ "$a" != "$c" ]
}
check generate_seed seeded
printf '{"prompt_ids":[3,4],"answer_ids":[5,6],"reward":1}\n{"prompt_ids":[3],"answer_ids":[7],"reward":-1}\n' >"$D/batch"
check grad json "json_array_length(j,'\$.logprobs')=2 AND json_extract(j,'\$.grad_norm')>0 AND json_extract(j,'\$.logprobs[0]')<0" grad $S --batch "$D/batch" -o "$D/g.safetensors"
check grad_file test "$(head -c 4000 "$D/g.safetensors" | grep -c '\.z"')" -ge 1
check grad_bad_id fails "bad:1:" sh -c 'echo "{\"prompt_ids\":[99999999],\"answer_ids\":[1],\"reward\":1}" >"$2"; "$1" grad "$3" --batch "$2"' _ "$T" "$D/bad" $S
check store_path json "json_extract(j,'\$.path') LIKE '%/data/t2tui/t2.db'" store path
check store_check json "json_extract(j,'\$.ok') AND json_array_length(j,'\$.problems')=0" store check
check store_backup json "json_extract(j,'\$.ok')" store backup "$D/b.db"
check store_backup_again fails "exists" "$T" store backup "$D/b.db"
check store_option json "json_extract(j,'\$.path')='$D/other.db'" store path --store "$D/other.db"
check store_option_made test -s "$D/other.db"
newer() {
	sqlite3 "$D/other.db" "PRAGMA user_version=99"
	fails "version 99" "$T" expert list --store "$D/other.db"
}
check store_newer newer
check store_foreign fails "another program" sh -c 'sqlite3 "$2" "CREATE TABLE t(a)"; "$1" run list --store "$2"' _ "$T" "$D/foreign.db"
check run_list json "json_array_length(j,'\$.runs')>=0" run list
check mix_list json "json_array_length(j,'\$.mixtures')=0" mix list
check expert_list json "json_array_length(j,'\$.experts')>=0" expert list
# the terminal and the locale are this shell's matter: only the form counts
doctor() { j doctor | jtest "json_array_length(j,'\$.checks')>=6 AND json_extract(j,'\$.checks[0].name') IS NOT NULL AND json_extract(j,'\$.checks[0].remedy') IS NOT NULL"; }
check doctor doctor
merged() {
	cp "$(dirname "$W")"/*.json "$D/merged/" && "$T" export $S -o "$D/merged/model.safetensors" --json 2>"$D/err" |
		jtest "json_extract(j,'\$.bytes')>0" || return 1
	a=$(j logits $S --tokens 3,4,5 | jget '$.positions[0].top[0][0]')
	[ "$a" = "$(j logits "$D/merged" --tokens 3,4,5 | jget '$.positions[0].top[0][0]')" ]
}
W=$([ $S = sample ] && echo samples/model/x || echo $S/x)
mkdir "$D/merged"
check export merged
finish
