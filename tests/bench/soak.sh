#!/bin/bash
# Does anything leak?  Mixed use of one workbench for a long time, and a trainer that runs as long beside it.
#	tests/bench/soak.sh [MINUTES]	(default 60; not part of the tests)
# A round goes through the views, asks, moves sliders, switches experts and models, measures a cell, trains for some steps,
# deletes, exports, changes size and theme; at its end, at rest, the size of what is the process's alone (RssAnon) is read: the
# smallest of several readings, as a job may still be at work.  Printed: that over time, and its slope in the second half; in
# the first, lists with a limit (jobs, log, undo) fill.  Readings that follow each other are alike, and a fit to all of them
# would be surer than it may be: so the second half is cut into 12 spans, and the line goes through their means, with a 95 %
# interval.  Steady: all of the interval is below 1 MB an hour, which a day of work with one workbench does not notice and an
# hour of this can tell.  GROWS: all of it is above.  Else it cannot be told: give it more minutes.  Everything lies in a
# folder of its own; SIZES=FILE keeps the readings.  Exit status 1: not steady, or the round could not be played.
set -u
minutes=${1:-60}
here=$(cd "$(dirname "$0")/../.." && pwd)
T=$(realpath "${T2TUI:-$here/build/t2tui}") || exit 1
[ -r "$here/samples/model/model.safetensors" ] || {
	echo "soak: no sample model in $here/samples" >&2
	exit 1
}
D=$(mktemp -d "${TMPDIR:-/tmp}/t2soak.XXXXXX")
export HOME=$D XDG_DATA_HOME=$D/data XDG_CACHE_HOME=$D/cache XDG_CONFIG_HOME=$D/config XDG_STATE_HOME=$D/state
export T2TUI_SHARE=$D/share LC_ALL=C.UTF-8
workbench= trainer=
ours() { [ -n "$1" ] && [ "$(readlink "/proc/$1/exe" 2>/dev/null)" = "$T" ]; }
leave() {
	for p in $workbench $trainer $(sqlite3 "$D/t2.db" "SELECT pid FROM run WHERE status='running'" 2>/dev/null); do
		ours "$p" && kill "$p"
	done
	wait 2>/dev/null
	[ -z "${SIZES-}" ] || cp "$D/sizes" "$SIZES"
	rm -rf "$D"
}
trap leave EXIT
trap 'exit 1' INT TERM
mkdir -p "$D/share" "$D/state" "$D/out"
cp -r "$here/samples" "$here/themes" "$D/share" && cp -r "$D/share/samples/model" "$D/half" && chmod -R u+w "$D" && cd "$D" || exit 1
"$T" export sample --expert math -o "$D/half/new" --dtype f16 --store "$D/t2.db" --quiet && mv half/new half/model.safetensors &&
	"$T" decompose sample --store "$D/t2.db" --quiet >/dev/null && "$T" decompose half --store "$D/t2.db" --quiet >/dev/null || exit 1

round() { # NUMBER
	local size=120x40
	[ $(($1 % 3)) -eq 1 ] && size=80x24
	[ $(($1 % 3)) -eq 2 ] && size=200x60
	local temp # a cell that has not been measured yet
	temp=$(printf '0.%03d' $(($1 % 1000)))
	cat <<-S
		keys 2
		wait "effective rank" 120000
		key j l s s s s s s s L E o Tab Tab Space Tab c c
		resize $size
		keys 1234567890
		resize 120x40
		keys 3
		wait "▌math" 120000
		key g Space j Space c s s Esc Esc
		keys 4
		wait "KL " 120000
		keys lllllhhhhhp
		wait "KL " 120000
		keys puuuuuuuuuuL
		keys LL
		keys 5
		key Esc
		keys a
		wait "decision:" 120000
		wait "so it is 12." 120000
		keys bab
		wait "KL to base" 120000
		keys 8
		wait "expert:math" 120000
		key g
		keys -----------------------
		key e j j Enter Ctrl-u
		type $temp
		key Enter Esc
		wait-not "evaluations are being read" 120000
		sleep 200
		key j Enter
		wait "1 evaluation kept" 120000
		keys 6
		keys t
		wait "[7 Runs]" 120000
		wait "1/60" 120000
		keys K
		wait "stopped by request" 120000
		key d
		wait "deleted" 120000
		keys ?
		key Esc :
		type theme light
		key Enter
		key :
		type theme dark
		key Enter
		keys 2
		export $D/out/pane.svg
		export $D/out/pane.csv
		shot $D/out/screen.svg
		keys 1
		key :
		type open half
		key Enter
		wait "opened half" 120000
		keys 2
		wait "effective rank" 120000
		keys 345678901
		key :
		type open sample
		key Enter
		wait "opened sample" 120000
		keys 2
		wait "effective rank" 120000
		sleep 1000
		shot $D/out/at-rest.txt
		sleep 1500
	S
}
{
	echo 'wait "effective rank" 120000'
	for i in $(seq $((minutes * 12 + 1))); do round "$i"; done
} >"$D/soak.t2s"
"$T" --script "$D/soak.t2s" --size 120x40 --store "$D/t2.db" sample >"$D/workbench.out" 2>&1 &
workbench=$!
"$T" train sample --task math --steps 100000 --eval-every 20 --threads 1 --store "$D/trainer.db" --quiet >"$D/trainer.out" 2>&1 &
trainer=$!

field() { sed -n "s/^$2:[ 	]*\([0-9]*\) kB/\1/p" "/proc/$1/status" 2>/dev/null; }
state() { # PID: resident and own kilobytes, each the smallest of a second; descriptors, mappings, children
	local rss= anon= r a
	for _ in 1 2 3 4 5 6; do
		r=$(field "$1" VmRSS) a=$(field "$1" RssAnon)
		[ -n "$r" ] && [ -n "$a" ] || return
		[ -z "$rss" ] || [ "$r" -lt "$rss" ] && rss=$r
		[ -z "$anon" ] || [ "$a" -lt "$anon" ] && anon=$a
		[ "$1" = "$workbench" ] && sleep 0.15
	done
	echo "$rss $anon $(ls "/proc/$1/fd" 2>/dev/null | wc -l) $(wc -l 2>/dev/null <"/proc/$1/maps")" \
		"$(cat "/proc/$1/task/"*/children 2>/dev/null | wc -w)"
}
printf '%7s %6s  %10s %10s %5s %5s %8s  %10s %10s\n' minute round "workbench" "its own" files maps children trainer "its own"
start=$SECONDS n=0
while [ $((SECONDS - start)) -lt $((minutes * 60)) ] && ours "$workbench"; do
	sleep 0.2
	[ -e "$D/out/at-rest.txt" ] || continue
	rm "$D/out/at-rest.txt"
	n=$((n + 1))
	echo "$((SECONDS - start)) $n $(state "$workbench") $(state "$trainer")" | tee -a "$D/sizes" |
		awk '{ printf "%7.1f %6d %8.1f MB %7.1f MB %5d %5d %8d %8.1f MB %7.1f MB\n", $1 / 60, $2, $3 / 1024, $4 / 1024, $5, $6, $7, $8 / 1024, $9 / 1024 }'
done
rc=0
if ! ours "$workbench" || ! ours "$trainer"; then
	echo "soak: ended before its time:"
	ours "$workbench" || tail -45 "$D/workbench.out"
	ours "$trainer" || tail -5 "$D/trainer.out"
	rc=1
fi
slope() { # NAME COLUMN: of what belongs to the process alone
	awk -v name="$1" -v col="$2" -v most=1 -v spans=12 '
		NF < 12 || !$col { next }
		{ x[++n] = $1 / 3600; y[n] = $col / 1024 }
		END {
			split("12.71 4.30 3.18 2.78 2.57 2.45 2.36 2.31 2.26 2.23", student)	# 97.5 %, by degrees of freedom
			half = (x[1] + x[n]) / 2
			for (i = 1; i <= n; i++) {
				if (x[i] < half) continue
				s = int((x[i] - half) / (x[n] - half) * spans)
				if (s == spans) s--
				sx[s] += x[i]; sy[s] += y[i]; in_span[s]++; all += y[i]; rounds++
			}
			for (s in in_span) { k++; sx[s] /= in_span[s]; sy[s] /= in_span[s]; mx += sx[s]; my += sy[s] }
			if (k < 4) { print name ": too few rounds to tell (" n "); give it more minutes"; exit 1 }
			mx /= k; my /= k
			for (s in in_span) { xx += (sx[s] - mx) ^ 2; xy += (sx[s] - mx) * (sy[s] - my) }
			b = xy / xx
			for (s in in_span) rest += (sy[s] - my - b * (sx[s] - mx)) ^ 2
			off = student[k - 2] * sqrt(rest / (k - 2) / xx)
			is = b + off < most ? "steady" : b - off > most ? "GROWS" : "cannot be told, give it more minutes"
			printf "%s: %.1f MB, %+.2f [%+.2f %+.2f] MB an hour over the %d rounds of the second half: %s\n",
				name, all / rounds, b, b - off, b + off, rounds, is
			exit is != "steady"
		}' "$D/sizes"
}
touch "$D/sizes"
slope workbench 4 || rc=1
# SQLite keeps the files of connections that have ended for those that come: as many as were open at once
awk '{ files[NR] = $5; children[NR] = $7 }
	END {
		for (i = int(NR / 2) + 1; i <= NR; i++) {
			q = i > NR * 3 / 4
			if (!(q in f) || files[i] < f[q]) f[q] = files[i]
			if (!(q in c) || children[i] < c[q]) c[q] = children[i]
		}
		if (NR < 8 || (f[1] <= f[0] + 1 && c[1] <= c[0])) exit
		printf "workbench: left behind between the third and the last quarter: %d files, %d children\n", f[1] - f[0], c[1] - c[0]
		exit 1
	}' "$D/sizes" || rc=1
slope trainer 9 || rc=1
exit $rc
