/* adaptation.h - a session's own W' = U diag(sigma * z) V^T in the form that suits the work.
 *
 *	adaptation_new(&a, model, factors, pool, slots, FORM_AUTO, err);
 *	adaptation_set(a, 0, zset, err);		// slot 0 runs under this expert; NULL: the base model
 *	forward_run(f, adaptation_op(a), ...);
 *	adaptation_free(a);
 *
 * Forms of a layer with rows X, s = sigma * z:
 *	base		Y = X W^T			where z is all ones or absent
 *	dense		W' built once; Y = X W'^T	many rows under one s
 *	factored	Y = ((X V) * s) U^T		few rows, or every row with its own s; gradients
 *	delta		Y = X W^T + (X V_K * (s - sigma)_K) U_K^T	K components whose change matters (all with z != 1)
 * All agree to float32 rounding.  Auto takes the cheapest by the cost model in adaptation_apply.c; a forced form holds where
 * z is present and not all ones, and base ignores every z.  Sharing: the factors and the model, which must outlive it;
 * owned: scale vectors and dense copies, these as far as the pool's memory and the machine's have room.  One adaptation serves one thread at a time.  What auto takes depends on the rows seen
 * since adaptation_set(): work that must repeat to the bit begins with one. */
#ifndef T2_ADAPTATION_H
#define T2_ADAPTATION_H

#include "engine/base/pool.h"
#include "engine/model/linear.h"
#include "engine/svf/factors.h"
#include "engine/svf/zset.h"

enum form { FORM_AUTO, FORM_BASE, FORM_DENSE, FORM_FACTORED, FORM_DELTA };

const char *form_name(enum form f);
bool form_parse(const char *name, enum form *out);

struct adaptation;

/* f may be NULL: then every slot is the base model. */
enum t2_status adaptation_new(struct adaptation **out, const struct model *m,
			      const struct factors *f, struct pool *pool, int slots, enum form form,
			      struct t2_err *err);
void adaptation_free(struct adaptation *a);
/* z is copied.  T2_ENOTFOUND when a matrix that z changes is not decomposed yet (names decompose); on failure the slot
 * is the base model. */
enum t2_status adaptation_set(struct adaptation *a, int slot, const struct zset *z,
			      struct t2_err *err);
void adaptation_form(struct adaptation *a, enum form form);
/* forward reads slot[row] in 0 .. slots - 1. */
const struct linear *adaptation_op(const struct adaptation *a);
/* The form in which rows of one slot would run now: a dense copy is built only once its rows are worth it. */
enum form adaptation_choice(const struct adaptation *a, int slot, int mat, int rows);

/* Gradients with respect to s = sigma * z of slot 0, accumulated by the op's backward in double, fixed order:
 * dL/ds_i = sum over rows A[row][i] B[row][i], A = X V, B = G U.  begin zeroes them; modules NULL: none from here on.
 * A matrix in modules without a z of its own counts as z = 1 and needs its factors (T2_ENOTFOUND). */
enum t2_status adaptation_grad_begin(struct adaptation *a, const char *modules, struct t2_err *err);
const double *adaptation_grad_s(const struct adaptation *a,
				int mat); /* [rank]; NULL: not in modules */

/* What products X V of a forward may take until its backward needs them, ADAPTATION_HELD unless set; those beyond are
 * computed twice.  (With what a tape keeps by default a step of 4 x 256 tokens on 135 million parameters stays below 1 GB.) */
#define ADAPTATION_HELD ((size_t)180 << 20)
void adaptation_memory(struct adaptation *a, size_t bytes);

/* What scale vectors of so many slots and their scratch come to; T2_ENOMEM from adaptation_new() where there is no room. */
size_t adaptation_bytes(const struct model *m, int slots);

/* What dense copies of so many slots may take: 1 GiB, or one whole model's worth where that is more, but no more than half of
 * what the machine's memory leaves beside weights and factors.  0: not even one model's worth fits there, so that experts
 * run on the mapped files alone (factored, or delta with at most 1 GiB of gathered columns). */
size_t adaptation_dense_bytes(const struct model *m, int slots);
/* The rule alone: whole, what one model's copies take; mapped, weights and factors. */
size_t adaptation_dense_limit(size_t whole, size_t mapped, size_t machine);

/* Of these, what gradients of every z of one slot come to: of matrices whose products X V of so many rows held has no room for,
 * since these run forward in the form that auto takes. */
size_t adaptation_grad_dense(const struct model *m, long rows, size_t held);

/* Dense copies and gathered columns may take so much, which is taken of the pool's memory now (no more of it than they could
 * come to): what room others find no longer depends on which have been built.  Called once, before the first product. */
void adaptation_reserve(struct adaptation *a, size_t bytes);

/* W' of one matrix, float32 [m][n]. */
enum t2_status adaptation_weight(const struct adaptation *a, int slot, int mat, float *out,
				 struct t2_err *err);

#endif
