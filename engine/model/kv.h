/* kv.h - inside a KV cache (its calls are in forward.h).
 *
 *	kv_reserve(kv, n, err);					// the next n positions have pages of their own
 *	float *k = kv->page[pos / KV_PAGE] + kv_keys(kv, layer, head) + pos % KV_PAGE * kv->head_dim;
 *
 * A page holds KV_PAGE positions of every layer and head; in it a head's keys lie together, [KV_PAGE][head_dim], so that
 * its scores are one product with a packed matrix; values the same.  Caches that begin alike share pages: such a page is
 * read only, and copied by who wants to write into it. */
#ifndef T2_KV_H
#define T2_KV_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/status.h"

#define KV_PAGE 32

struct kv {
	int layers, kv_heads, head_dim, capacity, len;
	bool marked;  /* forward_run(): already in this call */
	float **page; /* [capacity / KV_PAGE, rounded up]; NULL: none yet */
};

/* In a page: where the head's keys begin, and its values. */
static inline size_t
kv_keys(const struct kv *kv, int layer, int head)
{
	return ((size_t)layer * (size_t)kv->kv_heads + (size_t)head) * 2 * KV_PAGE *
	       (size_t)kv->head_dim;
}

static inline size_t
kv_values(const struct kv *kv, int layer, int head)
{
	return kv_keys(kv, layer, head) + KV_PAGE * (size_t)kv->head_dim;
}

enum t2_status kv_reserve(struct kv *kv, int n, struct t2_err *err);
/* The first keys positions of a head one after another, [keys][head_dim] each. */
void kv_gather(const struct kv *kv, int layer, int head, int keys, float *k, float *v);

#endif
