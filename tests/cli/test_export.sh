#!/bin/bash
# What is on the screen in files: text, numbers that are the program's own, drawings with lines; nothing half written.
. tests/lib/cli.sh
cd "$D" || exit 1
[ "${T#/}" = "$T" ] && T=$OLDPWD/$T
cat >s.t2s <<-'END'
	wait "effective rank" 120000
	wait-not "/28" 90000
	export map.txt
	export map.csv
	shot screen.svg
	shot screen.txt
	key Tab Tab Tab
	expect "▸layer 0"
	export curve.csv
	export curve.svg
	key :
	shot popup.svg
	key Esc
	keys 7
	export list.csv
	key Tab
	wait-not "reading ..." 9000
	export-screen runs.svg
	export reward.svg
	export reward.csv
	key Tab Tab
	expect "▸z over time"
	export z.csv
	key Tab
	expect "▸rollouts of step"
	export rollouts.csv
	key Tab
	expect "▸settings"
	export settings.csv
	export settings.txt
	key Tab
	key Space Space k c
	expect "▸settings that differ"
	export differ.csv
	key Shift-Tab Shift-Tab Shift-Tab
	expect "▸gradient norm"
	export more.csv
END
check plays "$T" --script s.t2s --size 120x40 --store k.db sample
check text grep -q "effective rank" screen.txt
check text_of_a_pane sh -c 'grep -q "\.64" map.txt && ! grep -q "help" map.txt'
check map_numbers test "$(wc -l <map.csv)" = 29
# the curve's numbers are those of the verb
same_sigma() {
	"$T" spectrum sample --matrix model.layers.0.mlp.up_proj.weight --csv --store k.db | tail -n +2 | cut -d, -f3 >verb
	tail -n +2 curve.csv | cut -d, -f2 >view
	[ "$(wc -l <verb)" = 128 ] && paste verb view | awk '{ d = $1 - $2; if (d < 0) d = -d; if (d > 1e-6 * $1) exit 1 }'
}
check curve_numbers same_sigma
# a list's numbers are whole, as the verb has them: no "40/40", no "17 s"
same_runs() {
	"$T" run list --json --store k.db |
		jq -r '.runs[] | [.id, .status, .step, .steps, .seconds, .best_accuracy] | @tsv' >verb
	tail -n +2 list.csv | cut -d, -f1,5,6,7,11,9 | paste verb - | tr ',' '\t' >both
	# cut gives fields in the order of the file: best comes before seconds
	[ "$(wc -l <both)" = 4 ] && awk 'function far(a, b) { return a - b > 1e-6 || b - a > 1e-6 }
		$1 != $7 || $8 != "shipped" || $3 != $9 || $4 != $10 || far($6, $11) || far($5, $12) { exit 1 }' both
}
check list_numbers same_runs
# the curves of a run with its validations: the file that the verb writes
same_curves() {
	"$T" run export cls --csv --store k.db >verb && grep -q '[0-9],200$' verb && cmp verb reward.csv
}
check run_curves same_curves
# each pane its own: what it shows, not the curves of the pane beside it
check rollouts test "$(head -1 rollouts.csv)" = "step,reward,prompt,answer"
check settings sh -c 'test "$(head -1 settings.csv)" = setting,value && grep -qx "eval-every,40" settings.csv &&
	grep -qx "max-new,the task.s" settings.csv && grep -Eqx "eval-every +40" settings.txt'
check settings_whole test "$(wc -l <settings.csv)" = "$(($(wc -l <settings.txt) + 1))"
check settings_that_differ sh -c 'printf "setting,3 logic,4 cls\ntask,logic,dispatch\nname,logic,cls\n" | cmp - differ.csv'
check more sh -c 'grep -q . more.csv && ! grep -q validat more.csv'
# a plot in a pane without numbers of its own still gives those it is drawn from
check plotted_numbers test "$(head -1 z.csv)" = "row,column,value"
drawing() { # elements are closed, curves are paths, labels are text
	[ "$(grep -c '<path' "$1")" -ge 2 ] && [ "$(grep -c '<g' "$1")" = "$(grep -c '</g>' "$1")" ] &&
		[ "$(grep -o '<clipPath' "$1" | wc -l)" = "$(grep -o '</clipPath>' "$1" | wc -l)" ] &&
		tail -1 "$1" | grep -q '^</svg>$'
}
for f in screen curve runs reward; do check "drawing_$f" drawing $f.svg; done
check drawing_size grep -q 'width="960" height="640"' screen.svg
check drawing_axis grep -q '>10⁰</text>' screen.svg
check drawing_legend sh -c 'grep -q ">σ</text>\|>σ·z math</text>" curve.svg'
check no_dots_left sh -c '! grep -q "width=\"2\" height=\"2\"" screen.svg runs.svg'
# a popup hides the lines under it
hidden() {
	[ "$(grep -c '^<rect' screen.svg)" -lt "$(grep -c '^<rect' popup.svg)" ] && grep -q '>log-linear<' popup.svg
}
check popup_hides hidden
if command -v rsvg-convert >/dev/null; then
	check renders rsvg-convert screen.svg -o screen.png
else
	skip renders_without_rsvg_convert
fi
bad() { # bad COMMAND TEXT
	printf 'wait "effective rank" 120000\n%s\n' "$1" >bad.t2s
	! "$T" --script bad.t2s --store k.db sample >/dev/null 2>bad.err && grep -qF -- "$2" bad.err
}
check no_folder bad 'export nowhere/x.svg' 'there is no folder nowhere: make it'
check disk_full bad 'export /dev/full' 'the disk is full: free some space'
check a_folder bad 'export .' 'is a folder'
check wait_for_nothing bad 'wait' 'a text is wanted'
check expect_nothing bad 'expect ""' 'a text is wanted'
check sleep_of_nothing bad 'sleep -1' 'milliseconds are wanted'
folder() { ! "$T" --script . --store k.db sample 2>bad.err && grep -q "directory" bad.err; }
check script_is_a_folder folder
check unknown_format bad 'export x.png' '.png is not known'
# a file size limit is as good as a full disk: what was there stays, and no part file lies about
limited() {
	echo before >keep.svg
	printf 'wait "effective rank" 120000\nshot keep.svg\n' >limit.t2s
	(ulimit -f 8; ! "$T" --script limit.t2s --store k.db sample >/dev/null 2>bad.err) &&
		[ "$(cat keep.svg)" = before ] && [ "$(ls keep.svg* | wc -l)" = 1 ]
}
check half_written limited
finish
