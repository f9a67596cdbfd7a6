#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/base/memory.h"
#include "engine/model/checkpoint.h"
#include "engine/svf/expert.h"
#include "engine/train/policy.h"
#include "engine/train/zparam.h"
#include "tui/cli.h"
#include "tui/lines.h"
#include "tui/verbs.h"

static const struct opt opts[] = {
	{"--batch", "FILE",
	 "JSON lines {\"prompt_ids\":[],\"answer_ids\":[],\"reward\":r} (-: standard input)"},
	{"--scale", "S", "plain (default) or reference"},
	{"--modules", "WHICH", "all (default), mlp or attn"},
	{"--kl", "L", "weight of KL(base || adapted)"},
	{"--expert", "NAME",
	 "an expert or its file: where to take the gradient (default: the base model)"},
	{"--transfer", NULL, "allow an expert of another model where shapes fit"},
	{"-o", "FILE", "writes MATRIX.z or MATRIX.p, float64 safetensors"},
	{0},
};

/* Of a number of z: itself, its effective float, its gradient twice, a name's share of what is written. */
#define NUMBER_BYTES 48

struct batch {
	struct policy_line *line;
	struct memory *memory;
	size_t taken; /* of it */
	int longest;  /* tokens of a line, prompt and answer */
	long rows;
	int n, cap, vocab, context;
	const char *where; /* for messages */
};

static enum t2_status
ids_field(const struct batch *b, const json_t *obj, const char *key, const int **out, int *n,
	  long line, struct t2_err *err)
{
	json_t *a = json_object_get(obj, key);
	int *v;

	if (!json_is_array(a))
		return t2_fail(err, T2_EFORMAT, "%s:%ld: \"%s\" is not a list", b->where, line,
			       key);
	*n = (int)json_array_size(a);
	v = malloc(((size_t)*n + 1) * sizeof *v);
	if (!v)
		return t2_nomem(err, "batch");
	*out = v;
	for (int i = 0; i < *n; i++) {
		json_t *x = json_array_get(a, (size_t)i);

		if (!json_is_integer(x) || json_integer_value(x) < 0 ||
		    json_integer_value(x) >= b->vocab)
			return t2_fail(err, T2_EFORMAT,
				       "%s:%ld: \"%s\"[%d] is not a token id below %d", b->where,
				       line, key, i, b->vocab);
		v[i] = (int)json_integer_value(x);
	}
	return T2_OK;
}

/* The list of lines doubles as it grows. */
static enum t2_status
count_line(struct batch *b, int tokens, struct t2_err *err)
{
	size_t bytes = 3 * sizeof *b->line + (size_t)(tokens + 2) * sizeof(int);

	if (bytes > memory_room(b->memory))
		return memory_short(b->memory, bytes, err, "the batch, as far as it is read,");
	memory_take(b->memory, bytes);
	b->taken += bytes;
	return T2_OK;
}

static enum t2_status
add_line(void *arg, json_t *obj, long line, struct t2_err *err)
{
	struct batch *b = arg;
	struct policy_line *l;
	int n;
	json_t *r = json_object_get(obj, "reward");
	enum t2_status st;

	if (b->n == b->cap) {
		int cap = b->cap ? 2 * b->cap : 16;
		struct policy_line *v = realloc(b->line, (size_t)cap * sizeof *v);

		if (!v)
			return t2_nomem(err, "batch");
		b->line = v;
		b->cap = cap;
	}
	l = &b->line[b->n++];
	memset(l, 0, sizeof *l);
	if (!json_is_number(r))
		return t2_fail(err, T2_EFORMAT, "%s:%ld: \"reward\" is not a number", b->where,
			       line);
	l->reward = json_number_value(r);
	if ((st = ids_field(b, obj, "prompt_ids", &l->prompt, &l->prompt_n, line, err)) ||
	    (st = ids_field(b, obj, "answer_ids", &l->answer, &l->answer_n, line, err)))
		return st;
	if (!l->prompt_n || l->prompt_n + l->answer_n > b->context)
		return t2_fail(err, T2_EFORMAT,
			       "%s:%ld: %d prompt and %d answer tokens; the context is %d",
			       b->where, line, l->prompt_n, l->answer_n, b->context);
	n = l->prompt_n + l->answer_n;
	b->longest = n > b->longest ? n : b->longest;
	b->rows += n;
	return count_line(b, n, err);
}

static void
batch_free(struct batch *b)
{
	for (int i = 0; i < b->n; i++) {
		free((int *)b->line[i].prompt);
		free((int *)b->line[i].answer);
	}
	free(b->line);
	memory_give(b->memory, b->taken);
}

static enum t2_status
write_gradient(const char *path, const struct zparam *zp, const double *grad, struct t2_err *err)
{
	struct st_write *t = calloc((size_t)zp->count, sizeof *t);
	char(*name)[320] = calloc((size_t)zp->count, sizeof *name);
	const char *meta[] = {"format", "t2-gradient", "scale",
			      zp->reference ? "reference" : "plain"};
	enum t2_status st = t && name ? T2_OK : t2_nomem(err, "gradient");

	for (int i = 0; i < zp->count && !st; i++) {
		long n = zp->at[i + 1] - zp->at[i];

		snprintf(name[i], sizeof name[i], "%.300s.%s",
			 model_matrix(zp->model, zp->mat[i])->name, zp->reference ? "p" : "z");
		t[i] = (struct st_write){.name = name[i],
					 .dtype = "F64",
					 .ndim = 1,
					 .shape = {n},
					 .data = grad + zp->at[i],
					 .bytes = (size_t)n * sizeof(double)};
	}
	if (!st)
		st = safetensors_write(path, t, zp->count, meta, 2, err);
	free(t);
	free(name);
	return st;
}

static enum t2_status
start_point(struct cli *c, struct zparam *zp, const char *expert, struct t2_err *err)
{
	struct expert *e;
	char note[256] = "";
	enum t2_status st;

	if (!expert) {
		/* the goldens' start of the reference scale: p = 0.1, an effective z of 1 */
		for (long i = 0; zp->reference && i < zp->n; i++)
			zp->v[i] = (double)0.1f;
		zparam_changed(zp);
		return T2_OK;
	}
	if ((st = workspace_expert(&c->ws, expert, cli_flag(c, "--transfer"), &e, note, err)))
		return st;
	if (note[0])
		cli_note(c, "%s", note);
	st = zparam_start(zp, e, err);
	expert_free(e);
	return st;
}

/* With a limit: numbers of z, then of what the least of the gradient leaves an eighth for dense copies, the rest for the
 * gradient. */
static enum t2_status
share_memory(struct cli *c, struct batch *b, const struct zparam *zp, struct adaptation *ad,
	     struct policy *p)
{
	struct memory *m = c->memory;
	size_t own = (size_t)zp->n * NUMBER_BYTES, least = policy_least(p, b->longest, true), room,
	       held = ADAPTATION_HELD;
	enum t2_status st;

	if (!m)
		return T2_OK;
	if (own + least > memory_room(m))
		return memory_short(m, own + least, &c->err, "the gradient");
	memory_take(m, own);
	b->taken += own;
	adaptation_reserve(ad, (memory_room(m) - least) / 8);
	room = memory_room(m);
	st = policy_limit(p, room, b->longest, b->rows, true, &held, &c->err);
	if (!st)
		adaptation_memory(ad, held);
	return st;
}

static int
grad_run(struct cli *c)
{
	const char *file = cli_str(c, "--batch"), *scale = cli_str(c, "--scale"),
		   *modules = cli_str(c, "--modules");
	const char *out = cli_str(c, "-o");
	double kl = cli_real(c, "--kl", 0, 1e6, 0), norm = 0, *grad = NULL;
	struct policy_setup setup = {.kl_weight = kl, .backward = true};
	struct policy_result res = {0};
	struct batch b = {.where = lines_where(file), .memory = c->memory};
	struct zparam *zp = NULL;
	struct adaptation *ad = NULL;
	struct base_linear *base = NULL;
	struct policy *p = NULL;
	json_t *logprobs;
	int rc;

	if (c->bad)
		return 2;
	if (!file)
		return cli_usage(c, "--batch is missing");
	if (scale && strcmp(scale, "plain") && strcmp(scale, "reference"))
		return cli_usage(c, "--scale %s: plain or reference is wanted", scale);
	if (modules && strcmp(modules, "all") && strcmp(modules, "mlp") && strcmp(modules, "attn"))
		return cli_usage(c, "--modules %s: all, mlp or attn is wanted", modules);
	if ((rc = cli_open(c, 0, WS_FACTORS | WS_UNKEPT)))
		return rc;
	b.vocab = model_config(c->ws.model)->vocab;
	b.context = model_config(c->ws.model)->context;
	rc = 1;
	if (lines_each(file, c->memory, add_line, &b, &c->err))
		goto out;
	if (!b.n) {
		t2_fail(&c->err, T2_EFORMAT, "%s: no line of a batch in it", b.where);
		goto out;
	}
	if (zparam_new(&zp, c->ws.model, c->ws.factors, scale ? scale : "plain",
		       modules ? modules : "all", &c->err) ||
	    start_point(c, zp, cli_str(c, "--expert"), &c->err) ||
	    adaptation_new(&ad, c->ws.model, c->ws.factors, c->ws.pool, 1, FORM_AUTO, &c->err) ||
	    adaptation_set(ad, 0, zparam_zset(zp), &c->err) ||
	    adaptation_grad_begin(ad, zp->modules, &c->err) ||
	    base_linear_new(&base, c->ws.model, c->ws.pool, &c->err) ||
	    policy_new(&p, c->ws.model, c->ws.pool, &c->err) || share_memory(c, &b, zp, ad, p))
		goto out;
	setup.op = adaptation_op(ad);
	setup.ref = base_linear_op(base);
	grad = malloc((size_t)zp->n * sizeof *grad);
	res.logprob = calloc((size_t)b.n + 1, sizeof *res.logprob);
	if (!grad || !res.logprob) {
		t2_nomem(&c->err, "gradient");
		goto out;
	}
	if (policy_run(p, &setup, b.line, b.n, &res, &c->job, &c->err))
		goto out;
	zparam_grad(zp, ad, grad);
	for (long i = 0; i < zp->n; i++)
		norm += grad[i] * grad[i];
	if (out && write_gradient(out, zp, grad, &c->err))
		goto out;
	rc = 0;
	logprobs = json_array();
	for (int i = 0; i < b.n; i++)
		json_array_append_new(logprobs, cli_json_real(res.logprob[i]));
	if (c->json) {
		cli_json(json_pack("{s:o,s:o,s:O,s:o}", "loss", cli_json_real(res.loss), "kl",
				   cli_json_real(res.kl), "logprobs", logprobs, "grad_norm",
				   cli_json_real(sqrt(norm))));
	} else {
		printf("loss %.9g\nkl %.9g\ngrad norm %.9g\n", res.loss, res.kl, sqrt(norm));
		for (int i = 0; i < b.n; i++)
			printf("line %d log-probability %.6f\n", i + 1, res.logprob[i]);
	}
	json_decref(logprobs);
out:
	if (rc)
		rc = cli_fail(c);
	free(grad);
	free(res.logprob);
	policy_free(p);
	base_linear_free(base);
	adaptation_free(ad);
	zparam_free(zp);
	batch_free(&b);
	return rc;
}

const struct command cmd_grad = {"grad",
				 "MODEL --batch FILE",
				 "the loss and its gradient with respect to z, for given answers",
				 opts,
				 grad_run,
				 1};
