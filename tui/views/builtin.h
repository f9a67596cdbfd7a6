/* builtin.h - the two views of the frame itself: what runs (9), what was said (0). */
#ifndef T2_VIEWS_BUILTIN_H
#define T2_VIEWS_BUILTIN_H

#include "tui/view.h"

extern const struct view_ops jobs_view, log_view;

#endif
