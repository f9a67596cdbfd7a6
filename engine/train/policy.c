#include "engine/train/policy.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/memory.h"
#include "engine/linalg/kern.h"
#include "engine/model/floats.h"
#include "engine/model/tape.h"

enum {
	MICRO_ROWS = 1024,     /* rows of a micro-batch; a longer line stands alone */
	HEAD_FLOATS = 8 << 20, /* logits that stand at once */
	HEAD_UNIT = 48,	       /* rows of a chunk come in whole tiles of the products */
	HEAD_MOST = 1008,
};

#define TAPE_MOST ((size_t)768 << 20) /* what tape.h keeps unless set */

struct policy {
	const struct model *model;
	struct pool *pool;
	struct tape *tape;
	int head_rows;	/* rows of a chunk */
	int micro_rows; /* of a micro-batch; a longer line stands alone */
	size_t taken;	/* of the pool's memory */
	struct floats h,
		href;	  /* [answer rows][hidden]: hidden states that predict answers; under ref */
	struct floats dh; /* [rows][hidden]: loss gradient, zero outside the answers */
	struct floats dsel;		  /* [head_rows][hidden] */
	struct floats logits, ref_logits; /* [head_rows][vocab] */
	struct floats row;		  /* [threads][vocab] */
	int *ids, *len;			  /* of the micro-batch */
	size_t ids_cap, len_cap;
	struct answer_row *rows;
	size_t rows_cap;
};

/* One position that predicts a token of an answer. */
struct answer_row {
	int line; /* in the caller's list */
	int token;
	int at; /* row in the micro-batch */
	double reward;
	double logprob, kl; /* come out */
};

enum t2_status
policy_new(struct policy **out, const struct model *m, struct pool *pool, struct t2_err *err)
{
	struct policy *p = calloc(1, sizeof *p);
	int rows = HEAD_FLOATS / model_config(m)->vocab / HEAD_UNIT * HEAD_UNIT;
	enum t2_status st;

	*out = NULL;
	if (!p)
		return t2_nomem(err, "policy");
	p->model = m;
	p->pool = pool;
	p->micro_rows = MICRO_ROWS;
	p->head_rows = rows < HEAD_UNIT ? HEAD_UNIT : rows > HEAD_MOST ? HEAD_MOST : rows;
	st = tape_new(&p->tape, m, pool, err);
	if (st)
		policy_free(p);
	else
		*out = p;
	return st;
}

void
policy_free(struct policy *p)
{
	if (!p)
		return;
	memory_give(pool_memory(p->pool), p->taken);
	tape_free(p->tape);
	floats_free(&p->h);
	floats_free(&p->href);
	floats_free(&p->dh);
	floats_free(&p->dsel);
	floats_free(&p->logits);
	floats_free(&p->ref_logits);
	floats_free(&p->row);
	free(p->ids);
	free(p->len);
	free(p->rows);
	free(p);
}

void
policy_memory(struct policy *p, size_t bytes)
{
	tape_memory(p->tape, bytes);
}

/* Of a row, without kept activations: X V of a layer, h, href and dh included. */
static size_t
row_bytes(const struct policy *p, size_t *ranks)
{
	*ranks = 0;
	for (int i = 0; i < MAT_KINDS; i++)
		*ranks += (size_t)weight_rank(model_matrix(p->model, i)) * sizeof(float);
	return tape_bytes(p->model, 1, 1).row + *ranks +
	       3 * (size_t)model_config(p->model)->hidden * sizeof(float);
}

/* Of whatever rows: attention's scratch and a chunk of logits. */
static size_t
fixed_bytes(const struct policy *p, int longest, int head_rows, bool ref)
{
	int threads = memory_threads(pool_threads(p->pool));
	const struct config *c = model_config(p->model);
	size_t vocab = (size_t)c->vocab * sizeof(float), hidden = (size_t)c->hidden * sizeof(float);

	return tape_bytes(p->model, threads, longest).scratch +
	       (size_t)head_rows * (vocab * (ref ? 2 : 1) + hidden) +
	       (ref ? (size_t)threads * vocab : 0);
}

size_t
policy_least(const struct policy *p, int longest, bool ref)
{
	size_t ranks;

	return fixed_bytes(p, longest, HEAD_UNIT, ref) + (size_t)longest * row_bytes(p, &ranks);
}

static size_t
least_of(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t
policy_most(const struct policy *p, int longest, long rows, bool ref, size_t held)
{
	size_t layers = (size_t)model_config(p->model)->layers, ranks, row = row_bytes(p, &ranks),
	       n = (size_t)(rows < MICRO_ROWS ? rows : MICRO_ROWS);

	n = n > (size_t)longest ? n : (size_t)longest;
	return fixed_bytes(p, longest, p->head_rows, ref) + n * row +
	       least_of(n * layers * tape_bytes(p->model, 1, 1).kept, TAPE_MOST) +
	       least_of(n * layers * ranks, held);
}

enum t2_status
policy_limit(struct policy *p, size_t bytes, int longest, long rows, bool ref, size_t *held,
	     struct t2_err *err)
{
	struct memory *m = pool_memory(p->pool);
	size_t layers = (size_t)model_config(p->model)->layers, ranks, row = row_bytes(p, &ranks),
	       rest, kept, products;
	long want = rows < MICRO_ROWS ? rows : MICRO_ROWS, most;

	want = want > longest ? want : longest; /* it would stand alone */
	if (bytes < policy_least(p, longest, ref))
		return memory_short(m,
				    policy_least(p, longest, ref) +
					    (memory_room(m) > bytes ? memory_room(m) - bytes : 0),
				    err, "the gradient of one answer");
	while (p->head_rows > HEAD_UNIT &&
	       fixed_bytes(p, longest, p->head_rows, ref) + (size_t)want * row > bytes)
		p->head_rows -= HEAD_UNIT;
	rest = bytes - fixed_bytes(p, longest, p->head_rows, ref);
	most = rest / row < (size_t)want ? (long)(rest / row) : want;
	p->micro_rows = most < MICRO_ROWS ? (int)most : MICRO_ROWS;
	rest -= (size_t)most * row;
	kept = (size_t)most * tape_bytes(p->model, 1, 1).kept * layers;
	products = (size_t)most * ranks * layers;
	if (most < want || kept > rest)
		memory_tell(m, "gradients of %ld rows at once%s", most,
			    kept > rest ? ", activations computed twice" : "");
	kept = least_of(least_of(kept, rest), TAPE_MOST);
	products = least_of(least_of(products, rest - kept), *held);
	tape_memory(p->tape, kept);
	*held = products;
	p->taken = bytes - rest + kept + products;
	memory_take(m, p->taken);
	return T2_OK;
}

/* The last token of the answer predicts nothing that counts. */
static long
line_rows(const struct policy_line *l)
{
	return l->answer_n ? (long)l->prompt_n + l->answer_n - 1 : 0;
}

/* How many lines from the first on make one micro-batch; *rows, *answers: what they come to. */
static int
cut(const struct policy *p, const struct policy_line *lines, int count, long *rows, long *answers)
{
	int n = 0;

	*rows = *answers = 0;
	while (n < count && (*rows == 0 || *rows + line_rows(&lines[n]) <= p->micro_rows)) {
		*rows += line_rows(&lines[n]);
		*answers += lines[n].answer_n;
		n++;
	}
	return n;
}

/* array with room for want; on failure it is as it was, and *cap says so. */
static void *
grown(void *array, size_t *cap, size_t want, size_t size)
{
	void *p = want > *cap ? realloc(array, want * size) : array;

	if (!p)
		return array;
	if (want > *cap)
		*cap = want;
	return p;
}

static enum t2_status
reserve(struct policy *p, const struct policy_setup *s, int lines, long rows, long answers,
	struct t2_err *err)
{
	const struct config *c = model_config(p->model);
	size_t hidden = (size_t)c->hidden, vocab = (size_t)c->vocab, chunk = (size_t)p->head_rows;
	const struct {
		struct floats *f;
		size_t n;
	} want[] = {
		{&p->h, (size_t)answers * hidden},
		{&p->logits, chunk * vocab},
		{&p->href, s->ref ? (size_t)answers * hidden : 0},
		{&p->ref_logits, s->ref ? chunk * vocab : 0},
		{&p->row, s->ref ? (size_t)pool_threads(p->pool) * vocab : 0},
		{&p->dh, s->backward ? (size_t)rows * hidden : 0},
		{&p->dsel, s->backward ? chunk * hidden : 0},
	};
	enum t2_status st = T2_OK;

	p->ids = grown(p->ids, &p->ids_cap, (size_t)rows, sizeof *p->ids);
	p->len = grown(p->len, &p->len_cap, (size_t)lines, sizeof *p->len);
	p->rows = grown(p->rows, &p->rows_cap, (size_t)answers, sizeof *p->rows);
	if (p->ids_cap < (size_t)rows || p->len_cap < (size_t)lines ||
	    p->rows_cap < (size_t)answers)
		return t2_nomem(err, "policy");
	for (size_t i = 0; i < sizeof want / sizeof *want && !st; i++)
		st = floats_reserve(want[i].f, want[i].n, err);
	return st;
}

/* Lines without an answer are left out. */
static struct packed
pack(struct policy *p, const struct policy_line *lines, int first, int count)
{
	struct packed b = {.len = p->len, .ids = p->ids};
	int at = 0, n = 0;

	for (int j = first; j < first + count; j++) {
		const struct policy_line *l = &lines[j];

		if (!l->answer_n)
			continue;
		p->len[b.count++] = (int)line_rows(l);
		memcpy(p->ids + at, l->prompt, (size_t)l->prompt_n * sizeof *p->ids);
		memcpy(p->ids + at + l->prompt_n, l->answer,
		       (size_t)(l->answer_n - 1) * sizeof *p->ids);
		for (int t = 0; t < l->answer_n; t++)
			p->rows[n++] = (struct answer_row){.line = j,
							   .token = l->answer[t],
							   .at = at + l->prompt_n - 1 + t,
							   .reward = l->reward};
		at += (int)line_rows(l);
	}
	return b;
}

/* Runs op over the batch and copies the answer rows' hidden states to out. */
static enum t2_status
hidden_of(struct policy *p, const struct linear *op, const struct packed *b, int answers,
	  float *out, struct t2_err *err)
{
	size_t hidden = (size_t)model_config(p->model)->hidden;
	enum t2_status st = tape_forward(p->tape, op, b, err);

	for (int i = 0; i < answers && !st; i++)
		memcpy(out + (size_t)i * hidden,
		       tape_hidden(p->tape) + (size_t)p->rows[i].at * hidden, hidden * sizeof *out);
	return st;
}

struct loss_work {
	struct policy *p;
	const struct policy_setup *s;
	struct answer_row *rows;
	double divisor;
	int vocab;
};

/* Logits to probabilities; they sum to the result, which is 1 only to some 1e-6 as float32 sums go: divide by it. */
static double
probabilities(float *x, int n)
{
	double sum = 0;

	kern_softmax(x, n);
	for (int i = 0; i < n; i++)
		sum += x[i];
	return sum;
}

/* One row: its log-probability and KL; then logits become the loss's gradient,
 * dL/dlogit = (R + lambda) p - lambda p_ref - R [v = y], over the divisor. */
static void
loss_task(void *arg, int task, int worker)
{
	const struct loss_work *w = arg;
	const struct policy *p = w->p;
	struct answer_row *r = &w->rows[task];
	int vocab = w->vocab;
	float *l = p->logits.v + (size_t)task * (size_t)vocab;
	float *q = w->s->ref ? p->row.v + (size_t)worker * (size_t)vocab : NULL;
	double lse = kern_logsumexp(l, vocab), lambda = w->s->ref ? w->s->kl_weight : 0, whole = 1;

	r->logprob = l[r->token] - lse;
	if (q) {
		const float *ref = p->ref_logits.v + (size_t)task * (size_t)vocab;
		double ref_lse = kern_logsumexp(ref, vocab), sum = 0;

		memcpy(q, ref, (size_t)vocab * sizeof *q);
		whole = probabilities(q, vocab);
		for (int v = 0; v < vocab; v++)
			sum += q[v] * ((ref[v] - ref_lse) - (l[v] - lse));
		r->kl = sum / whole;
	}
	if (!w->s->backward)
		return;
	float theirs = (float)(lambda / whole / w->divisor);
	float ours = (float)((r->reward + lambda) / probabilities(l, vocab) / w->divisor);

	if (lambda == 0)
		for (int v = 0; v < vocab; v++)
			l[v] *= ours;
	else
		for (int v = 0; v < vocab; v++)
			l[v] = ours * l[v] - theirs * q[v];
	l[r->token] -= (float)(r->reward / w->divisor);
}

/* The head and the loss, chunk by chunk; with backward, dh of the micro-batch. */
static void
head_loss(struct policy *p, const struct policy_setup *s, double divisor, int answers, int rows)
{
	int hidden = model_config(p->model)->hidden, vocab = model_config(p->model)->vocab;

	if (s->backward)
		memset(p->dh.v, 0, (size_t)rows * (size_t)hidden * sizeof *p->dh.v);
	for (int i = 0; i < answers; i += p->head_rows) {
		int n = answers - i < p->head_rows ? answers - i : p->head_rows;
		size_t at = (size_t)i * (size_t)hidden;
		struct loss_work w = {p, s, p->rows + i, divisor, vocab};

		head_forward(p->model, p->pool, p->h.v + at, n, p->logits.v);
		if (s->ref)
			head_forward(p->model, p->pool, p->href.v + at, n, p->ref_logits.v);
		pool_run(p->pool, n, loss_task, &w);
		if (!s->backward)
			continue;
		head_backward(p->model, p->pool, p->logits.v, n, p->dsel.v);
		for (int k = 0; k < n; k++)
			memcpy(p->dh.v + (size_t)p->rows[i + k].at * (size_t)hidden,
			       p->dsel.v + (size_t)k * (size_t)hidden,
			       (size_t)hidden * sizeof *p->dh.v);
	}
}

static enum t2_status
micro_batch(struct policy *p, const struct policy_setup *s, const struct policy_line *lines,
	    int first, int count, long rows, long answers, double divisor,
	    struct policy_result *out, struct t2_err *err)
{
	enum t2_status st = reserve(p, s, count, rows, answers, err);
	struct packed b;

	if (st)
		return st;
	b = pack(p, lines, first, count);
	/* The reference first: the tape must end holding what is to be gone back through. */
	if (s->ref)
		st = hidden_of(p, s->ref, &b, (int)answers, p->href.v, err);
	if (!st)
		st = hidden_of(p, s->op, &b, (int)answers, p->h.v, err);
	if (st)
		return st;
	head_loss(p, s, divisor, (int)answers, (int)rows);
	for (long i = 0; i < answers; i++) {
		const struct answer_row *r = &p->rows[i];

		out->loss +=
			(-r->reward * r->logprob + (s->ref ? s->kl_weight * r->kl : 0)) / divisor;
		out->kl += r->kl / divisor;
		if (out->logprob)
			out->logprob[r->line] += r->logprob;
		if (out->kl_line)
			out->kl_line[r->line] += r->kl;
	}
	if (!isfinite(out->loss))
		return t2_fail(err, T2_ENUM, "loss: not finite in lines %d to %d", first + 1,
			       first + count);
	return s->backward ? tape_backward(p->tape, s->op, p->dh.v, NULL, err) : T2_OK;
}

static enum t2_status
check_lines(const struct policy *p, const struct policy_line *lines, int count, struct t2_err *err)
{
	int vocab = model_config(p->model)->vocab;

	if (count < 1)
		return t2_fail(err, T2_EINVAL, "loss: no lines");
	for (int j = 0; j < count; j++) {
		const struct policy_line *l = &lines[j];

		if (l->prompt_n < 1 || l->answer_n < 0)
			return t2_fail(err, T2_EINVAL,
				       "loss: line %d: the prompt needs at least one token", j + 1);
		if (!isfinite(l->reward))
			return t2_fail(err, T2_EINVAL, "loss: line %d: the reward is not finite",
				       j + 1);
		if ((long)l->prompt_n + l->answer_n > INT_MAX / 8)
			return t2_fail(err, T2_EINVAL, "loss: line %d: %ld tokens are too many",
				       j + 1, (long)l->prompt_n + l->answer_n);
		for (int t = 0; t < l->answer_n; t++)
			if (l->answer[t] < 0 || l->answer[t] >= vocab)
				return t2_fail(
					err, T2_EINVAL,
					"loss: line %d: token id %d: the vocabulary has 0 .. %d",
					j + 1, l->answer[t], vocab - 1);
	}
	return T2_OK;
}

enum t2_status
policy_run(struct policy *p, const struct policy_setup *setup, const struct policy_line *lines,
	   int count, struct policy_result *result, struct job *job, struct t2_err *err)
{
	double divisor = setup->divisor > 0 ? setup->divisor : count;
	enum t2_status st = check_lines(p, lines, count, err);

	result->loss = result->kl = 0;
	result->tokens = 0;
	for (int j = 0; j < count && !st; j++) {
		if (result->logprob)
			result->logprob[j] = 0;
		if (result->kl_line)
			result->kl_line[j] = 0;
	}
	for (int j = 0, n; j < count && !st; j += n) {
		long rows, answers;

		n = cut(p, lines + j, count - j, &rows, &answers);
		if (job_cancelled(job))
			return t2_fail(err, T2_ECANCEL, "loss: cancelled");
		if (rows)
			st = micro_batch(p, setup, lines, j, n, rows, answers, divisor, result,
					 err);
		result->tokens += answers;
		job_step(job, n);
	}
	return st;
}
