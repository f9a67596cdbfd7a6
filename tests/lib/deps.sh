#!/bin/sh
# Installs Debian packages that are missing.  Usage: deps.sh "PACKAGE ..."
missing=
for p in $1; do
	dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
done
[ -z "$missing" ] && exit 0
run=
if [ "$(id -u)" != 0 ]; then
	run=sudo
	if ! command -v sudo >/dev/null 2>&1; then
		echo "t2tui: missing packages:$missing" >&2
		echo "t2tui: as root: apt-get install$missing" >&2
		exit 1
	fi
fi
if ! command -v apt-get >/dev/null 2>&1; then
	echo "t2tui: missing packages (Debian names):$missing; install them with your system's tool" >&2
	exit 1
fi
echo "t2tui: installing$missing" >&2
$run env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 ||
	{ $run apt-get update -qq && $run env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
		--no-install-recommends $missing >/dev/null; }
