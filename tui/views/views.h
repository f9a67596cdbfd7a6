/* views.h - the workbench's views, in the order of their keys; each lives in its own file here. */
#ifndef T2_VIEWS_H
#define T2_VIEWS_H

#include "tui/view.h"

extern const struct view_ops models_view, spectrum_view, experts_view, mix_view, ask_view,
	train_view, runs_view, evals_view;

/* What one view asks of another by app_send(); data is a malloced string. */
enum view_request {
	VIEW_MATRIX = 1998, /* to Spectrum: select the matrix of this name */
	VIEW_BESIDE,	    /* to Spectrum: the second model over the curve; no data */
	VIEW_EXPERT = 2000, /* to Spectrum: this expert over the curve */
	VIEW_STRATEGY,	    /* to Ask: ask by this strategy */
	VIEW_TASK,	    /* to Train: train on this task */
	VIEW_RUN,	    /* to Runs: select the run of this number */
};

extern const struct view_ops *const workbench_views[];
extern const int workbench_view_count;

#endif
