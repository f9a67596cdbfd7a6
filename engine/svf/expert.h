/* expert.h - an expert as a safetensors file: float32 MATRIX.z (effective z) or MATRIX.p (scale "reference").
 *
 *	expert_load(&e, path, model, factors, false, err);	// factors: needed for MATRIX.p only (its c needs sigma)
 *	adaptation_set(ad, slot, e->z, err);
 *	expert_free(e);
 *
 * Metadata: format "t2-expert", version "1", scale plain|reference; fingerprint, modules, task, method, created, accuracy
 * may be absent.  Without a fingerprint a file is accepted where names and shapes fit (e->note says so); another
 * fingerprint is T2_EMISMATCH unless transfer. */
#ifndef T2_EXPERT_H
#define T2_EXPERT_H

#include <stdbool.h>

#include "engine/base/status.h"
#include "engine/svf/zset.h"

struct model;
struct factors;

struct expert {
	char name[128], scale[16], modules[16], task[128], method[32], created[40], fingerprint[40], accuracy[32];
	struct zset *z;	   /* effective */
	float **p;	   /* [count] raw parameters when scale is reference, else NULL; entries NULL where not adapted */
	char note[256];	   /* "" or what the user should know */
};

enum t2_status expert_new(struct expert **out, const struct model *m, struct t2_err *err);
void expert_free(struct expert *e);
enum t2_status expert_load(struct expert **out, const char *path, const struct model *m, const struct factors *f,
			   bool transfer, struct t2_err *err);
/* Writes MATRIX.p where e->p, else MATRIX.z; with every metadata field that is not empty. */
enum t2_status expert_save(const struct expert *e, const char *path, const struct model *m, struct t2_err *err);

/* z = c * sigmoid(p) * max_mult with c = sum(sigma) / sum(sigma * sigmoid(p) * max_mult); max_mult 1. */
void reference_to_z(const float *p, const float *sigma, int r, float *z);
/* dL/dp from dL/dz, through m and through c. */
void reference_backward(const float *p, const float *sigma, int r, const double *dz, double *dp);

#endif
