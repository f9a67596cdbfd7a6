/* zparam.h - what training moves: the scale vectors of some matrices as one vector of parameters.
 *
 *	zparam_new(&zp, model, factors, "plain", "mlp", err);	// starts at the base model
 *	zparam_start(zp, expert, err);				// or at an expert
 *	adaptation_set(ad, 0, zparam_zset(zp), err);
 *	... forward, backward ...
 *	zparam_grad(zp, ad, grad);				// [zp->n]
 *	adam_step(adam, &o, zp->v, grad, &norm, err);
 *	zparam_changed(zp);					// v has moved: z again
 *	zparam_free(zp);
 *
 * Scale plain: v is z.  Scale reference: v is p of z = c * sigmoid(p) (expert.h).  v is double: the steps of Adam are small
 * beside it; z is float32.  Order: model_matrix(), the matrices in modules, one after another. */
#ifndef T2_ZPARAM_H
#define T2_ZPARAM_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/svf/adaptation.h"
#include "engine/svf/expert.h"

struct zparam {
	const struct model *model;
	const struct factors *factors;
	bool reference;
	char modules[16];
	int count; /* matrices */
	int *mat;  /* [count] */
	long *at;  /* [count + 1] where each begins in v */
	long n;	   /* numbers in v */
	double *v; /* [n] */
	struct zset
		*z; /* of every matrix: the trained ones from v, the others as the start had them */
};

/* T2_ENOTFOUND when a matrix of modules is not decomposed yet. */
enum t2_status zparam_new(struct zparam **out, const struct model *m, const struct factors *f,
			  const char *scale, const char *modules, struct t2_err *err);
void zparam_free(struct zparam *zp);
/* Starts at an expert.  Scale plain takes any expert; matrices outside modules keep its z, unchanged.  Scale reference needs
 * raw parameters of an expert that adapts nothing outside modules (T2_EINVAL). */
enum t2_status zparam_start(struct zparam *zp, const struct expert *e, struct t2_err *err);
/* The same from effective vectors; scale plain only. */
enum t2_status zparam_start_zset(struct zparam *zp, const struct zset *z, struct t2_err *err);
/* The authors' start of scale reference: p = 0.1 + 0.01 N(0, 1), rounded to float32.  Plain: as after zparam_new(). */
void zparam_start_random(struct zparam *zp, uint64_t seed);

void zparam_changed(struct zparam *zp);
const struct zset *zparam_zset(const struct zparam *zp);
/* dL/dv from what the adaptation summed for slot 0 since adaptation_grad_begin(a, zp->modules). */
void zparam_grad(const struct zparam *zp, const struct adaptation *a, double *grad);
/* The current point as an expert: scale, modules and vectors are set, the rest is the caller's. */
enum t2_status zparam_expert(const struct zparam *zp, struct expert **out, struct t2_err *err);

#endif
