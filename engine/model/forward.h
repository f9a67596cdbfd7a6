/* forward.h - running a model: KV caches, and one pass over the new tokens of many sequences at once.
 *
 *	kv_new(&kv, model, 512, err);
 *	forward_new(&f, model, pool, err);
 *	struct segment s = { .kv = kv, .ids = ids, .n = n, .slot = 0, .want = WANT_LAST };
 *	forward_run(f, op, &s, 1, logits, err);		// logits[vocab]
 *
 * A segment appends n tokens to its sequence (positions kv_len .. kv_len + n - 1); attention never crosses segments.
 * Rows of different segments may carry different slots (scale vectors): they share every product.  One forward object
 * serves one thread at a time; several may share a model. */
#ifndef T2_FORWARD_H
#define T2_FORWARD_H

#include "engine/base/pool.h"
#include "engine/base/status.h"
#include "engine/model/linear.h"
#include "engine/model/model.h"

struct kv; /* one sequence's keys and values, float32, in pages that come as it grows and that others may share */

enum t2_status kv_new(struct kv **out, const struct model *m, int capacity, struct t2_err *err);
size_t kv_bytes(const struct model *m, int capacity); /* what one takes at most */
void kv_free(struct kv *kv);
int kv_len(const struct kv *kv);
int kv_capacity(const struct kv *kv);
int kv_shared(const struct kv *kv);	  /* positions held together with other caches */
void kv_truncate(struct kv *kv, int len); /* len <= kv_len(): forget the rest */
/* dst becomes a copy of src's first len positions (same model, capacity permitting): a shared prompt is computed once and
 * held once, but for its last positions (fewer than 32).  Either may go on, be truncated or freed without the other. */
enum t2_status kv_copy(struct kv *dst, const struct kv *src, int len, struct t2_err *err);

enum want { WANT_NONE, WANT_LAST, WANT_ALL };

struct segment {
	struct kv *kv;
	const int *ids;
	int n, slot;
	enum want want; /* of which of its positions logits are returned */
};

struct forward;

enum t2_status forward_new(struct forward **out, const struct model *m, struct pool *pool,
			   struct t2_err *err);
void forward_free(struct forward *f);
/* About what its scratch comes to when caches hold up to keys positions. */
size_t forward_bytes(const struct model *m, int threads, int keys);
/* logits[wanted rows][vocab], in segment order; may be NULL when nothing is wanted.  Token ids are checked; a segment
 * that does not fit its cache is T2_EINVAL; after any error no cache has changed. */
enum t2_status forward_run(struct forward *f, const struct linear *op, const struct segment *seg,
			   int count, float *logits, struct t2_err *err);

#endif
