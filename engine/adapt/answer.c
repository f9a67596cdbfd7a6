#include "engine/adapt/answer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/linalg/kern.h"
#include "engine/model/forward.h"
#include "engine/model/model.h"

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

/* Both models over the finished text. */
enum t2_status
answer_kl(const struct adapt_env *env, const struct linear *op, const struct ids *prompt,
	  const struct ids *said, int slot, int base, double *kl, struct t2_err *err)
{
	const int slots[2] = {slot, base};
	int vocab = model_config(env->model)->vocab, n = said->n;
	struct forward *fw = NULL;
	struct kv *kv[2] = {NULL, NULL};
	float *logits = malloc(2 * (size_t)n * (size_t)vocab * sizeof *logits + 1);
	int *ids = malloc(((size_t)prompt->n + (size_t)n) * sizeof *ids);
	enum t2_status st = logits && ids ? T2_OK : t2_nomem(err, "KL");

	*kl = 0;
	if (!st)
		st = forward_new(&fw, env->model, env->pool, err);
	for (int i = 0; i < 2 && !st; i++)
		st = kv_new(&kv[i], env->model, prompt->n + n, err);
	if (st || !n)
		goto out;
	memcpy(ids, prompt->v, (size_t)prompt->n * sizeof *ids);
	memcpy(ids + prompt->n, said->v, (size_t)n * sizeof *ids);
	for (int i = 0; i < 2 && !st; i++) {
		struct segment head = {.kv = kv[i],
				       .ids = ids,
				       .n = prompt->n - 1,
				       .slot = slots[i],
				       .want = WANT_NONE};
		struct segment tail = {.kv = kv[i],
				       .ids = ids + prompt->n - 1,
				       .n = n,
				       .slot = slots[i],
				       .want = WANT_ALL};

		if (head.n > 0)
			st = forward_run(fw, op, &head, 1, NULL, err);
		if (!st)
			st = forward_run(fw, op, &tail, 1,
					 logits + (size_t)i * (size_t)n * (size_t)vocab, err);
	}
	for (int t = 0; t < n && !st; t++) {
		const float *p = logits + (size_t)t * (size_t)vocab,
			    *q = p + (size_t)n * (size_t)vocab;
		double zp = kern_logsumexp(p, vocab), zq = kern_logsumexp(q, vocab);

		for (int v = 0; v < vocab; v++)
			*kl += exp((double)q[v] - zq) * (((double)q[v] - zq) - ((double)p[v] - zp));
	}
out:
	for (int i = 0; i < 2; i++)
		kv_free(kv[i]);
	forward_free(fw);
	free(logits);
	free(ids);
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
	if (!st && q->compare_base)
		st = answer_kl(env, op, &prompt, &s->ids, 0, 1, &out->kl,
			       err); /* slot 1 is never set */
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
	if ((st = adaptation_new(&ad, env->model, env->factors, env->pool, 2, q->form, err)))
		return st;
	if (q->strategy == ANSWER_DISPATCH) {
		job_stage(job, "pass 1", 1);
		if ((st = adaptation_set(ad, 0, q->classifier, err)) ||
		    (st = dispatch_new(&d, env, q->dispatch, q->cand, q->ncand, err)) ||
		    (st = dispatch_ask(d, adaptation_op(ad), q->prompt, 0, q->seed, &out->pass1,
				       job, err)))
			goto out;
		out->decision = out->pass1.decision;
		z = out->decision >= 0 ? q->cand[out->decision].z : NULL;
		if (ev && ev->decided)
			ev->decided(ev->arg, d, &out->pass1);
	}
	t0 = clock_seconds();
	if ((st = adaptation_set(ad, 0, z, err)))
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
