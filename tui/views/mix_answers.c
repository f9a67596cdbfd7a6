/* The same prompt answered side by side: columns, the thread that fills them in one batch, and how they are drawn. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/adapt/compare.h"
#include "tui/app.h"
#include "tui/views/mix.h"
#include "tui/views/views.h"
#include "tui/widgets/gauge.h"

/* A slider that is being moved is given this long to come to rest. */
static const double pause_s = 0.3;

struct mix_token {
	uint64_t ask, uid;
	int id;
	float logprob;
	size_t len;
	char text[];
};

struct mix_figure {
	uint64_t ask, uid;
	double value;
};

/* One wish: what to answer under which settings. */
struct wish {
	uint64_t ask;
	double not_before;
	char *prompt;
	struct mix_vectors *vectors;
	int n;
	uint64_t uid[MIX_COLUMNS];
	struct mixing set[MIX_COLUMNS];
};

/* The view writes wishes, the thread takes the newest; it goes when there is none. */
struct mix_asking {
	atomic_int refs;
	struct world *w;
	struct event_queue *q;
	pthread_mutex_t lock; /* guards the next two */
	struct wish wish;     /* n 0: none */
	bool gone;
	atomic_uint_fast64_t newest; /* of the wishes; another one ends the batch that runs */
	atomic_bool stop;
};

static void
wish_clear(struct wish *x)
{
	free(x->prompt);
	mix_vectors_drop(x->vectors);
	for (int i = 0; i < x->n; i++)
		mixing_free(&x->set[i]);
	memset(x, 0, sizeof *x);
}

static void
asking_drop(void *arg)
{
	struct mix_asking *a = arg;

	if (!a || atomic_fetch_sub(&a->refs, 1) != 1)
		return;
	wish_clear(&a->wish);
	pthread_mutex_destroy(&a->lock);
	free(a);
}

/* -- the thread ------------------------------------------------------------------------------------------------ */

struct batch {
	struct mix_asking *a;
	struct wish *x;
};

static bool
on_stop(void *arg)
{
	struct batch *b = arg;

	return atomic_load(&b->a->stop) || atomic_load(&b->a->newest) != b->x->ask;
}

static void
on_token(void *arg, int i, int id, const char *s, size_t len, float logprob)
{
	struct batch *b = arg;
	struct mix_token *t = malloc(sizeof *t + len + 1);

	if (!t)
		return;
	*t = (struct mix_token){
		.ask = b->x->ask, .uid = b->x->uid[i], .id = id, .logprob = logprob, .len = len};
	memcpy(t->text, s, len);
	t->text[len] = 0;
	event_post(b->a->q, &mix_view, MIX_TOKEN, t, free);
}

static void
post_figure(struct batch *b, int i, int type, double value)
{
	struct mix_figure *f = malloc(sizeof *f);

	if (!f)
		return;
	*f = (struct mix_figure){.ask = b->x->ask, .uid = b->x->uid[i], .value = value};
	event_post(b->a->q, &mix_view, type, f, free);
}

static void
on_ended(void *arg, int i, const struct compare_answer *a)
{
	post_figure(arg, i, MIX_ENDED, a->tokens_per_s);
}

static void
on_measured(void *arg, int i, const struct compare_answer *a)
{
	post_figure(arg, i, MIX_KL, a->kl);
}

static enum t2_status
settings(const struct wish *x, const struct model *m, struct zset *z[MIX_COLUMNS],
	 struct t2_err *err)
{
	enum t2_status st = T2_OK;

	for (int i = 0; i < x->n && !st; i++) {
		const struct zset *of[MIXING_EXPERTS];

		if (!x->set[i].k) /* the base weights */
			continue;
		if (!mix_vectors_of(x->vectors, &x->set[i], of))
			return t2_fail(err, T2_ENOTFOUND, "answers: an expert is gone");
		st = zset_new(&z[i], m, err);
		if (!st)
			st = mixing_z(&x->set[i], of, -1, z[i], err);
		if (!st && !zset_values(z[i])) { /* nothing in it: the base weights */
			zset_free(z[i]);
			z[i] = NULL;
		}
	}
	return st;
}

static enum t2_status
answer(struct mix_asking *a, struct wish *x, struct workspace *ws, struct job *job,
       struct t2_err *err)
{
	struct adapt_env env = {.model = ws->model,
				.factors = ws->factors,
				.pool = ws->pool,
				.tok = ws->tok,
				.chat = ws->chat};
	struct batch b = {a, x};
	struct compare_events ev = {.arg = &b,
				    .token = on_token,
				    .ended = on_ended,
				    .measured = on_measured,
				    .stop = on_stop};
	struct zset *z[MIX_COLUMNS] = {NULL};
	struct compare_request q = {.prompt = x->prompt,
				    .z = (const struct zset *const *)z,
				    .n = x->n,
				    .max_new = MIX_TOKENS,
				    .kl = true};
	struct compare_answer out[MIX_COLUMNS];
	enum t2_status st = settings(x, ws->model, z, err);

	if (!st)
		st = compare_run(&env, &q, &ev, out, job, err);
	if (!st)
		compare_free(out, x->n);
	for (int i = 0; i < x->n; i++)
		zset_free(z[i]);
	return st;
}

/* The newest wish, when it has come to rest; false: there is none, and the thread is gone from then on. */
static bool
take(struct mix_asking *a, struct wish *x, struct job *job, bool last)
{
	for (;;) {
		double wait;

		pthread_mutex_lock(&a->lock);
		wait = a->wish.not_before - clock_seconds();
		if (last || job_cancelled(job) || atomic_load(&a->stop) || !a->wish.n) {
			a->gone = true;
			pthread_mutex_unlock(&a->lock);
			return false;
		}
		if (wait <= 0) {
			*x = a->wish;
			memset(&a->wish, 0, sizeof a->wish);
			pthread_mutex_unlock(&a->lock);
			return true;
		}
		pthread_mutex_unlock(&a->lock);
		usleep(wait < 0.02 ? (useconds_t)(wait * 1e6) + 1 : 20000);
	}
}

static enum t2_status
ask_work(void *arg, struct job *job, struct t2_err *err)
{
	struct mix_asking *a = arg;
	struct workspace *ws;
	struct wish x = {0};
	enum t2_status st;

	job_stage(job, "answers", 0);
	st = world_work(a->w, WS_TEXT | WS_FACTORS, &ws, job, err);
	while (take(a, &x, job, st != T2_OK)) {
		uint64_t *done = malloc(sizeof *done);

		st = answer(a, &x, ws, job, err);
		if (done)
			*done = x.ask;
		event_post(a->q, &mix_view, MIX_ASKED, done, free);
		wish_clear(&x);
	}
	return st;
}

static void
ask_done(void *arg, enum t2_status st, const struct t2_err *err)
{
	struct mix_asking *a = arg;

	(void)st;
	(void)err;
	event_post(a->q, &mix_view, MIX_ASKED, NULL, NULL);
}

/* -- asking ---------------------------------------------------------------------------------------------------- */

/* What it said last stays, dim, until something new comes. */
static void
column_restart(struct mix_column *k, uint64_t ask)
{
	for (int i = 0; i < k->flow.nspan; i++) {
		k->flow.span[i].flags = FLOW_DIM;
		k->flow.span[i].prob = NAN;
	}
	k->dirty = false;
	k->ask = ask;
	k->state = COLUMN_ASKED;
}

static void
column_begin(struct mix_column *k)
{
	if (k->state != COLUMN_ASKED)
		return;
	flow_clear(&k->flow);
	k->n = k->differ = 0;
	k->rate = 0;
	k->kl = NAN;
	k->state = COLUMN_STREAMS;
}

static struct mix_asking *
asking_new(struct mix *s)
{
	struct mix_asking *a = calloc(1, sizeof *a);

	if (!a)
		return NULL;
	atomic_init(&a->refs, 1);
	atomic_init(&a->newest, 0);
	atomic_init(&a->stop, false);
	pthread_mutex_init(&a->lock, NULL);
	a->w = s->w;
	a->q = app_queue(s->app);
	return a;
}

/* Hands the wish to the thread, or starts one. */
static void
send(struct mix *s, struct wish *x)
{
	struct job_spec spec = {.name = "answers",
				.owner = &mix_view,
				.lane = s->w,
				.work = ask_work,
				.done = ask_done,
				.drop = asking_drop,
				.quiet = true,
				.light = true,
				.passing = true};
	struct mix_asking *a = s->asking;
	bool gone = true;

	if (a) {
		pthread_mutex_lock(&a->lock);
		gone = a->gone || atomic_load(&a->stop);
		if (!gone) {
			wish_clear(&a->wish);
			a->wish = *x;
			atomic_store(&a->newest, x->ask);
		}
		pthread_mutex_unlock(&a->lock);
	}
	if (!gone)
		return;
	asking_drop(a);
	s->asking = a = asking_new(s);
	if (!a) {
		wish_clear(x);
		return;
	}
	a->wish = *x;
	atomic_store(&a->newest, x->ask);
	atomic_fetch_add(&a->refs, 1);
	spec.arg = a;
	app_job(s->app, &spec);
}

void
mix_ask(struct mix *s, bool all, bool pause)
{
	const char *text = editor_text(&s->prompt);
	struct wish x = {.ask = ++s->uids};

	if (!s->vectors && s->set.k) { /* asked again when the experts are read */
		s->asked_once = false;
		return;
	}
	if (!text[strspn(text, " \t\n")]) {
		if (!pause)
			app_say(s->app, "%s",
				KEYS_IN(s->app, mix_view.number,
					"the prompt is empty: {ask-again} writes one"));
		return;
	}
	if (!s->asked_prompt || strcmp(s->asked_prompt, text)) {
		free(s->asked_prompt);
		s->asked_prompt = strdup(text);
		all = true;
	}
	for (int i = 0; i < s->ncolumns; i++) {
		struct mix_column *k = &s->column[i];

		/* What an earlier ask has not finished goes into this batch too. */
		if (!all && !k->dirty && k->state >= COLUMN_DONE)
			continue;
		if (mixing_copy(&x.set[x.n], &k->set, NULL))
			break;
		x.uid[x.n++] = k->uid;
		column_restart(k, x.ask);
	}
	if (!x.n)
		return;
	x.not_before = clock_seconds() + (pause ? pause_s : 0);
	x.prompt = strdup(text);
	x.vectors = mix_vectors_ref(s->vectors);
	s->asked_once = true;
	s->busy = x.ask;
	if (x.prompt)
		send(s, &x);
	else
		wish_clear(&x);
}

bool
mix_ask_stop(struct mix *s)
{
	if (!s->busy || !s->asking)
		return false;
	for (int i = 0; i < s->ncolumns; i++)
		if (s->column[i].state == COLUMN_ASKED || s->column[i].state == COLUMN_STREAMS)
			s->column[i].state = COLUMN_STOPPED;
	atomic_store(&s->asking->stop, true);
	s->busy = 0;
	return true;
}

/* -- columns --------------------------------------------------------------------------------------------------- */

static struct mix_column *
column_add(struct mix *s, int at, enum mix_kind kind, const struct mixing *set, const char *name)
{
	struct mix_column *k;

	if (s->ncolumns == MIX_COLUMNS) {
		app_say(s->app,
			"%d settings are side by side already: %s in answers takes one away",
			MIX_COLUMNS, KEYS_IN(s->app, mix_view.number, "{delete}"));
		return NULL;
	}
	memmove(&s->column[at + 1], &s->column[at],
		(size_t)(s->ncolumns - at) * sizeof s->column[0]);
	k = &s->column[at];
	memset(k, 0, sizeof *k);
	s->ncolumns++;
	k->kind = kind;
	k->uid = ++s->uids;
	k->kl = NAN;
	k->dirty = true;
	snprintf(k->name, sizeof k->name, "%s", name);
	if (set ? mixing_copy(&k->set, set, NULL) : mixing_init(&k->set, s->mats, NULL)) {
		mix_column_remove(s, at);
		return NULL;
	}
	return k;
}

void
mix_column_remove(struct mix *s, int i)
{
	struct mix_column *k = &s->column[i];

	mixing_free(&k->set);
	flow_free(&k->flow);
	memmove(k, k + 1, (size_t)(s->ncolumns - i - 1) * sizeof *k);
	s->ncolumns--;
	if (s->at >= s->ncolumns)
		s->at = s->ncolumns - 1;
}

static int
mixture_column(const struct mix *s)
{
	for (int i = 0; i < s->ncolumns; i++)
		if (s->column[i].kind == COLUMN_MIXTURE)
			return i;
	return -1;
}

int
mix_column_of(const struct mix *s, int64_t expert)
{
	for (int i = 0; i < s->ncolumns; i++)
		if (s->column[i].kind == COLUMN_EXPERT && s->column[i].expert == expert)
			return i;
	return -1;
}

static void
follow(struct mix *s)
{
	if (s->automatic)
		mix_ask(s, false, true);
}

static void
mixture_name(const struct mix *s, char *buf, size_t size)
{
	if (mixing_empty(&s->set))
		snprintf(buf, size, "nothing mixed: base");
	else
		mixing_label(&s->set, buf, size);
}

/* Shows the expert alone beside the others, or takes it away. */
void
mix_column_expert(struct mix *s, int e)
{
	int at = mix_column_of(s, s->set.expert[e]);
	struct mix_column *k;
	struct mixing one;

	if (at >= 0) {
		mix_column_remove(s, at);
		return;
	}
	if (mixing_init(&one, s->mats, NULL))
		return;
	if (!mixing_add(&one, s->set.expert[e], s->set.name[e], 1, NULL) &&
	    (k = column_add(s, mixture_column(s), COLUMN_EXPERT, &one, s->set.name[e]))) {
		k->expert = s->set.expert[e];
		follow(s);
	}
	mixing_free(&one);
}

void
mix_column_pin(struct mix *s, const struct mixing *set, const char *name)
{
	struct mix_column *k = column_add(s, s->ncolumns, COLUMN_PIN, set, name);
	const struct mix_column *m = &s->column[mixture_column(s)];

	if (!k)
		return;
	/* The mixture's own answer is the pin's. */
	if (m->state == COLUMN_DONE && !m->dirty && mixing_equal(&m->set, set)) {
		k->dirty = false;
		k->state = COLUMN_DONE;
		k->n = m->n;
		memcpy(k->id, m->id, sizeof k->id);
		memcpy(k->span, m->span, sizeof k->span);
		for (int i = 0; i < m->flow.nspan; i++) {
			const struct flow_span *p = &m->flow.span[i];
			size_t end = i + 1 < m->flow.nspan ? p[1].from : m->flow.text.len;

			flow_add(&k->flow, m->flow.text.s + p->from, end - p->from, (double)p->prob,
				 p->flags);
		}
		k->rate = m->rate;
		k->kl = m->kl; /* NaN: not measured yet; take_kl() brings it */
		k->ask = m->ask;
		k->differ = m->differ;
		return;
	}
	follow(s);
}

/* The mixture's column follows the sliders; an expert that has gone takes its column with it. */
void
mix_columns_refresh(struct mix *s)
{
	struct mix_column *k;

	for (int i = s->ncolumns - 1; i >= 0; i--)
		for (int e = 0; e < s->column[i].set.k; e++)
			if (s->column[i].kind != COLUMN_MIXTURE &&
			    mixing_find(&s->set, s->column[i].set.expert[e]) < 0) {
				mix_column_remove(s, i);
				break;
			}
	k = &s->column[mixture_column(s)];
	if (!mixing_equal(&k->set, &s->set)) {
		mixing_free(&k->set);
		if (mixing_copy(&k->set, &s->set, NULL))
			return;
		k->dirty = true;
	}
	mixture_name(s, k->name, sizeof k->name);
	follow(s);
}

void
mix_columns_open(struct mix *s)
{
	char label[200];
	int most = -1;

	column_add(s, 0, COLUMN_BASE, NULL, "base");
	mixture_name(s, label, sizeof label);
	column_add(s, 1, COLUMN_MIXTURE, &s->set, label);
	for (int e = 0; e < s->set.k; e++)
		if (most < 0 || mixing_alpha(&s->set, e, NULL) > mixing_alpha(&s->set, most, NULL))
			most = e;
	s->automatic = false; /* until the view is whole */
	if (most >= 0)
		mix_column_expert(s, most);
	s->automatic = true;
	s->at = s->ncolumns - 1;
}

void
mix_columns_close(struct mix *s)
{
	while (s->ncolumns)
		mix_column_remove(s, s->ncolumns - 1);
	asking_drop(s->asking);
	free(s->asked_prompt);
}

/* -- what comes ------------------------------------------------------------------------------------------------ */

/* Tokens outside the longest common subsequence with base's are what this setting says differently. */
static void
differ(struct mix *s, struct mix_column *k)
{
	const struct mix_column *b = &s->column[0];
	static short len[MIX_TOKENS + 1][MIX_TOKENS + 1]; /* the UI thread's */
	int n = k->n, m = b->n;

	if (k == b || k->state == COLUMN_ASKED || b->state == COLUMN_ASKED)
		return;
	/* What base is still going to say is not said differently yet. */
	if (b->state < COLUMN_DONE && n > m)
		n = m;
	for (int i = n; i >= 0; i--)
		for (int j = m; j >= 0; j--)
			len[i][j] = i == n || j == m ? 0
				    : k->id[i] == b->id[j]
					    ? (short)(len[i + 1][j + 1] + 1)
					    : (len[i + 1][j] > len[i][j + 1] ? len[i + 1][j]
									     : len[i][j + 1]);
	k->differ = 0;
	for (int i = 0, j = 0; i < n; i++) {
		bool same;

		while (j < m && k->id[i] != b->id[j] && len[i][j + 1] >= len[i + 1][j])
			j++;
		same = j < m && k->id[i] == b->id[j];
		j += same;
		k->differ += !same;
		if (k->span[i] >= 0)
			k->flow.span[k->span[i]].flags = same ? 0 : FLOW_DIFFER;
	}
}

static void
compare_all(struct mix *s)
{
	for (int i = 1; i < s->ncolumns; i++)
		differ(s, &s->column[i]);
}

static struct mix_column *
column_for(struct mix *s, uint64_t ask, uint64_t uid)
{
	for (int i = 0; i < s->ncolumns; i++)
		if (s->column[i].uid == uid && s->column[i].ask == ask)
			return &s->column[i];
	return NULL;
}

static void
take_token(struct mix *s, const struct mix_token *t)
{
	struct mix_column *k = column_for(s, t->ask, t->uid);
	int spans;

	if (!k || k->state == COLUMN_STOPPED || k->n == MIX_TOKENS)
		return;
	column_begin(k);
	spans = k->flow.nspan;
	flow_add(&k->flow, t->text, t->len, t->id < 0 ? NAN : exp((double)t->logprob), 0);
	if (t->id >= 0) {
		k->span[k->n] = k->flow.nspan > spans ? spans : -1;
		k->id[k->n++] = t->id;
	}
	if (k == &s->column[0])
		compare_all(s);
	else
		differ(s, k);
}

static bool
is_gone(struct mix_asking *a)
{
	bool gone = true;

	if (a) {
		pthread_mutex_lock(&a->lock);
		gone = a->gone;
		pthread_mutex_unlock(&a->lock);
	}
	return gone;
}

static void
take_asked(struct mix *s, const uint64_t *done)
{
	bool gone = is_gone(s->asking);

	if (done ? *done == s->busy : gone)
		s->busy = 0;
	for (int i = 0; i < s->ncolumns; i++) {
		struct mix_column *k = &s->column[i];
		bool waits = k->state == COLUMN_ASKED || k->state == COLUMN_STREAMS;

		/* done: that ask is over; NULL: so is the thread, and what still waits has failed */
		if (waits && (done ? k->ask == *done : gone))
			k->state = COLUMN_STOPPED;
	}
}

/* It holds for a pin too that was made of the answer before it was measured. */
static void
take_kl(struct mix *s, const struct mix_figure *f)
{
	const struct mix_column *k = column_for(s, f->ask, f->uid);

	for (int i = 0; k && i < s->ncolumns; i++) {
		struct mix_column *x = &s->column[i];

		if (x->uid == k->uid || (x->kind == COLUMN_PIN && x->ask == k->ask &&
					 isnan(x->kl) && mixing_equal(&x->set, &k->set)))
			x->kl = f->value;
	}
}

void
mix_answers_event(struct mix *s, const struct event *e)
{
	const struct mix_figure *f = e->data;
	struct mix_column *k;

	switch (e->type) {
	case MIX_TOKEN:
		take_token(s, e->data);
		break;
	case MIX_ENDED:
		k = column_for(s, f->ask, f->uid);
		if (!k || k->state == COLUMN_STOPPED)
			break;
		column_begin(k);
		k->state = COLUMN_DONE;
		k->rate = f->value;
		compare_all(s);
		break;
	case MIX_KL:
		take_kl(s, f);
		break;
	default:
		take_asked(s, e->data);
	}
}

/* -- acting ---------------------------------------------------------------------------------------------------- */

bool
mix_answers_action(struct view *v, struct mix *s, enum action a)
{
	struct mix_column *k = &s->column[s->at];

	(void)v;
	switch (a) {
	case A_LEFT:
		s->at -= s->at > 0;
		return true;
	case A_RIGHT:
		s->at += s->at + 1 < s->ncolumns;
		return true;
	case A_DELETE:
		if (k->kind == COLUMN_EXPERT || k->kind == COLUMN_PIN)
			mix_column_remove(s, s->at);
		else
			app_say(s->app, "%s stays: the others are seen against it",
				k->kind == COLUMN_BASE ? "base" : "the mixture");
		return true;
	default:
		return flow_action(&k->flow, a);
	}
}

bool
mix_answers_mouse(struct view *v, struct mix *s, const struct mouse *m)
{
	int w = v->pane[MIX_ANSWERS].w - 2, at;

	if (s->shown < 1 || w < s->shown)
		return false;
	at = s->first_shown + m->x * s->shown / w;
	if (at < 0 || at >= s->ncolumns)
		return false;
	if (m->kind == MOUSE_WHEEL_UP || m->kind == MOUSE_WHEEL_DOWN) {
		for (int i = 0; i < 3; i++)
			flow_action(&s->column[at].flow, m->kind == MOUSE_WHEEL_UP ? A_UP : A_DOWN);
		return true;
	}
	if (m->kind != MOUSE_PRESS)
		return false;
	s->at = at;
	return true;
}
