#include "engine/train/adam.h"

#include <math.h>
#include <stdlib.h>

#include "engine/base/blob.h"

static const char tag[] = "T2ADAM1";

struct adam {
	long n, steps;
	double *m, *v; /* running means of the gradient and of its square */
};

struct adam_options
adam_defaults(void)
{
	return (struct adam_options){.lr = 2e-3, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
}

enum t2_status
adam_new(struct adam **out, long n, struct t2_err *err)
{
	struct adam *a;

	*out = NULL;
	if (n < 1)
		return t2_fail(err, T2_EINVAL, "adam: %ld parameters: at least one is needed", n);
	a = calloc(1, sizeof *a);
	if (!a)
		return t2_nomem(err, "adam");
	a->n = n;
	a->m = calloc((size_t)n, sizeof *a->m);
	a->v = calloc((size_t)n, sizeof *a->v);
	if (!a->m || !a->v) {
		adam_free(a);
		return t2_nomem(err, "adam");
	}
	*out = a;
	return T2_OK;
}

void
adam_free(struct adam *a)
{
	if (!a)
		return;
	free(a->m);
	free(a->v);
	free(a);
}

long
adam_steps(const struct adam *a)
{
	return a->steps;
}

enum t2_status
adam_step(struct adam *a, const struct adam_options *o, double *param, const double *grad,
	  double *norm, struct t2_err *err)
{
	double sum = 0, length, shrink = 1, fix1, fix2;

	for (long i = 0; i < a->n; i++)
		sum += grad[i] * grad[i];
	length = sqrt(sum);
	if (norm)
		*norm = length;
	if (!isfinite(length))
		return t2_fail(err, T2_ENUM, "adam: step %ld: the gradient is not finite",
			       a->steps + 1);
	if (o->clip > 0 && o->clip < length + 1e-6)
		shrink = o->clip / (length + 1e-6);
	a->steps++;
	fix1 = 1 - pow(o->beta1, (double)a->steps);
	fix2 = 1 - pow(o->beta2, (double)a->steps);
	for (long i = 0; i < a->n; i++) {
		double g = grad[i] * shrink;

		a->m[i] = o->beta1 * a->m[i] + (1 - o->beta1) * g;
		a->v[i] = o->beta2 * a->v[i] + (1 - o->beta2) * g * g;
		param[i] -= o->lr * (a->m[i] / fix1) / (sqrt(a->v[i] / fix2) + o->eps);
	}
	return T2_OK;
}

void
adam_save(const struct adam *a, struct strbuf *out)
{
	const int64_t fields[] = {a->n, a->steps}, sizes[] = {a->n, a->n};
	const double *const arrays[] = {a->m, a->v};

	blob_put(out, tag, fields, 2, arrays, sizes, 2);
}

enum t2_status
adam_load(struct adam *a, const void *bytes, size_t size, struct t2_err *err)
{
	const int64_t sizes[] = {a->n, a->n};
	double *const arrays[] = {a->m, a->v};
	int64_t fields[2];
	enum t2_status st = blob_get(bytes, size, tag, fields, 2, err);

	if (st)
		return st;
	if (fields[0] != a->n)
		return t2_fail(err, T2_EMISMATCH,
			       "adam: the state is of %lld parameters, these are %ld",
			       (long long)fields[0], a->n);
	if (fields[1] < 0)
		return t2_fail(err, T2_EFORMAT, "adam: the state is of step %lld",
			       (long long)fields[1]);
	st = blob_get_arrays(bytes, size, 2, arrays, sizes, 2, err);
	if (!st)
		a->steps = (long)fields[1];
	return st;
}
