#include "engine/model/kv.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model/forward.h"

#define ALIGN 64

enum t2_status
kv_new(struct kv **out, const struct model *m, int capacity, struct t2_err *err)
{
	const struct config *c = model_config(m);
	size_t row = (size_t)c->layers * (size_t)c->kv_heads * (size_t)c->head_dim * sizeof(float),
	       bytes;
	struct kv *kv;

	*out = NULL;
	if (capacity < 1)
		return t2_fail(err, T2_EINVAL,
			       "KV cache: capacity %d: at least one position is needed", capacity);
	if (row > SIZE_MAX / 4 / (size_t)capacity)
		return t2_nomem(err, "KV cache");
	bytes = (row * (size_t)capacity + ALIGN - 1) / ALIGN * ALIGN;
	kv = calloc(1, sizeof *kv);
	if (!kv)
		return t2_nomem(err, "KV cache");
	*kv = (struct kv){.layers = c->layers,
			  .kv_heads = c->kv_heads,
			  .head_dim = c->head_dim,
			  .capacity = capacity};
	kv->keys = aligned_alloc(ALIGN, bytes);
	kv->values = aligned_alloc(ALIGN, bytes);
	if (!kv->keys || !kv->values) {
		kv_free(kv);
		return t2_nomem(err, "KV cache");
	}
	*out = kv;
	return T2_OK;
}

size_t
kv_bytes(const struct model *m, int capacity)
{
	const struct config *c = model_config(m);

	return 2 * sizeof(float) * (size_t)c->layers * (size_t)c->kv_heads * (size_t)c->head_dim *
	       (size_t)capacity;
}

void
kv_free(struct kv *kv)
{
	if (!kv)
		return;
	free(kv->keys);
	free(kv->values);
	free(kv);
}

int
kv_len(const struct kv *kv)
{
	return kv->len;
}

int
kv_capacity(const struct kv *kv)
{
	return kv->capacity;
}

void
kv_truncate(struct kv *kv, int len)
{
	if (len >= 0 && len < kv->len)
		kv->len = len;
}

enum t2_status
kv_copy(struct kv *dst, const struct kv *src, int len, struct t2_err *err)
{
	size_t bytes = (size_t)(len > 0 ? len : 0) * (size_t)src->head_dim * sizeof(float);

	if (dst->layers != src->layers || dst->kv_heads != src->kv_heads ||
	    dst->head_dim != src->head_dim)
		return t2_fail(err, T2_EMISMATCH,
			       "KV cache: copy between caches of different models");
	if (len < 0 || len > src->len || len > dst->capacity)
		return t2_fail(err, T2_EINVAL,
			       "KV cache: copy of %d positions: source holds %d, room for %d", len,
			       src->len, dst->capacity);
	if (dst == src) {
		dst->len = len;
		return T2_OK;
	}
	for (int l = 0; l < src->layers; l++)
		for (int h = 0; h < src->kv_heads; h++) {
			memcpy(dst->keys + kv_at(dst, l, h, 0), src->keys + kv_at(src, l, h, 0),
			       bytes);
			memcpy(dst->values + kv_at(dst, l, h, 0), src->values + kv_at(src, l, h, 0),
			       bytes);
		}
	dst->len = len;
	return T2_OK;
}
