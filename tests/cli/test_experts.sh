#!/bin/bash
# Experts and mixtures: import, export, names, use.
. tests/lib/cli.sh
G=$SHARED/goldens/svf
if ! have_tiny || [ ! -r "$G/T.plain_a_all.safetensors" ]; then
	skip experts
	finish
fi
import() { # a file without fingerprint: taken, with a note
	"$T" expert import "$1" --model "$TINY" --name "$2" --json >"$D/out" 2>"$D/err" &&
		jtest "json_extract(j,'\$.name')='$2'" <"$D/out" && grep -q '^t2tui: .*does not say which model' "$D/err"
}
for f in plain_a_all plain_b_all plain_a_mlp reference_all reference_mlp; do
	check "import_$f" import "$G/T.$f.safetensors" $f
done
file_named() { # no name in the file, none given
	cp "$G/T.plain_a_mlp.safetensors" "$D/feed-only.safetensors"
	"$T" expert import "$D/feed-only.safetensors" --model "$TINY" --quiet | grep -qx feed-only && "$T" expert rm feed-only
}
check import_file_name file_named
wide_names() { # a table's columns stand under each other whatever the names are written in
	"$T" expert import "$G/T.plain_a_mlp.safetensors" --model "$TINY" --name 専門家 --quiet >/dev/null &&
		[ "$("$T" expert list | grep 専門家 | sed 's/svf.*//' | LC_ALL=C.UTF-8 wc -L)" = \
			"$("$T" expert list | grep ^plain_a_all | sed 's/svf.*//' | wc -L)" ] &&
		"$T" expert rm 専門家
}
check wide_names wide_names
check import_again fails "taken" "$T" expert import "$G/T.plain_a_all.safetensors" --model "$TINY" --name plain_a_all --quiet
q="SELECT group_concat(name||' '||scale||' '||parameters, ';') FROM (SELECT * FROM expert WHERE shipped=0 ORDER BY id)"
check kept sh -c 'sqlite3 "$1" "$2" | grep -q "plain_a_all plain .*reference_all reference "' _ "$XDG_DATA_HOME/t2tui/t2.db" "$q"

# the tensors of an exported file are those of the imported one, and importing that gives the same file again
tensors() { # the bytes behind the header
	n=$(od -An -t u8 -N 8 "$1" | tr -d ' ')
	tail -c +$((n + 9)) "$1" | md5sum
}
header() { # without the time of making
	n=$(od -An -t u8 -N 8 "$1" | tr -d ' ')
	tail -c +9 "$1" | head -c "$n" | sed 's/"created": *"[^"]*",*//; s/"name": *"[^"]*",*//; s/ *$//'
}
round() {
	"$T" expert export "$1" -o "$D/1.safetensors" && [ -s "$D/1.safetensors" ] &&
		"$T" expert import "$D/1.safetensors" --model "$TINY" --name again 2>"$D/err" >/dev/null && [ ! -s "$D/err" ] &&
		"$T" expert export again -o "$D/2.safetensors" && "$T" expert rm again &&
		[ "$(tensors "$D/1.safetensors")" = "$(tensors "$D/2.safetensors")" ] &&
		[ "$(header "$D/1.safetensors")" = "$(header "$D/2.safetensors")" ]
}
for f in plain_a_all reference_all; do check "round_$f" round $f; done
same_logits() { # used from the store, from the first file and from ours: the same bits
	a=$("$T" logits "$TINY" --tokens 1,80,147 --expert "$1" --json --quiet | md5sum)
	b=$("$T" logits "$TINY" --tokens 1,80,147 --expert "$G/T.$1.safetensors" --json --quiet | md5sum)
	"$T" expert export "$1" -o "$D/3.safetensors"
	c=$("$T" logits "$TINY" --tokens 1,80,147 --expert "$D/3.safetensors" --json --quiet | md5sum)
	base=$("$T" logits "$TINY" --tokens 1,80,147 --json --quiet | md5sum)
	[ "$a" = "$b" ] && [ "$a" = "$c" ] && [ "$a" != "$base" ]
}
check logits_plain same_logits plain_a_all
check logits_reference same_logits reference_all
golden() { # the highest logit of every position of every row of that expert, within the goldens' tolerance
	grep "^{\"expert\":\"$1\"" "$G/T.jsonl" >"$D/rows" && [ -s "$D/rows" ] || return 1
	while read -r row; do
		ids=$(echo "$row" | jget '$.ids' | tr -d '[]')
		"$T" logits "$TINY" --tokens "$ids" --all --json --quiet $2 >"$D/ours" || return 1
		echo "$row" >"$D/gold"
		bad=$(sqlite3 :memory: "WITH g AS (SELECT json_extract(p.value,'\$.pos') pos, json_extract(t.value,'\$[0]') id, json_extract(t.value,'\$[1]') x
			FROM json_each(CAST(readfile('$D/gold') AS TEXT),'\$.positions') p, json_each(p.value,'\$.top') t),
			o AS (SELECT json_extract(p.value,'\$.pos') pos, json_extract(t.value,'\$[0]') id, json_extract(t.value,'\$[1]') x
			FROM json_each(CAST(readfile('$D/ours') AS TEXT),'\$.positions') p, json_each(p.value,'\$.top') t)
			SELECT count(*) < (SELECT count(*)*0.9 FROM g) OR max(abs(g.x-o.x)) > 2e-4*(SELECT max(abs(x)) FROM g) FROM g JOIN o USING (pos,id)")
		[ "$bad" = 0 ] || return 1
	done <"$D/rows"
}
check golden_plain_a golden plain_a_all "--expert plain_a_all"
check golden_plain_mlp golden plain_a_mlp "--expert plain_a_mlp"
check golden_reference golden reference_all "--expert reference_all"
check golden_written_mix golden mix_0.6a_0.4b "--mix plain_a_all=0.6,plain_b_all=0.4"
"$T" mix create both plain_a_all=0.6 plain_b_all=0.4
check golden_kept_mix golden mix_0.6a_0.4b "--mix both"
for form in dense factored delta; do
	check "golden_$form" golden plain_a_all "--expert plain_a_all --form $form"
done

check mix_show sh -c '"$1" mix show both --json | grep -q "\"plain_a_all\":0.599*[0-9]*"' _ "$T"
check mix_again fails "taken" "$T" mix create both plain_a_all=1
check mix_show_lists sh -c '"$1" mix show both --json | grep -q "^{\"mixtures\":\[{\"name\":\"both\""' _ "$T"
check mix_normalised sh -c '"$1" mix create third plain_a_all=3 plain_b_all=1 --normalise && "$1" mix show third --json | grep -q "\"plain_a_all\":0.75"' _ "$T"
check mix_nobody fails "none of that name" "$T" mix create m nobody=1
check used_expert_stays fails "both" "$T" expert rm plain_a_all
check mix_rm "$T" mix rm both
check mix_rm_again fails "none of that name" "$T" mix show both
check rename sh -c '"$1" expert rename plain_a_mlp feed && "$1" expert show feed --json >/dev/null' _ "$T"
check rename_taken fails "taken" "$T" expert rename feed plain_b_all
check rename_colon fails "may not" "$T" expert rename feed a:b
check name_not_text fails "UTF-8" "$T" expert rename feed "$(printf 'a\377')"
foreign_name() { # a folder whose name is no text: JSON all the same
	cp -r "$TINY" "$D/$(printf 'm\377')" &&
		"$T" info "$D/$(printf 'm\377')" --json | jtest "json_extract(j,'\$.layers')>0 AND json_extract(j,'\$.name') LIKE 'm%'"
}
check folder_not_text foreign_name
check renamed_is_gone fails "none of that name" "$T" expert show plain_a_mlp
check diff_self sh -c '"$1" expert diff plain_a_all plain_a_all --json | grep -qE "\"cosine\":(1\.0|0\.99999)"' _ "$T"
check diff_mlp sh -c '"$1" expert diff plain_a_all feed --json | grep -q "\"norm_difference\""' _ "$T"
diff_parts() { # layers and the components that differ most, the largest first
	"$T" expert diff plain_a_all plain_b_all --json | jtest "json_array_length(j,'\$.layers')=2 AND json_array_length(j,'\$.components')=20 AND
		abs(json_extract(j,'\$.components[0].z_a')-json_extract(j,'\$.components[0].z_b')) >=
		abs(json_extract(j,'\$.components[19].z_a')-json_extract(j,'\$.components[19].z_b'))"
}
check diff_parts diff_parts
check spectrum_z sh -c '"$1" spectrum "$2" --expert plain_a_all --csv | sed -n 1p | grep -qx matrix,component,sigma,z,sigma_z' _ "$T" "$TINY"
check rm "$T" expert rm feed
check export_nowhere fails "" "$T" expert export plain_a_all -o "$D/no/x.safetensors"

# an expert of this model on another one
if [ -r samples/model/model.safetensors ]; then
	"$T" expert export plain_a_all -o "$D/a.safetensors"
	check other_model fails "" "$T" logits sample --tokens 1 --expert "$D/a.safetensors"
	# its matrices are there and of the same rank: allowed when said
	check other_model_transfer sh -c '"$1" logits sample --tokens 1 --expert "$2" --transfer --json 2>"$3" | grep -q positions && grep -q "^t2tui: " "$3"' _ "$T" "$D/a.safetensors" "$D/err"
fi
n=$(od -An -t u8 -N 8 "$D/3.safetensors" | tr -d ' ')
sed '1s/"fingerprint":"[0-9a-f]\{8\}/"fingerprint":"00000000/' "$D/3.safetensors" >"$D/f.safetensors"
check sample_is_called_so fails "sample" "$T" logits sample --tokens 1 --expert "$D/f.safetensors"
check other_fingerprint fails "transfer" "$T" logits "$TINY" --tokens 1 --expert "$D/f.safetensors"
check transfer sh -c '"$1" logits "$2" --tokens 1 --expert "$3" --transfer >/dev/null 2>"$4" && grep -q "^t2tui: " "$4"' _ "$T" "$TINY" "$D/f.safetensors" "$D/err"
finish
