#include "engine/adapt/answer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/memory.h"
#include "engine/linalg/kern.h"
#include "engine/model/forward.h"
#include "engine/model/model.h"

enum { SLOT, SLOT_BASE /* never set */, SLOTS };

struct stream {
	const struct answer_events *ev;
	struct tok_stream *tok;
	struct strbuf text, piece;
	struct ids ids;
	double start, first;
	struct job *job;
	struct t2_err *err;
	enum t2_status st;
};

static void
emit(struct stream *s, float logprob)
{
	if (!s->piece.len)
		return;
	strbuf_add(&s->text, s->piece.s, s->piece.len);
	if (s->ev && s->ev->text)
		s->ev->text(s->ev->arg, s->piece.s, s->piece.len, logprob);
	strbuf_clear(&s->piece);
}

static bool
on_token(void *arg, int request, int id, float logprob)
{
	struct stream *s = arg;

	(void)request;
	if (!s->ids.n)
		s->first = clock_seconds();
	s->st = ids_push(&s->ids, id, s->err);
	if (!s->st)
		s->st = tok_stream_push(s->tok, id, &s->piece, s->err);
	if (!s->st)
		emit(s, logprob);
	job_step(s->job, 1);
	return s->st != T2_OK;
}

enum t2_status
answer_prompt(const struct adapt_env *env, const char *prompt, struct ids *ids, struct t2_err *err)
{
	struct strbuf text = {0};
	enum t2_status st = chat_render_one(env->chat, NULL, prompt, &text, err);

	if (!st)
		st = tokenizer_encode(env->tok, text.s ? text.s : "", text.len,
				      chat_has_template(env->chat) ? TOK_PLAIN : TOK_SPECIAL, ids,
				      err);
	strbuf_free(&text);
	if (!st && !ids->n)
		st = t2_fail(err, T2_EINVAL, "prompt: empty");
	if (!st && ids->n >= model_config(env->model)->context)
		st = t2_fail(err, T2_EMISMATCH, "prompt: %d tokens, the model's context holds %d",
			     ids->n, model_config(env->model)->context);
	return st;
}

size_t
answer_kl_bytes(const struct adapt_env *env, int positions, int at_once)
{
	int threads = memory_threads(pool_threads(env->pool));

	return forward_bytes(env->model, threads, positions) + 2 * kv_bytes(env->model, positions) +
	       2 * (size_t)at_once * (size_t)model_config(env->model)->vocab * sizeof(float);
}

/* How many of n positions' logits may stand at once; takes what that comes to. */
static enum t2_status
kl_fit(const struct adapt_env *env, int positions, int n, int *at_once, size_t *taken,
       struct t2_err *err)
{
	struct memory *m = pool_memory(env->pool);
	size_t least = answer_kl_bytes(env, positions, 1),
	       each = answer_kl_bytes(env, positions, 2) - least, more;

	*at_once = n;
	if (!m)
		return T2_OK;
	if (least > memory_room(m))
		return memory_short(m, least, err, "KL to the base weights");
	more = (memory_room(m) - least) / each;
	if (more + 1 < (size_t)n) {
		*at_once = (int)more + 1;
		memory_tell(m, "KL to base of %d token%s at once, not %d", *at_once,
			    *at_once == 1 ? "" : "s", n);
	}
	*taken = answer_kl_bytes(env, positions, *at_once);
	memory_take(m, *taken);
	return T2_OK;
}

static double
kl_rows(const float *p, const float *q, int rows, int vocab)
{
	double kl = 0;

	for (int t = 0; t < rows; t++, p += vocab, q += vocab) {
		double zp = kern_logsumexp(p, vocab), zq = kern_logsumexp(q, vocab);

		for (int v = 0; v < vocab; v++)
			kl += exp((double)q[v] - zq) * (((double)q[v] - zq) - ((double)p[v] - zp));
	}
	return kl;
}

/* Both models over the finished text. */
enum t2_status
answer_kl(const struct adapt_env *env, const struct linear *op, const struct ids *prompt,
	  const struct ids *said, int slot, int base, double *kl, struct t2_err *err)
{
	const int slots[2] = {slot, base};
	int vocab = model_config(env->model)->vocab, n = said->n, positions = prompt->n + n, most;
	struct forward *fw = NULL;
	struct kv *kv[2] = {NULL, NULL};
	float *logits = NULL;
	int *ids = NULL;
	size_t taken = 0, half;
	enum t2_status st;

	*kl = 0;
	if (!n)
		return T2_OK;
	if ((st = kl_fit(env, positions, n, &most, &taken, err)))
		return st;
	half = (size_t)most * (size_t)vocab;
	logits = malloc(2 * half * sizeof *logits);
	ids = malloc((size_t)positions * sizeof *ids);
	st = logits && ids ? forward_new(&fw, env->model, env->pool, err) : t2_nomem(err, "KL");
	for (int i = 0; i < 2 && !st; i++)
		st = kv_new(&kv[i], env->model, positions, err);
	if (st)
		goto out;
	memcpy(ids, prompt->v, (size_t)prompt->n * sizeof *ids);
	memcpy(ids + prompt->n, said->v, (size_t)n * sizeof *ids);
	for (int i = 0; i < 2 && prompt->n > 1 && !st; i++) {
		struct segment head = {.kv = kv[i],
				       .ids = ids,
				       .n = prompt->n - 1,
				       .slot = slots[i],
				       .want = WANT_NONE};

		st = forward_run(fw, op, &head, 1, NULL, err);
	}
	for (int from = 0; from < n && !st; from += most) {
		int rows = n - from < most ? n - from : most;

		for (int i = 0; i < 2 && !st; i++) {
			struct segment tail = {.kv = kv[i],
					       .ids = ids + prompt->n - 1 + from,
					       .n = rows,
					       .slot = slots[i],
					       .want = WANT_ALL};

			st = forward_run(fw, op, &tail, 1, logits + (size_t)i * half, err);
		}
		if (!st)
			*kl += kl_rows(logits, logits + half, rows, vocab);
	}
out:
	for (int i = 0; i < 2; i++)
		kv_free(kv[i]);
	forward_free(fw);
	free(logits);
	free(ids);
	memory_give(pool_memory(env->pool), taken);
	return st;
}

/* The greatest of what the passes need one after the other is asked for before the first token, so that too little is an error
 * now and not when half of it is done; *wanted is what they would like. */
static enum t2_status
foresee(const struct adapt_env *env, const struct answer_request *q, const struct dispatch *d,
	size_t *wanted, struct t2_err *err)
{
	struct memory *m = pool_memory(env->pool);
	int context = model_config(env->model)->context, positions;
	size_t pass1 = 0, least;
	struct ids prompt = {0};
	enum t2_status st = answer_prompt(env, q->prompt, &prompt, err);

	if (!st && d)
		st = dispatch_bytes(d, q->prompt, &pass1, err);
	if (st)
		goto out;
	positions = q->max_new < context - prompt.n ? prompt.n + q->max_new : context;
	least = *wanted = generator_bytes(env->model, env->pool, positions, 1);
	least = pass1 > least ? pass1 : least;
	if (q->compare_base) {
		size_t one = answer_kl_bytes(env, positions, 1),
		       all = answer_kl_bytes(env, positions, positions - prompt.n);

		least = one > least ? one : least;
		*wanted = all > *wanted ? all : *wanted;
	}
	*wanted = *wanted > least ? *wanted : least;
	least += adaptation_bytes(env->model, SLOTS);
	if (least > memory_room(m))
		st = memory_short(m, least, err, "this answer");
out:
	ids_free(&prompt);
	return st;
}

/* Weights may be recomposed in what the passes leave. */
static enum t2_status
prepare(const struct adapt_env *env, const struct answer_request *q, const struct dispatch *d,
	struct adaptation **ad, struct t2_err *err)
{
	struct memory *m = pool_memory(env->pool);
	size_t wanted = 0;
	enum t2_status st = m ? foresee(env, q, d, &wanted, err) : T2_OK;

	if (!st)
		st = adaptation_new(ad, env->model, env->factors, env->pool, SLOTS, q->form, err);
	if (!st && m)
		adaptation_reserve(*ad, memory_room(m) > wanted ? memory_room(m) - wanted : 0);
	return st;
}

static enum t2_status
pass2(const struct adapt_env *env, const struct answer_request *q, const struct linear *op,
      struct stream *s, struct answer *out, struct job *job, struct t2_err *err)
{
	struct generator *gen = NULL;
	struct ids prompt = {0};
	struct gen_request g;
	struct gen_result res = {0};
	enum t2_status st = answer_prompt(env, q->prompt, &prompt, err);

	if (!st)
		st = generator_new(&gen, env->model, env->pool, 1, err);
	if (!st)
		st = tok_stream_new(&s->tok, env->tok, err);
	if (st)
		goto out;
	job_stage(job, "pass 2", q->max_new);
	g = (struct gen_request){.ids = prompt.v,
				 .n = prompt.n,
				 .max_new = q->max_new,
				 .sampling = q->sampling,
				 .stream = 0};
	s->job = job;
	s->start = clock_seconds();
	st = generate(gen, op, &g, 1, q->seed, on_token, s, &res, job, err);
	if (s->st)
		st = s->st;
	if (!st)
		st = tok_stream_end(s->tok, &s->piece, err);
	if (st)
		goto out;
	emit(s, 0);
	out->ms = (clock_seconds() - s->start) * 1000;
	out->first_ms = s->ids.n ? (s->first - s->start) * 1000 : out->ms;
	out->prompt_tokens = prompt.n;
	out->tokens = s->ids.n;
	out->end = res.end;
	out->text = strbuf_take(&s->text);
	if (!out->text)
		st = t2_nomem(err, "answer");
	generator_free(gen); /* its room is what KL is measured in */
	gen = NULL;
	if (!st && q->compare_base)
		st = answer_kl(env, op, &prompt, &s->ids, SLOT, SLOT_BASE, &out->kl, err);
out:
	generator_free(gen);
	ids_free(&prompt);
	return st;
}

enum t2_status
answer_run(const struct adapt_env *env, const struct answer_request *q,
	   const struct answer_events *ev, struct answer *out, struct job *job, struct t2_err *err)
{
	struct adaptation *ad = NULL;
	struct dispatch *d = NULL;
	struct stream s = {.ev = ev, .err = err};
	const struct zset *z = q->fixed;
	double t0;
	enum t2_status st;

	memset(out, 0, sizeof *out);
	out->decision = -1;
	out->pass1.decision = -1;
	out->kl = NAN;
	if (q->strategy == ANSWER_DISPATCH &&
	    (st = dispatch_new(&d, env, q->dispatch, q->cand, q->ncand, err)))
		goto out;
	if ((st = prepare(env, q, d, &ad, err)))
		goto out;
	if (d) {
		job_stage(job, "pass 1", 1);
		if ((st = adaptation_set(ad, SLOT, q->classifier, err)) ||
		    (st = dispatch_ask(d, adaptation_op(ad), q->prompt, SLOT, q->seed, &out->pass1,
				       job, err)))
			goto out;
		out->decision = out->pass1.decision;
		z = out->decision >= 0 ? q->cand[out->decision].z : NULL;
		if (ev && ev->decided)
			ev->decided(ev->arg, d, &out->pass1);
		dispatch_free(d);
		d = NULL;
	}
	t0 = clock_seconds();
	if ((st = adaptation_set(ad, SLOT, z, err)))
		goto out;
	out->switch_ms = (clock_seconds() - t0) * 1000;
	st = pass2(env, q, adaptation_op(ad), &s, out, job, err);
out:
	tok_stream_free(s.tok);
	strbuf_free(&s.text);
	strbuf_free(&s.piece);
	ids_free(&s.ids);
	dispatch_free(d);
	adaptation_free(ad);
	if (st)
		answer_free(out);
	return st;
}

void
answer_free(struct answer *a)
{
	dispatch_result_free(&a->pass1);
	free(a->text);
	a->text = NULL;
}
