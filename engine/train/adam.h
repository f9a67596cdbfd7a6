/* adam.h - Adam without decay over one vector of parameters, after a clip of the gradient's global norm.
 *
 *	adam_new(&a, n, err);
 *	struct adam_options o = adam_defaults();
 *	adam_step(a, &o, param, grad, &norm, err);	// norm: of grad before the clip
 *	adam_save(a, &blob); adam_load(a, blob.s, blob.len, err);
 *	adam_free(a);
 *
 * Kingma & Ba 2015, bias-corrected.  Everything in double; several tensors are one vector, one after another, so that the
 * clip sees them together: g *= min(1, clip / (norm + 1e-6)), as torch's clip_grad_norm_ does. */
#ifndef T2_ADAM_H
#define T2_ADAM_H

#include "engine/base/status.h"
#include "engine/base/strbuf.h"

struct adam_options {
	double lr, beta1, beta2, eps;
	double clip; /* global norm; 0: none */
};

struct adam;

struct adam_options adam_defaults(void); /* lr 2e-3, 0.9, 0.999, 1e-8, no clip */

enum t2_status adam_new(struct adam **out, long n, struct t2_err *err);
void adam_free(struct adam *a);
long adam_steps(const struct adam *a); /* taken so far */
/* param[n] is moved, grad[n] only read.  *norm may be NULL.  T2_ENUM when the gradient holds NaN or infinity, and then
 * neither param nor the state has changed. */
enum t2_status adam_step(struct adam *a, const struct adam_options *o, double *param,
			 const double *grad, double *norm, struct t2_err *err);

/* Appends the state (steps, both moments) to *out; the same bytes continue exactly where it was. */
void adam_save(const struct adam *a, struct strbuf *out);
/* T2_EMISMATCH when the state is of another number of parameters. */
enum t2_status adam_load(struct adam *a, const void *bytes, size_t size, struct t2_err *err);

#endif
