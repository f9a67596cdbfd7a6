/* Ask (5): a prompt goes through pass 1 (decision and its evidence) and pass 2 (the adapted answer, streaming). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/date.h"
#include "tui/app.h"
#include "tui/deleting.h"
#include "tui/shown.h"
#include "tui/views/ask.h"
#include "tui/views/views.h"

enum ask_event { ASK_DECIDED = 1, ASK_TEXT, ASK_DONE, ASK_BASE };

/* -- the job: one question, and what the base model would have said ------------------------------------------ */

struct question {
	struct world *w;
	struct event_queue *q;
	char *prompt, strategy[300];
	bool with_base;
	struct ask_result *result; /* becomes the ASK_DONE event */
};

static void
result_free(void *p)
{
	struct ask_result *r = p;

	if (!r)
		return;
	for (int i = 0; i < r->labels; i++)
		free(r->label[i]);
	free(r->label);
	free(r->score);
	free(r->said);
	free(r->base);
	free(r);
}

static void
on_decided(void *arg, const struct dispatch *d, const struct dispatch_result *p)
{
	struct question *j = arg;
	struct ask_result *r = calloc(1, sizeof *r);

	if (!r || !(r->label = calloc((size_t)p->labels, sizeof *r->label)) ||
	    !(r->score = calloc((size_t)p->labels, sizeof *r->score))) {
		result_free(r);
		return;
	}
	for (int i = 0; i < p->labels; i++) {
		r->label[i] = strdup(dispatch_label(d, i));
		r->score[i] = p->scores[i];
	}
	r->labels = p->labels;
	r->said = strdup(p->text);
	snprintf(r->decision, sizeof r->decision, "%s", p->label);
	r->ms1 = p->ms;
	event_post(j->q, &ask_view, ASK_DECIDED, r, result_free);
}

static void
on_text(void *arg, const char *s, size_t len, float logprob)
{
	struct question *j = arg;
	struct ask_piece *p = malloc(sizeof *p + len + 1);

	if (!p)
		return;
	p->logprob = logprob;
	p->len = len;
	memcpy(p->text, s, len);
	p->text[len] = 0;
	event_post(j->q, &ask_view, ASK_TEXT, p, free);
}

/* The same prompt under the base weights; not a decision, so it is not kept. */
static void
base_answer(struct question *j, struct workspace *ws, struct job *job)
{
	struct adapt_env env = {.model = ws->model,
				.factors = ws->factors,
				.pool = ws->pool,
				.tok = ws->tok,
				.chat = ws->chat};
	struct answer_request q = {
		.prompt = j->prompt, .strategy = ANSWER_FIXED, .max_new = ASK_TOKENS};
	struct answer a;

	if (answer_run(&env, &q, NULL, &a, job, NULL))
		return;
	event_post(j->q, &ask_view, ASK_BASE, a.text, free);
	a.text = NULL;
	answer_free(&a);
}

static enum t2_status
work(void *arg, struct job *job, struct t2_err *err)
{
	struct question *j = arg;
	struct answer_events ev = {.arg = j, .decided = on_decided, .text = on_text};
	struct asking_options o = {.strategy = j->strategy[0] ? j->strategy : NULL,
				   .max_new = ASK_TOKENS,
				   .compare_base = true};
	struct workspace *ws;
	struct asking k;
	enum t2_status st = world_work(j->w, WS_TEXT | WS_FACTORS, &ws, job, err);

	if (!st)
		st = asking_run(&k, ws, j->prompt, &o, &ev, job, err);
	if (st)
		return st;
	j->result = calloc(1, sizeof *j->result);
	if (j->result) {
		struct ask_result *r = j->result;

		snprintf(r->strategy, sizeof r->strategy, "%s", k.strategy.name);
		snprintf(r->decision, sizeof r->decision, "%s", k.decision);
		r->ms1 = k.answer.pass1.ms;
		r->ms2 = k.answer.ms;
		r->switch_ms = k.answer.switch_ms;
		r->tokens = k.answer.tokens;
		r->tokens_per_s = k.tokens_per_s;
		r->kl = k.answer.kl;
		r->id = k.id;
		r->lost = k.lost;
		r->mixed = k.strategy.fixed && strncmp(k.strategy.name, "expert:", 7) != 0;
		if (k.strategy.kind == ANSWER_DISPATCH && k.answer.decision >= 0)
			snprintf(r->expert, sizeof r->expert, "%s",
				 k.strategy.cand[k.answer.decision].expert);
		else if (k.strategy.kind == ANSWER_FIXED && !strncmp(k.strategy.name, "expert:", 7))
			snprintf(r->expert, sizeof r->expert, "%.120s", k.strategy.name + 7);
		event_post(j->q, &ask_view, ASK_DONE, r, result_free);
	}
	if (k.lost.code && isfinite(job_left(job))) /* the end: nobody takes the event any more */
		st = t2_fail(err, k.lost.code, "answered, but not kept: %s", k.lost.msg);
	asking_free(&k);
	if (j->with_base && !st)
		base_answer(j, ws, job);
	return st;
}

static void
question_drop(void *arg)
{
	struct question *j = arg;

	free(j->prompt);
	free(j);
}

static void
question_done(void *arg, enum t2_status st, const struct t2_err *err)
{
	struct question *j = arg;

	(void)err;
	if (st) /* the message line says why; the panes must not wait for more */
		event_post(j->q, &ask_view, ASK_DONE, NULL, NULL);
}

/* -- data -------------------------------------------------------------------------------------------------- */

static void
clear_answer(struct ask *s)
{
	result_free(s->pass1);
	result_free(s->done);
	s->pass1 = s->done = NULL;
	free(s->base);
	s->base = NULL;
	flow_clear(&s->answer);
}

/* Of today there is the time alone. */
static const struct column columns[] = {{"when", 10, 10, ALIGN_LEFT, 1},
					{"decision", 5, 10, ALIGN_LEFT, 0},
					{"prompt", 6, 0, ALIGN_LEFT, 2}},
			   of_today[] = {{"when", 5, 5, ALIGN_LEFT, 1},
					 {"decision", 5, 10, ALIGN_LEFT, 0},
					 {"prompt", 6, 0, ALIGN_LEFT, 2}};

static void
read_history(struct ask *s)
{
	char when[32];

	struct decision_list l;
	struct t2_err err;

	if (store_decision_list(s->w->ui.store, s->w->ui.model_id, 500, &l, &err)) {
		world_unread(s->w, &err);
		return;
	}
	decision_list_free(&s->history);
	s->history = l;
	s->table.cols = of_today;
	for (int i = 0; i < l.n; i++)
		if (strlen(date_when(when, sizeof when, l.v[i].created, store_now())) > 5)
			s->table.cols = columns;
	table_rows(&s->table, l.n);
}

static void
start(struct view *v, struct ask *s)
{
	struct question *j = calloc(1, sizeof *j);
	struct job_spec spec = {.name = "ask",
				.owner = &ask_view,
				.lane = s->w,
				.work = work,
				.done = question_done,
				.drop = question_drop,
				.arg = j,
				.quiet = true};
	const char *text = editor_text(&s->editor);

	if (!j)
		return;
	if (!text[strspn(text, " \t\n")]) {
		free(j);
		view_focus(v, ASK_PROMPT);
		app_say(v->app, "%s", KEYS(v, "the prompt is empty: {edit} edits it"));
		return;
	}
	j->w = s->w;
	j->q = app_queue(v->app);
	j->prompt = strdup(text);
	j->with_base = s->with_base;
	snprintf(j->strategy, sizeof j->strategy, "%s",
		 s->choice > 0 ? s->strategy[s->choice] : "");
	clear_answer(s);
	snprintf(s->asked, sizeof s->asked, "%s", s->strategy[s->choice]);
	s->running = app_job(v->app, &spec) != 0;
	if (v->single)
		view_focus(v, ASK_ANSWER);
}

/* What {strategy} steps through: the default, then everything that could be meant on this model. */
static void
strategies(struct ask *s)
{
	struct mixture_list m = {0};
	struct t2_err err;
	char was[300];

	snprintf(was, sizeof was, "%s", s->nstrategy ? s->strategy[s->choice] : "auto");
	s->nstrategy = 0;
	snprintf(s->strategy[s->nstrategy++], sizeof s->strategy[0], "auto");
	for (int i = 0; i < s->w->experts.n; i++)
		if (s->w->experts.v[i].dispatch) {
			snprintf(s->strategy[s->nstrategy++], sizeof s->strategy[0], "cls");
			break;
		}
	if (s->w->experts.n)
		snprintf(s->strategy[s->nstrategy++], sizeof s->strategy[0], "prompt");
	snprintf(s->strategy[s->nstrategy++], sizeof s->strategy[0], "none");
	for (int i = 0; i < s->w->experts.n && s->nstrategy < ASK_STRATEGIES; i++)
		snprintf(s->strategy[s->nstrategy++], sizeof s->strategy[0], "expert:%s",
			 s->w->experts.v[i].name);
	if (store_mixture_list(s->w->ui.store, s->w->ui.model_id, &m, &err))
		world_unread(s->w, &err);
	else
		for (int i = 0; i < m.n && s->nstrategy < ASK_STRATEGIES; i++)
			snprintf(s->strategy[s->nstrategy++], sizeof s->strategy[0], "mix:%s",
				 m.v[i].name);
	mixture_list_free(&m);
	if (s->written[0] && s->nstrategy < ASK_STRATEGIES)
		snprintf(s->strategy[s->nstrategy++], sizeof s->strategy[0], "%s", s->written);
	s->choice = 0;
	for (int i = 0; i < s->nstrategy; i++)
		if (!strcmp(s->strategy[i], was))
			s->choice = i;
}

/* Chosen in another view; what the list does not have (a mixture without a name) is added and stays. */
static void
choose(struct view *v, struct ask *s, const char *strategy)
{
	strategy = shown_strategy_typed(strategy);
	for (int pass = 0; pass < 2; pass++) {
		strategies(s);
		for (int i = 0; i < s->nstrategy; i++)
			if (!strcmp(s->strategy[i], strategy)) {
				s->choice = i;
				app_say(v->app, "strategy: %s; %s", shown_strategy(strategy),
					KEYS(v, "{ask} asks"));
				return;
			}
		snprintf(s->written, sizeof s->written, "%s", strategy);
	}
	app_error(v->app, "strategy %.60s: too many strategies to add it", strategy);
}

/* -- history ----------------------------------------------------------------------------------------------- */

static void
history_cell(void *arg, int row, int col, char buf[TABLE_CELL], struct style *st)
{
	struct ask *s = arg;
	const struct decision_row *d = &s->history.v[row];
	(void)st;
	if (col == 0)
		date_when(buf, TABLE_CELL, d->created, store_now());
	else
		snprintf(buf, TABLE_CELL, "%.200s",
			 col == 1 ? shown_strategy(d->decision) : d->prompt);
}

static int64_t
history_id(void *arg, int row)
{
	struct ask *s = arg;

	return s->history.v[row].id;
}

/* A kept decision as it was shown when it was made. */
static void
open_decision(struct view *v, struct ask *s, const struct decision_row *d)
{
	json_t *scores = json_loads(d->scores, 0, NULL), *mixture = json_loads(d->mixture, 0, NULL),
	       *x;
	struct ask_result *r = calloc(1, sizeof *r), *done = calloc(1, sizeof *done);
	const char *name;

	clear_answer(s);
	if (!r || !done || !(r->label = calloc(json_object_size(scores) + 1, sizeof *r->label)) ||
	    !(r->score = calloc(json_object_size(scores) + 1, sizeof *r->score))) {
		result_free(r);
		result_free(done);
		json_decref(scores);
		json_decref(mixture);
		return;
	}
	json_object_foreach (scores, name, x) {
		r->label[r->labels] = strdup(name);
		r->score[r->labels++] = json_number_value(x);
	}
	r->said = strdup(d->pass1_text);
	snprintf(r->decision, sizeof r->decision, "%.120s", d->decision);
	r->ms1 = d->pass1_ms;
	snprintf(s->asked, sizeof s->asked, "%s", d->strategy);
	snprintf(done->decision, sizeof done->decision, "%.120s", d->decision);
	snprintf(done->strategy, sizeof done->strategy, "%s", d->strategy);
	done->mixed = json_object_size(mixture) > 0;
	json_object_foreach (mixture, name, x)
		if (json_object_size(mixture) == 1 && json_number_value(x) == 1) {
			snprintf(done->expert, sizeof done->expert, "%.120s", name);
			done->mixed = false;
		}
	done->ms1 = d->pass1_ms;
	done->ms2 = d->pass2_ms;
	done->tokens = d->tokens;
	done->kl = NAN;
	done->id = d->id;
	if (r->labels)
		s->pass1 = r;
	else
		result_free(r);
	s->done = done;
	flow_add(&s->answer, d->pass2_text, strlen(d->pass2_text), NAN, 0);
	editor_set(&s->editor, d->prompt);
	json_decref(scores);
	json_decref(mixture);
	if (v->single)
		view_focus(v, ASK_ANSWER);
	app_say(v->app, "decision %lld, strategy %s", (long long)d->id,
		shown_strategy(d->strategy));
}

/* -- life -------------------------------------------------------------------------------------------------- */

/* For the sample, which can answer it. */
static const char first_prompt[] =
	"Jon has 7 eggs. Jon gives 5 to Ben and buys 10 more. How many eggs does Jon have now?";

static enum t2_status
ask_open(struct view *v, void *state, struct t2_err *err)
{
	struct ask *s = state;
	enum t2_status st;

	s->w = v->user;
	if ((st = world_begin(s->w, v->app, err)))
		return st;
	s->table = (struct table){.cols = columns,
				  .ncols = 3,
				  .cell = history_cell,
				  .id = history_id,
				  .arg = s,
				  .empty = "Nothing asked yet.",
				  .headless = true};
	if (!strcmp(s->w->model_name, "sample"))
		editor_set(&s->editor, first_prompt);
	strategies(s);
	read_history(s);
	return T2_OK;
}

static void
ask_close(struct view *v, void *state)
{
	struct ask *s = state;

	(void)v;
	clear_answer(s);
	editor_free(&s->editor);
	flow_free(&s->answer);
	decision_list_free(&s->history);
	free(s->moved.mean);
	table_free(&s->table);
}

/* The same prompt for another model: what is typed stays, and stays being typed. */
static char *
ask_keep(struct view *v, void *state, size_t *at)
{
	struct ask *s = state;
	const char *text = editor_text(&s->editor);

	if (!v->editing && (!*text || !strcmp(text, first_prompt)))
		return NULL;
	*at = s->editor.pos;
	return strdup(text);
}

static void
ask_restore(struct view *v, void *state, const char *text, size_t at)
{
	struct ask *s = state;

	(void)v;
	editor_set(&s->editor, text);
	s->editor.pos = at;
}

static void
ask_event(struct view *v, void *state, const struct event *e)
{
	struct ask *s = state;
	struct ask_piece *p;

	switch (e->type) {
	case ASK_DECIDED:
		result_free(s->pass1);
		s->pass1 = e->data;
		((struct event *)e)->data = NULL;
		break;
	case ASK_TEXT:
		p = e->data;
		flow_add(&s->answer, p->text, p->len, exp((double)p->logprob), 0);
		break;
	case ASK_DONE:
		s->running = false;
		result_free(s->done);
		s->done = e->data;
		((struct event *)e)->data = NULL;
		read_history(s);
		if (s->done && s->done->id)
			table_select(&s->table, 0); /* what is shown is the newest */
		/* a store that could be read only from the start has said so then */
		if (s->done && s->done->lost.code && !store_readonly(s->w->ui.store))
			app_error(v->app, "answered, but not kept: %s", s->done->lost.msg);
		break;
	case ASK_BASE:
		free(s->base);
		s->base = strdup(e->data ? e->data : "");
		break;
	case WORLD_READ:
		strategies(s);
		break;
	case WORLD_STORE:
		read_history(s);
		break;
	case VIEW_STRATEGY:
		choose(v, s, e->data);
		break;
	default:
		break;
	}
}

/* -- acting ------------------------------------------------------------------------------------------------ */

static bool
ask_action(struct view *v, void *state, int pane, enum action a)
{
	struct ask *s = state;
	int row;

	if (a == A_EDIT || (a == A_OPEN && pane == ASK_PROMPT)) {
		view_focus(v, ASK_PROMPT);
		view_edit(v, true);
		return true;
	}
	if (pane == ASK_HISTORY) {
		if (a == A_OPEN && (row = table_selected(&s->table)) >= 0) {
			open_decision(v, s, &s->history.v[row]);
			return true;
		}
		if (a == A_REFRESH) {
			read_history(s);
			return true;
		}
		if (a == A_DELETE && (row = table_selected(&s->table)) >= 0) {
			char what[80];

			snprintf(what, sizeof what, "decision %lld",
				 (long long)s->history.v[row].id);
			deleting_row(v->app, s->w->ui.store, TRASH_DECISION, s->history.v[row].id,
				     what);
			return true;
		}
		return table_action(&s->table, a);
	}
	if (pane == ASK_ANSWER)
		return flow_action(&s->answer, a);
	return false;
}

static const char *
ask_says(struct view *v, void *state, int pane, enum action a)
{
	(void)v;
	(void)state;
	if (pane == ASK_HISTORY)
		return a == A_OPEN ? "show" : NULL;
	return a == A_OPEN ? "write" : a == A_EDIT ? "" : NULL;
}

static bool
ask_key(struct view *v, void *state, int pane, int key)
{
	struct ask *s = state;

	if (pane != ASK_PROMPT)
		return false;
	switch (editor_key(&s->editor, key)) {
	case EDITOR_ACCEPT:
		view_edit(v, false);
		start(v, s);
		return true;
	case EDITOR_CANCEL:
		view_edit(v, false);
		return true;
	case EDITOR_IGNORED:
		return false;
	default:
		return true;
	}
}

static void
ask_paste(struct view *v, void *state, int pane, const char *text)
{
	struct ask *s = state;

	(void)pane;
	view_focus(v, ASK_PROMPT);
	view_edit(v, true);
	if (editor_paste(&s->editor, text))
		app_say(v->app, "the prompt takes at most %d bytes; the rest was left out",
			EDITOR_MAX);
}

static bool
ask_mouse(struct view *v, void *state, int pane, const struct mouse *m)
{
	struct ask *s = state;
	bool open = false;

	if (pane == ASK_PROMPT && m->kind == MOUSE_PRESS) {
		struct rect p = v->pane[pane];

		view_edit(v, true);
		return editor_click(&s->editor, rect_inset(p, 2, 1), p.x + 1 + m->x,
				    p.y + 1 + m->y);
	}
	if (pane != ASK_HISTORY || !table_mouse(&s->table, m, &open))
		return false;
	if (open)
		ask_action(v, s, pane, A_OPEN);
	return true;
}

static void
ask_now(struct view *v, void *state, const char *arg)
{
	struct ask *s = state;

	if (arg && *arg)
		editor_set(&s->editor, arg);
	start(v, s);
}

static void
next_strategy(struct view *v, void *state, const char *arg)
{
	struct ask *s = state;

	if (arg) {
		choose(v, s, arg);
		return;
	}
	s->choice = (s->choice + 1) % s->nstrategy;
	app_say(v->app, "strategy: %s", shown_strategy(s->strategy[s->choice]));
}

static void
toggle_base(struct view *v, void *state, const char *arg)
{
	struct ask *s = state;

	(void)arg;
	s->with_base = !s->with_base;
	app_say(v->app, s->with_base ? "the base model's answer comes with the next question"
				     : "the base model's answer is left out");
}

static const struct binding bindings[] = {
	{A_NONE, "a", "ask", "ask the prompt", ask_now, PANES_ALL, BIND_BAR | BIND_ARG},
	{A_NONE, "w", "strategy", "with what: auto, cls, prompt, base, experts, mixtures",
	 next_strategy, PANES_ALL, BIND_BAR | BIND_TAKES(ARG_STRATEGY)},
	{A_NONE, "b", "base", "also show what the base model would say", toggle_base, PANES_ALL,
	 BIND_BAR},
};

static const struct pane_spec panes[] = {
	[ASK_PROMPT] = {"prompt", "prompt", 30, 1, CAN(A_EDIT) | CAN(A_OPEN)},
	[ASK_PASS1] = {"pass1", "pass 1", 30, 3, CAN(A_EDIT)},
	[ASK_ANSWER] = {"answer", "pass 2", 30, 3, CAN(A_EDIT) | CAN_MOVE},
	[ASK_HISTORY] = {"history", "history", 18, 3,
			 CAN_LIST | CAN(A_OPEN) | CAN(A_EDIT) | CAN(A_REFRESH) | CAN(A_DELETE)},
	[ASK_LAYERS] = {"layers", "layers", 18, 2, CAN(A_EDIT)},
};

static void
ask_filter(struct view *v, void *state, int pane, const char *text)
{
	struct ask *s = state;

	(void)v;
	if (pane == ASK_HISTORY)
		table_filter(&s->table, text);
}

static bool
ask_dump(struct view *v, void *state, int pane, enum dump_format f, struct strbuf *out)
{
	struct ask *s = state;

	(void)v;
	if (pane == ASK_HISTORY) {
		table_dump(&s->table, f == DUMP_CSV, out);
		return true;
	}
	if (f == DUMP_CSV)
		return false;
	if (pane == ASK_PROMPT)
		strbuf_str(out, editor_text(&s->editor));
	else if (pane == ASK_ANSWER)
		strbuf_str(out, flow_text(&s->answer));
	else
		return false;
	return true;
}

static struct table *
ask_table(void *state, int pane)
{
	struct ask *s = state;

	return pane == ASK_HISTORY ? &s->table : NULL;
}

const struct view_ops ask_view = {
	.name = "Ask",
	.number = 5,
	.state_size = sizeof(struct ask),
	.panes = panes,
	.npanes = ASK_PANES,
	.layout = "h(3:v(=5:prompt =8:pass1 1:answer) 1:v(3:history 2:layers))",
	.small = "v(=4:prompt =7:pass1 1:answer)",
	.bindings = bindings,
	.nbindings = sizeof bindings / sizeof *bindings,
	.open = ask_open,
	.close = ask_close,
	.keep = ask_keep,
	.restore = ask_restore,
	.draw = ask_draw,
	.action = ask_action,
	.says = ask_says,
	.key = ask_key,
	.paste = ask_paste,
	.mouse = ask_mouse,
	.event = ask_event,
	.filter = ask_filter,
	.table = ask_table,
	.dump = ask_dump,
};
