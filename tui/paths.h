/* paths.h - where the shipped files are: beside the build (../samples of build/t2tui) or installed. */
#ifndef T2_PATHS_H
#define T2_PATHS_H

#include <stdbool.h>

/* "samples/model" -> a path that exists, in out; false: nowhere.  T2TUI_SHARE overrides the place. */
bool paths_share(const char *rel, char *out, int size);

#endif
