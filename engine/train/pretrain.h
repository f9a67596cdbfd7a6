/* pretrain.h - a small model from nothing: gradients of every weight, and AdamW.
 *
 *	pretrain_new(&p, &config, &settings, pool, err);	// weights drawn from the seed
 *	while (pretrain_done(p) < settings.steps) {
 *		pretrain_gradient(p, &batch, &loss, err);
 *		pretrain_update(p, &norm, err);
 *	}
 *	pretrain_write(p, "model.safetensors", err);
 *	pretrain_free(p);
 *
 * The sample model is made with this; the training of experts never needs a weight's gradient.  Float32 weights, tied
 * head, no biases.  The same settings and batches give the same bits for any number of threads.  One thread at a time. */
#ifndef T2_PRETRAIN_H
#define T2_PRETRAIN_H

#include <stdint.h>

#include "engine/base/pool.h"
#include "engine/base/status.h"
#include "engine/model/config.h"
#include "engine/model/model.h"

struct pretrain_settings {
	uint64_t seed;
	int steps, warmup; /* the rate rises linearly, then falls as a cosine ... */
	double lr, floor;  /* ... from lr to floor * lr */
	double beta1, beta2, eps;
	double decay; /* of matrices and embedding, not of norms */
	double clip;  /* of the gradient's global norm */
};

/* Sequences one after another; the token after ids[t] is target[t], and weight[t] is how much it counts. */
struct pretrain_batch {
	int count;
	const int *len;
	const int *ids, *target;
	const float *weight;
};

/* Means of -log p(target): by weight (what is minimised), over all tokens, and over those of weight 1 or more. */
struct pretrain_loss {
	double weighted, all, full;
	int tokens;
};

struct pretrain_tensor {
	const char *name; /* Hugging Face's */
	int rows, cols;	  /* rows 1: a vector */
	float *w, *g;	  /* [rows][cols] weight, and gradient of the last batch */
};

struct pretrain;

struct pretrain_settings pretrain_defaults(void); /* those that the sample model was made with */

enum t2_status pretrain_new(struct pretrain **out, const struct config *c,
			    const struct pretrain_settings *s, struct pool *pool,
			    struct t2_err *err);
void pretrain_free(struct pretrain *p);
/* Reads the weights as they are now: not during an update. */
const struct model *pretrain_model(const struct pretrain *p);
int pretrain_tensors(const struct pretrain *p);
struct pretrain_tensor pretrain_tensor(const struct pretrain *p, int i);

int pretrain_done(const struct pretrain *p);	/* updates so far */
double pretrain_rate(const struct pretrain *p); /* learning rate of the next update */
enum t2_status pretrain_gradient(struct pretrain *p, const struct pretrain_batch *b,
				 struct pretrain_loss *out, struct t2_err *err);
/* *norm: of the gradient before the clip; may be NULL.  T2_ENUM when it is not finite; nothing has changed then. */
enum t2_status pretrain_update(struct pretrain *p, double *norm, struct t2_err *err);

/* Weights, moments and step: continues exactly where it was.  T2_EMISMATCH for other shapes or settings. */
enum t2_status pretrain_save(const struct pretrain *p, const char *path, struct t2_err *err);
enum t2_status pretrain_load(struct pretrain *p, const char *path, struct t2_err *err);
/* The weights alone, as a checkpoint. */
enum t2_status pretrain_write(const struct pretrain *p, const char *path, struct t2_err *err);

#endif
