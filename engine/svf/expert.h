/* expert.h - an expert as a safetensors file: float32 MATRIX.z (effective z) or MATRIX.p (scale "reference").
 *
 *	expert_load(&e, path, model, factors, false, err);	// factors: needed for MATRIX.p only (its c needs sigma)
 *	adaptation_set(ad, slot, e->z, err);
 *	expert_free(e);
 *
 * Metadata: format "t2-expert", version "1", scale plain|reference; fingerprint, modules, name, task, method, created,
 * accuracy may be absent.  Without a fingerprint a file is accepted where names and shapes fit (e->note says so); another
 * fingerprint is T2_EMISMATCH unless transfer (then e->note says so). */
#ifndef T2_EXPERT_H
#define T2_EXPERT_H

#include <stdbool.h>

#include "engine/base/status.h"
#include "engine/svf/zset.h"

struct model;
struct factors;

struct expert {
	char name[128], scale[16], modules[16], task[128], method[32], created[40], fingerprint[40],
		accuracy[32];
	struct zset *z; /* effective */
	float **p; /* [z->count] raw parameters when scale is reference, else NULL; entries NULL where not adapted */
	char note[256]; /* "" or what the user should know */
};

/* Empty: scale plain, the model's fingerprint, no vector. */
enum t2_status expert_new(struct expert **out, const struct model *m, struct t2_err *err);
void expert_free(struct expert *e);
struct zset *
expert_take_z(struct expert *e); /* frees all but its effective z, which is the caller's now */
enum t2_status expert_load(struct expert **out, const char *path, const struct model *m,
			   const struct factors *f, bool transfer, struct t2_err *err);
/* The raw parameters of one matrix (copied), and with them its effective z.  Makes scale "reference". */
enum t2_status expert_set_p(struct expert *e, const struct factors *f, const struct model *m,
			    int mat, const float *p, struct t2_err *err);
/* Writes MATRIX.p where e->p, else MATRIX.z; with every metadata field that is not empty. */
enum t2_status expert_save(const struct expert *e, const char *path, const struct model *m,
			   struct t2_err *err);

/* The scale "reference": z = c * m, m = sigmoid(p), c = sum(sigma) / sum(sigma * m) (the authors' max_mult is 1). */
void reference_to_z(const double *p, const double *sigma, int r, double *z);
double reference_c(const double *p, const double *sigma, int r);
/* dL/dp from dL/dz, through m and through c; dp may be dz. */
void reference_backward(const double *p, const double *sigma, int r, const double *dz, double *dp);
/* The authors' own way to mix (only in the preset "reference"): raw p mixed, the mixture taken as m itself, without sigmoid.
 * alpha as in zset_mix().  T2_EINVAL when an expert has no p, T2_ENUM when a mixture has no sum to divide by. */
enum t2_status reference_mix(struct zset *dst, const struct expert *const *list,
			     const double *alpha, int k, bool per_matrix, const struct factors *f,
			     const struct model *m, struct t2_err *err);

#endif
