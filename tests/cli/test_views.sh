#!/usr/bin/env bash
# The workbench on the sample, as a user would drive it: replays at three sizes, without colour, and in a C locale.
. tests/lib/tap.sh
play() { # play SIZE SCRIPT [VAR=VALUE ...]
	size=$1 script=$2
	shift 2
	env "$@" "$T" --script "tests/replay/sample/$script.t2s" --size "$size" --store "$home/$script-$size.db" sample
}
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
check spectrum_120x40 play 120x40 spectrum
check spectrum_200x60 play 200x60 spectrum
check spectrum_mono play 120x40 spectrum NO_COLOR=1
check small_80x24 play 80x24 small
check ask_120x40 play 120x40 ask
check ask_200x60 play 200x60 ask
check experts_120x40 play 120x40 experts
sed "s|FILE|$home/math.safetensors|" tests/replay/sample/experts-file.t2s >"$home/experts-file.t2s"
check experts_file "$T" --script "$home/experts-file.t2s" --size 120x40 --store "$home/experts-file.db" sample
check expert_file_is_the_verbs sh -c '"$1" expert export math -o "$2/again.safetensors" --store "$2/experts-file.db" &&
	cmp "$2/math.safetensors" "$2/again.safetensors"' _ "$T" "$home"
check train_120x40 play 120x40 train
check models_120x40 play 120x40 models
check models_200x60 play 200x60 models
check mix_120x40 play 120x40 mix
check mix_80x24 play 80x24 mix-small
figures() { # each figure once
	play 200x60 mix-figures >"$home/figures" && [ "$(grep -c '4 tokens' "$home/figures")" = 1 ]
}
check mix_figures_200x60 figures
check runs_120x40 play 120x40 runs
check themes_120x40 play 120x40 themes
check help_120x40 play 120x40 help
# at 80 columns no word of any pane's help is cut
uncut() {
	for view in 1 2 3 4 5 6 7 8 9 0; do
		for pane in 1 2 3 4 5 6; do
			printf 'key %s\nkey ?\nshot -\nkey PgDn\nshot -\nkey PgDn\nshot -\nkey PgDn\nshot -\nkey Esc\nkey Tab\n' "$view"
		done
	done >"$home/help.t2s"
	"$T" --script "$home/help.t2s" --size 80x24 --store "$home/help.db" sample |
		LC_ALL=C.UTF-8 sed -nE 's/^...│(.*)│...?$/\1/p' >"$home/help.out"
	grep -q 'sort by the next column' "$home/help.out" && ! grep -v 'not known yet' "$home/help.out" | grep '…'
}
check help_is_not_cut uncut
# the user's own themes are in the list; a wrong one says where, and cannot be kept
mkdir -p "$home/config/t2tui/themes"
printf '# mine\ninherit = dark\ndim = reddish\n' >"$home/config/t2tui/themes/aa-mine.theme"
printf 'wait "effective rank" 120000\nkey :\ntype theme\nkey Enter\nkey g\nexpect "› aa-mine"\nexpect "aa-mine.theme:3: dim:"\nkey Enter\nexpect "Esc as before"\nkey Esc\nexpect-not "aa-mine"\n' >"$home/own.t2s"
own_theme() { XDG_CONFIG_HOME=$home/config "$T" --script "$home/own.t2s" --size 120x40 --store "$home/own.db" sample; }
check own_theme own_theme
check palette_120x40 play 120x40 palette
check runs_200x60 play 200x60 runs
# another model: the sample under an expert, in half precision
cp -r samples/model "$home/half" && chmod -R u+w "$home/half"
check second_model "$T" export sample --expert math -o "$home/half/model.safetensors.new" --dtype f16 --store "$home/two.db" --quiet
mv "$home/half/model.safetensors.new" "$home/half/model.safetensors"
two() { # two SIZE SCRIPT: in the folder where "half" lies
	script=$PWD/tests/replay/sample/$2.t2s bin=$(realpath "$T")
	(cd "$home" && "$bin" --script "$script" --size "$1" --store "$home/two.db" sample)
}
check two_models_120x40 two 120x40 models2
check two_models_exported grep -q '^component,sigma.*,sigma half' "$home/compare.csv"
check two_models_200x60 two 200x60 models2
check switch_at_work_120x40 two 120x40 switch
check typing_120x40 two 120x40 typing
rm -r "$home/half"
check gone_model_120x40 two 120x40 gone
check evals_120x40 play 120x40 evals
check evals_200x60 play 200x60 evals
check evals_80x24 play 80x24 evals-small
# in a C locale every cell is ASCII
printf 'wait "effective rank" 5000\nkeys 5\nkeys 7\nkeys 2\nshot -\n' >"$home/ascii.t2s"
ascii() {
	LC_ALL=C "$T" --script "$home/ascii.t2s" --size 120x40 --store "$home/ascii.db" sample >"$home/ascii.out" &&
		grep -q 'effective rank' "$home/ascii.out" && ! LC_ALL=C grep -q '[^ -~]' "$home/ascii.out"
}
check c_locale_is_ascii ascii
# the text decides; where the likelihoods lean another way, the screen says so
cat >"$home/lean.t2s" <<'S'
wait "effective rank" 120000
keys 5
key Tab Tab Tab
expect "1970-01-01"
key Enter
expect "decision: code (by the text)"
expect "bars (likelihoods) favour logic"
expect "margin 0.4 nat"
expect "applied: z code"
key NEXT
expect "decision: math"
expect-not "by the text"
expect-not "favour"
S
leaning() {
	"$T" run list --store "$home/lean.db" >/dev/null && sqlite3 "$home/lean.db" "
		INSERT INTO decision SELECT NULL, id, 1000, 'cls', 'Which?', ' math.', '{\"math\":0.9,\"code\":0.1}', 9, 'math',
			'{\"math\":1.0}', ' 1.', 2, 20 FROM model;
		INSERT INTO decision SELECT NULL, id, 2000, 'cls', 'What?', ' code.', '{\"math\":0.1,\"code\":0.35,\"logic\":0.54,\"other\":0.01}',
			9, 'code', '{\"code\":1.0}', ' It shows.', 3, 20 FROM model" &&
		sed 's/NEXT/Down Enter/' "$home/lean.t2s" |
		TZ=UTC "$T" --script - --size 120x40 --store "$home/lean.db" sample &&
		sed 's/NEXT/Tab Down Enter/' "$home/lean.t2s" | # a small screen goes on to the answer by itself
		TZ=UTC "$T" --script - --size 80x24 --store "$home/lean.db" sample
}
check text_decides leaning
# a run that validates says so, in the list and under its curves, and one that failed says why
saying() {
	now="status='running', pid=$$, pid_start=$(sed 's/.*) //' /proc/$$/stat | cut -d' ' -f20)"
	"$T" run list --store "$home/say.db" >/dev/null && sqlite3 "$home/say.db" "
		UPDATE run SET shipped=0, step=0, $now, message='validating the base before step 1: 40 of 200 answers' WHERE name='math';
		DELETE FROM metric WHERE run=(SELECT id FROM run WHERE name='math');
		UPDATE run SET shipped=0, status='failed', message='disk full' WHERE name='code'" &&
		"$T" --script - --size 120x40 --store "$home/say.db" sample <<-'S'
			wait "effective rank" 120000
			keys 7
			key G
			expect "validating"
			expect "validating the base before step 1: 40 of 200 answers"
			expect "40/200"
			key k
			expect "disk full; R resumes it"
			keys 9
			wait "run 1 math (own process)" 20000
			expect "validating the base before step 1: 40 of 200"
			keys 1
			wait "valid. 40/200" 90000
		S
	[ $? = 0 ] && printf 'wait "effective rank" 5000\nkeys 7\nwait "val 40/200" 90000\n' |
		"$T" --script - --size 80x24 --store "$home/say.db" sample &&
		printf 'wait "effective rank" 5000\nkeys 7\nwait "run 1 math validating 40/200" 90000\n' |
		"$T" --script - --size 200x60 --store "$home/say.db" sample
}
check runs_say_what_they_do saying
# numbers and bytes that no t2tui writes, but a file may hold, are shown or not, and end nothing
strange() {
	"$T" run list --store "$home/strange.db" >/dev/null && sqlite3 "$home/strange.db" "
		UPDATE expert SET created=1e18, accuracy=1e300, accuracy_n=2147483647 WHERE name='math';
		UPDATE expert SET created=-1e300, accuracy=9e999, accuracy_n=-5 WHERE name='code';
		UPDATE model SET added=1e300, opened=-1e300, parameters=-9223372036854775807;
		UPDATE run SET started=1e300, seconds=9e999, step=2147483647, steps=-2147483648, reward=-9e999 WHERE name='math';
		UPDATE run SET step=-9223372036854775807, settings='{\"a\":[1,', name=char(27) || '[2J%s%n' WHERE name='code';
		INSERT INTO evaluation(model,created,task,split,strategy,temperature,seed,n,correct,seconds,tokens)
			SELECT m.id, 1e18, t.value, 'test', s.value, 0, -1, n.value, 30, 9e999, -1 FROM model m,
			json_each('[\"math\",\"code\",\"\\u001b]0;x\"]') t,
			json_each('[\"none\",\"expert:math\",\"cls\",\"expert:%n%s\"]') s, json_each('[-5,20,2147483647]') n;
		INSERT INTO evaluation_item SELECT e.id, i.value, 7, char(27) || hex(zeroblob(50000)), 'nosuch' FROM evaluation e,
			json_each('[-9223372036854775807,-1,0,5,9223372036854775807]') i;
		INSERT INTO decision SELECT NULL, id, 1e18, 'cls', char(27) || 'p', 't', '{\"math\":1e999}', 9e999, 'math',
			'{\"x\":', char(27) || '[2J', -1, -9e999 FROM model;
		INSERT INTO mixture(model,name,fitness,created) SELECT id, 'huge', 9e999, 1e18 FROM model;
		INSERT INTO mixture_part SELECT m.id, e.id, e.id, 1e300, x'616263' FROM mixture m, expert e;
		INSERT INTO mixture(model,name,created) SELECT id, 'empty', 0 FROM model" &&
		"$T" --script - --size "$1" --store "$home/strange.db" sample <<-'S' &&
			wait "effective rank" 120000
			keys 1
			key Tab Tab Tab Esc
			keys 3
			key j j Tab Enter Tab Tab Tab Esc
			keys 4
			key j l Tab Tab j j Enter Tab Tab Esc
			keys 7
			key j j j Tab G Esc
			keys 5
			key Tab Tab j Enter Esc
			keys 8
			key j j j l l h Tab Tab Tab j j Enter Esc
			keys 9
			keys 2
			expect "effective rank"
		S
		"$T" expert list --store "$home/strange.db" >/dev/null &&
		"$T" expert export math -o "$home/strange.safetensors" --store "$home/strange.db" >/dev/null
}
check strange_rows_120x40 strange 120x40
rm -f "$home/strange.db"
check strange_rows_80x24 strange 80x24
# without a terminal the workbench says what to do instead
no_terminal() {
	! "$T" sample </dev/null >"$home/out" 2>"$home/err" && grep -q 'needs a terminal' "$home/err" && [ ! -s "$home/out" ]
}
check needs_a_terminal no_terminal
finish
