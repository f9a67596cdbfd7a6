#!/bin/sh
# Builds and says how far it is, in one line on a terminal; where it fails, everything that was said.
# Usage: build.sh V LOG MAKE ARGUMENT ...   (V=1: make's own output instead, with its commands)
[ "$1" = 1 ] && {
	shift 2
	exec "$@"
}
log=$2
shift 2
total=$("$@" -n 2>/dev/null | grep -c "^printf.* CC ")
n=0 start=$(date +%s) told=0

line() { # over what stands there, on a terminal
	if [ -t 2 ]; then printf '\r%-78.78s' "$1" >&2; else echo "$1" >&2; fi
}
left() { # about how long it will still take, once that can be told
	took=$(($(date +%s) - start))
	[ $n -ge 10 ] && [ $took -ge 3 ] && [ $n -lt "$total" ] || return
	s=$((took * (total - n) / n + 1))
	if [ $s -lt 60 ]; then echo ", about $s s more"; else echo ", about $(((s + 30) / 60)) min more"; fi
}
progress() {
	while read -r what file; do
		case $what in
		CC)
			n=$((n + 1))
			# not on a terminal: ten lines will do
			[ -t 2 ] || [ $((n * 10 / total)) -gt $told ] || continue
			told=$((n * 10 / total))
			line "t2tui: compiling $n of $total$(left)$([ -t 2 ] && echo "  $file")"
			;;
		LINK) [ "$total" -eq 0 ] || line "t2tui: linking $file" ;;
		esac
	done
}
[ "$total" -eq 0 ] || line "t2tui: compiling $total files on $(nproc) cores"
{
	"$@" 2>&1
	echo $? >"$log.status"
} | tee "$log" | progress
status=$(cat "$log.status" 2>/dev/null || echo 1)
[ -t 2 ] && printf '\r%-78s\r' '' >&2
[ "$status" = 0 ] || {
	cat "$log" >&2
	echo "t2tui: building has failed; V=1 shows the commands" >&2
}
rm -f "$log" "$log.status"
exit "$status"
