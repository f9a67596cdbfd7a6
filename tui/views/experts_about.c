/* Where an expert comes from and what it was worth, line by line. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "engine/base/date.h"
#include "engine/base/strbuf.h"
#include "tui/views/experts.h"
#include "tui/views/views.h"
#include "tui/widgets/gauge.h"

/* The line goes on after it. */
static void
worth(const struct ex_worth *base, const struct ex_worth *own, struct strbuf *out)
{
	char a[64], b[64];

	if (!isnan(base->accuracy))
		strbuf_printf(out, "%s → ", ex_worth_text(base, false, a, sizeof a));
	strbuf_str(out, ex_worth_text(own, false, b, sizeof b));
	if (own->n)
		strbuf_printf(out, ", n %d", own->n);
	else
		strbuf_str(out, ", as its file says");
}

/* The settings as they were kept, without what other lines say. */
static void
settings(const char *text, struct strbuf *out)
{
	json_t *o = json_loads(text, 0, NULL), *x;
	const char *key;
	int n = 0;

	json_object_foreach (o, key, x) {
		if (!strcmp(key, "task") || !strcmp(key, "name") || !strcmp(key, "seed") ||
		    !strcmp(key, "modules") || !strcmp(key, "scale"))
			continue;
		strbuf_printf(out, "%s%s ", n++ ? ", " : "settings\t", key);
		if (!strcmp(key, "lr") && json_number_value(x) <= 0)
			strbuf_str(out, "by rule");
		else if (!strcmp(key, "max-new") && json_is_integer(x) && !json_integer_value(x))
			strbuf_str(out, "the task's");
		else if (json_is_string(x))
			strbuf_str(out, json_string_value(x));
		else if (json_is_integer(x))
			strbuf_printf(out, "%lld", json_integer_value(x));
		else if (json_is_real(x))
			strbuf_printf(out, "%.4g", json_real_value(x));
		else
			strbuf_str(out, json_is_true(x) ? "yes" : "no");
	}
	if (n)
		strbuf_char(out, '\n');
	json_decref(o);
}

static void
run(const struct run_row *r, struct strbuf *out)
{
	json_t *o = json_loads(r->settings, 0, NULL), *seed = json_object_get(o, "seed");

	strbuf_printf(out, "run\t%lld %s, %s, %d of %d steps", (long long)r->id, r->name, r->status,
		      r->step, r->steps);
	if (r->best_step >= 0)
		strbuf_printf(out, ", kept step %d", r->best_step);
	if (json_is_integer(seed))
		strbuf_printf(out, ", seed %lld", json_integer_value(seed));
	strbuf_char(out, '\n');
	json_decref(o);
}

/* What the run saw before its first step, and at the step that was kept. */
static void
validation(struct store *s, const struct run_row *r, struct strbuf *out)
{
	struct ex_worth first = {.accuracy = (double)NAN}, best = first;
	struct validation_list l;
	struct t2_err err;

	if (store_validation_list(s, r->id, &l, &err)) {
		strbuf_printf(out, "validation\tcannot be read: %s\n", err.msg);
		return;
	}
	for (int i = 0; i < l.n; i++) {
		if (strcmp(l.v[i].split, "validation") || !l.v[i].n)
			continue;
		if (!l.v[i].step)
			first = (struct ex_worth){(double)l.v[i].correct / l.v[i].n, l.v[i].n};
		if (l.v[i].step == r->best_step)
			best = (struct ex_worth){(double)l.v[i].correct / l.v[i].n, l.v[i].n};
	}
	free(l.v);
	if (isnan(best.accuracy))
		return;
	strbuf_str(out, "validation\t");
	worth(&first, &best, out);
	strbuf_char(out, '\n');
}

/* The newest evaluation of each task and split. */
static void
evals(const struct experts *s, const struct expert_row *r, struct strbuf *out)
{
	const struct eval_list *l = &s->rows.evals;
	struct eval_row first = {.model = r->model, .task = "", .split = ""};
	const struct eval_row *last = NULL;
	char strategy[300], a[64];

	snprintf(strategy, sizeof strategy, "expert:%s", r->name);
	first.strategy = strategy;
	for (int i = ex_evals_first(l, &first); i < l->n; i++) {
		const struct eval_row *e = &l->v[i];
		struct ex_worth own = ex_eval_worth(e), none;

		if (e->model != r->model || strcmp(e->strategy, strategy))
			break;
		if (e->seconds == 0 && e->tokens == 0)
			continue; /* shipped: what "accuracy" says already */
		if (last && !strcmp(last->task, e->task) && !strcmp(last->split, e->split))
			continue;
		last = e;
		none = ex_eval_worth(ex_evals_newest(l, e->model, "none", e->task, e->split, e));
		strbuf_printf(out, "eval\t%s", e->task);
		if (strcmp(e->split, "test"))
			strbuf_printf(out, " %s", e->split);
		strbuf_char(out, ' ');
		worth(&none, &own, out);
		strbuf_printf(out, ", %s\n", date_text(a, sizeof a, DATE_MINUTE, e->created));
	}
}

static void
moves(const struct experts *s, const struct ex_vector *x, struct strbuf *out)
{
	double norm = 0, sum = 0, most = 0;
	long n = 0;
	int at = 0;

	for (int i = 0; i < s->mats; i++) {
		const struct zchange *c = &x->change[i];

		norm += c->norm * c->norm;
		sum += c->mean_abs * x->z->rank[i];
		n += x->z->z[i] ? x->z->rank[i] : 0;
		if (c->max_abs > most) {
			most = c->max_abs;
			at = i;
		}
	}
	strbuf_printf(out, "moves\t‖z−1‖ %.3g, mean |z−1| %.3g, largest %.3g in layer %d %s\n",
		      sqrt(norm), n ? sum / (double)n : 0.0, most, at / MAT_KINDS,
		      mat_kind_name(at % MAT_KINDS));
}

void
ex_about(struct experts *s, int row, struct strbuf *out)
{
	const struct expert_row *r = &s->rows.list.v[row];
	const struct ex_info *x = &s->rows.info[row];
	const struct ex_vector *v = ex_vector(s, row);
	char a[64];

	if (!x->here)
		strbuf_printf(out,
			      "not here\tmade for %s, and open is %s: its z belongs to other "
			      "matrices. Open that model (%s) to look at it.\n",
			      r->model_name, s->w->ui.name,
			      KEYS_IN(s->app, experts_view.number, "{models}"));
	else if (v && !v->z)
		strbuf_printf(out, "unreadable\t%s\n", v->why);
	strbuf_printf(out, "model\t%s  %.12s… %s\n", r->model_name, r->fingerprint,
		      x->here ? "is open" : "is not open");
	strbuf_printf(out, "task\t%s%s\n", r->task[0] ? r->task : "not said",
		      r->dispatch ? "  (answers pass 1)" : "");
	strbuf_printf(out, "method\t%s, scale %s, modules %s, %lld values\n", r->method, r->scale,
		      r->modules, (long long)r->parameters);
	if (!isnan(x->own.accuracy)) {
		strbuf_str(out, "accuracy\t");
		worth(&x->base, &x->own, out);
		strbuf_char(out, '\n');
	}
	evals(s, r, out);
	if (v && v->z)
		moves(s, v, out);
	if (x->run) {
		run(x->run, out);
		validation(s->w->ui.store, x->run, out);
		settings(x->run->settings, out);
	} else {
		strbuf_printf(out, "run\t%s\n", "none: it came from a file, or its run is gone");
	}
	strbuf_printf(out, "since\t%s%s\n", date_text(a, sizeof a, DATE_MINUTE, r->created),
		      r->shipped ? "  (shipped with the program)" : "");
	strbuf_printf(out, "kept in\t%s, expert %lld\n", store_path(s->w->ui.store),
		      (long long)r->id);
}
