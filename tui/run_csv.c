#include "tui/run_csv.h"

static void
put_metric(struct strbuf *out, const struct run_metric *m)
{
	const double first[] = {m->reward, m->loss, m->kl, m->grad_norm, m->length};

	for (int i = 0; i < 5; i++) {
		strbuf_number(out, first[i]);
		strbuf_char(out, ',');
	}
	strbuf_printf(out, "%ld,", m->tokens);
	strbuf_number(out, m->ms);
	strbuf_char(out, ',');
}

void
run_csv(struct strbuf *out, const struct run_metric *m, int metrics, const struct run_validation *v,
	int validations)
{
	strbuf_str(out, RUN_CSV_COLUMNS "\n");
	for (int i = 0, k = 0; i < metrics || k < validations;) {
		int step = i < metrics && (k >= validations || m[i].step <= v[k].step) ? m[i].step
										       : v[k].step;

		strbuf_printf(out, "%d,", step);
		if (i < metrics && m[i].step == step)
			put_metric(out, &m[i++]);
		else
			strbuf_str(out, ",,,,,,,");
		if (k < validations && v[k].step == step) {
			strbuf_number(out, v[k].n ? (double)v[k].correct / v[k].n : 0);
			strbuf_printf(out, ",%d\n", v[k].n);
			k++;
		} else {
			strbuf_str(out, ",\n");
		}
	}
}
