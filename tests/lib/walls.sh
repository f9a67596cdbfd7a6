#!/bin/sh
# The walls of the house: who may include what.  Prints each breach; exit 1 if there is one.
bad=0
say() { # say WHAT LINES
	[ -z "$2" ] && return
	bad=1
	echo "wall crossed: $1"
	echo "$2"
}
inc() { grep -nHE "^#include *[<\"]($1)" $2 2>/dev/null; }
files() { git ls-files "$@" 2>/dev/null; }
say "<curses.h> outside tui/terminal*" "$(inc 'n?curses' "$(files '*.c' '*.h' | grep -v '^tui/terminal_\(draw\.c\|impl\.h\)$')")"
say "<sqlite3.h> outside store/" "$(inc 'sqlite3' "$(files '*.c' '*.h' | grep -v '^store/')")"
say "<blis.h>, <cblas.h> or <lapacke.h> outside engine/linalg/" \
	"$(inc 'blis|cblas|lapacke' "$(files '*.c' '*.h' | grep -v '^engine/linalg/')")"
say "engine/ uses store/ or tui/" "$(inc 'store/|tui/' "$(files 'engine/*.c' 'engine/*.h')")"
say "store/ uses tui/" "$(inc 'tui/' "$(files 'store/*.c' 'store/*.h')")"
# inside the engine: base <- linalg <- model <- svf <- task <- adapt <- train
later='linalg model svf task adapt train'
for dir in base linalg model svf task adapt train; do
	later=$(echo "$later" | sed "s/^$dir *//")
	[ -n "$later" ] || continue
	pat=$(echo "$later" | sed 's/ /|/g')
	say "engine/$dir/ uses a later one" "$(inc "engine/($pat)/" "$(files "engine/$dir/*.c" "engine/$dir/*.h")")"
done
say "engine/ or store/ prints or exits" "$(grep -nHE '\b(printf|fprintf|puts|exit|abort)[ ]*\(' \
	$(files 'engine/*.c' 'store/*.c') | grep -vE '^[^:]*:[0-9]+:[[:space:]]*(\*|//|/\*)')"
say "longer than 800 lines" "$(files '*.c' '*.h' | xargs wc -l | awk '$2 != "total" && $1 > 800')"
[ $bad -eq 0 ] && echo "walls: kept"
exit $bad
