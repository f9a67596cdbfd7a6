/* grad.h - the goldens' gradient cases (goldens/grad) run through policy and zparam.
 *
 *	grad_open(&run, &bed, factors, "T.plain_all_kl0.2_expert");
 *	grad_eval(&run, true);			// run.loss, run.grad at run.zp->v
 *	grad_close(&run);
 *
 * Anything that fails fails the test. */
#ifndef T2_TEST_GRAD_H
#define T2_TEST_GRAD_H

#include "engine/train/policy.h"
#include "engine/train/zparam.h"
#include "tests/lib/svf.h"

struct grad_run {
	struct bed *b;
	json_t *row; /* of the cases file */
	struct policy_line *line;
	int lines, **ids; /* ids: what the lines borrow */
	struct zparam *zp;
	struct adaptation *ad;
	struct base_linear *ref;
	struct policy *policy;
	struct policy_setup setup;
	double loss, kl, norm, *grad, *logprob, *kl_line;
};

void grad_open(struct grad_run *r, struct bed *b, const struct factors *f, const char *name);
/* The batch alone, at a start of the caller's: scale, modules, KL weight. */
void grad_open_batch(struct grad_run *r, struct bed *b, const struct factors *f, const char *which,
		     const char *scale, const char *modules, double kl);
void grad_eval(struct grad_run *r, bool backward);
void grad_close(struct grad_run *r);

struct grad_tolerance {
	double gradient, cosine, loss, logprob,
		kl; /* relative to the matrix's largest; -; relative; absolute; absolute */
};

struct grad_measured {
	double gradient, cosine, loss, logprob, kl;
	int cases;
};

/* Every case of "T" or "S". */
void grad_check(struct bed *b, const struct factors *f, const char *which,
		const struct grad_tolerance *tol, struct grad_measured *worst);
/* Against the central differences of the goldens, relative to the matrix's largest component. */
void grad_check_differences(struct bed *b, const struct factors *f, const char *which, double tol);

#endif
