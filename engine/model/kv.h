/* kv.h - inside a KV cache (its calls are in forward.h).
 *
 * Per layer and kv head the keys of all positions lie together, [capacity][head_dim], so that one head's scores are one
 * product with a packed matrix; values the same. */
#ifndef T2_KV_H
#define T2_KV_H

#include <stdbool.h>
#include <stddef.h>

struct kv {
	int layers, kv_heads, head_dim, capacity, len;
	bool marked;	      /* forward_run(): already in this call */
	float *keys, *values; /* [layers][kv_heads][capacity][head_dim] */
};

static inline size_t
kv_at(const struct kv *kv, int layer, int head, int pos)
{
	return (((size_t)layer * (size_t)kv->kv_heads + (size_t)head) * (size_t)kv->capacity +
		(size_t)pos) *
	       (size_t)kv->head_dim;
}

#endif
