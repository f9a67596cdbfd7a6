/* views.h - the workbench's views, in the order of their keys; each lives in its own file here. */
#ifndef T2_VIEWS_H
#define T2_VIEWS_H

#include "tui/view.h"

extern const struct view_ops spectrum_view, mix_view, ask_view, train_view, runs_view;

extern const struct view_ops *const workbench_views[];
extern const int workbench_view_count;

#endif
