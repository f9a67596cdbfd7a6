/* run_csv.h - a run's curves as CSV: `t2tui run export --csv` and the export of the Runs view.
 *
 *	run_csv(&out, metrics.v, metrics.n, validations.v, validations.n);
 *
 * A line a step that has metrics or a validation, both by ascending step; a field is empty where nothing was measured. */
#ifndef T2_RUN_CSV_H
#define T2_RUN_CSV_H

#include "engine/base/strbuf.h"
#include "store/runs.h"

#define RUN_CSV_COLUMNS "step,reward,loss,kl,grad_norm,length,tokens,ms,accuracy,n"

void run_csv(struct strbuf *out, const struct run_metric *m, int metrics,
	     const struct run_validation *v, int validations);

#endif
