#!/usr/bin/env bash
# What the Mix view shows is what everybody else computes: its answers are those of `t2tui generate`, one setting after
# another; its z are sums over the experts' vectors as the store has them.
. tests/lib/cli.sh
Q='What does print(reverse("KPAM")) show?'
db=$D/mix.db
cat >"$D/mix.t2s" <<EOF
wait "effective rank" 120000
wait-not "/28" 120000
keys 4
wait "KL to base" 120000
key j Space
key j Space
key k k
key e
key Ctrl-u
type 0.7
key Enter
key Tab
keys x
key Ctrl-u
type $D/z.csv
key Enter
expect "z.csv"
key Shift-Tab
keys s
key Ctrl-u
type half
key Enter
expect "mixture half kept"
key Tab Tab Tab Tab
key e Ctrl-k Ctrl-u
type $Q
key Enter
wait "Esc stops" 5000
wait-not "Esc stops" 120000
key Shift-Tab
keys x
key Ctrl-u
type $D/answers.csv
key Enter
expect "answers.csv"
EOF
replay() { "$T" --script "$D/mix.t2s" --size 200x60 --store "$db" sample; }
check replay replay
cell() { sqlite3 :memory: ".mode csv" ".import $D/answers.csv a" ".mode list" "SELECT $2 FROM a WHERE setting='$1'"; }
said() { "$T" generate sample --store "$db" --prompt "<|endoftext|>Question: $Q"$'\n'"Answer:" --quiet "${@:2}" >"$D/said" && [ "$(cell "$1" text)" = "$(cat "$D/said")" ] || {
	echo "$1: \"$(cell "$1" text)\", generate: \"$(cat "$D/said")\""
	return 1
}; }
check columns test "$(wc -l <"$D/answers.csv")" -eq 6
check base_says_the_same said base
check math_says_the_same said math --expert math
check code_says_the_same said code --expert code
check logic_says_the_same said logic --expert logic
check mixture_says_the_same said "0.64 math + 0.36 code" --mix half
check settings_differ test "$(cell base text)" != "$(cell code text)"
check base_kl_is_0 test "$(cell base kl_to_base)" = 0
check expert_kl test "$(sqlite3 :memory: "SELECT $(cell code kl_to_base) > 0")" = 1

# mean |0.7/1.1 z_math + 0.4/1.1 z_code - 1| of every matrix, from the store's bytes
vector() { sqlite3 -cmd ".timeout 5000" "$db" "SELECT writefile('$D/v.$1', z) FROM expert_vector JOIN expert ON expert.id=expert WHERE name='$1' AND matrix='$2'" >/dev/null; od -A n -v -t f4 -w4 "$D/v.$1"; }
z_table() {
	tail -n +2 "$D/z.csv" | while IFS=, read -r matrix far mean lo hi; do
		paste <(vector math "$matrix") <(vector code "$matrix") | awk -v m="$matrix" -v far="$far" -v mean="$mean" -v lo="$lo" -v hi="$hi" '
			function near(a, b) { return a - b < 2e-6 && b - a < 2e-6 }
			{ z = 0.7 / 1.1 * $1 + 0.4 / 1.1 * $2; s += z - 1; f += z < 1 ? 1 - z : z - 1
			  if (NR == 1 || z < l) l = z; if (NR == 1 || z > h) h = z }
			END { if (NR < 64 || !near(f / NR, far) || !near(s / NR, mean) || !near(l, lo) || !near(h, hi))
				print m, NR, f / NR, far, s / NR, mean, l, lo, h, hi; else print "right" }'
	done >"$D/z.out"
	grep -v '^right$' "$D/z.out"
	[ "$(grep -c '^right$' "$D/z.out")" -eq 28 ]
}
check z_table z_table
finish
