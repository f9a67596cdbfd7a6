#include "tui/views/views.h"

const struct view_ops *const workbench_views[] = {
	&models_view, &spectrum_view, &experts_view, &mix_view,
	&ask_view,    &train_view,    &runs_view,    &evals_view,
};
const int workbench_view_count = sizeof workbench_views / sizeof *workbench_views;
