/* cmd_spectrum.h - what `t2tui spectrum` and its --compare share. */
#ifndef T2_CMD_SPECTRUM_H
#define T2_CMD_SPECTRUM_H

#include "engine/svf/spectrum.h"
#include "tui/cli.h"
#include "tui/verbs.h"

json_t *spectrum_numbers(const float *v, const double *v64, int n); /* v64 where it is not NULL */
void spectrum_stats_json(json_t *o, const struct spectrum_stats *s);
json_t *spectrum_matrix_json(const struct weight *w, int i, const struct factor *f,
			     const struct spectrum_stats *s, const struct zset *z);
/* The open model's matrices (want: one of them; -1: all) against those of the same name in other; exit status. */
int spectrum_compare(struct cli *c, const char *other, int want, bool csv);

#endif
