#include "engine/model/kv.h"

#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model/forward.h"

/* Before a page's numbers. */
struct page {
	alignas(64) _Atomic int users;
	alignas(64) float numbers[];
};

static struct page *
page_of(float *numbers)
{
	return (struct page *)(void *)((char *)numbers - offsetof(struct page, numbers));
}

static size_t
page_floats(const struct kv *kv)
{
	return kv_keys(kv, kv->layers, 0);
}

static int
pages_of(int positions)
{
	return positions / KV_PAGE + (positions % KV_PAGE != 0);
}

static float *
page_new(const struct kv *kv, struct t2_err *err)
{
	size_t unit = alignof(struct page),
	       bytes = sizeof(struct page) + page_floats(kv) * sizeof(float);
	struct page *p = aligned_alloc(unit, (bytes + unit - 1) / unit * unit);

	if (!p) {
		t2_nomem(err, "KV cache");
		return NULL;
	}
	atomic_init(&p->users, 1);
	return p->numbers;
}

static void
page_leave(float **at)
{
	struct page *p = *at ? page_of(*at) : NULL;

	*at = NULL;
	if (p && atomic_fetch_sub(&p->users, 1) == 1)
		free(p);
}

static bool
page_shared(float *numbers)
{
	return atomic_load(&page_of(numbers)->users) > 1;
}

/* Its first n positions. */
static void
page_copy(const struct kv *kv, float *dst, const float *src, int n)
{
	size_t head = KV_PAGE * (size_t)kv->head_dim,
	       bytes = (size_t)n * (size_t)kv->head_dim * sizeof *dst;

	for (size_t at = 0; at < page_floats(kv); at += head)
		memcpy(dst + at, src + at, bytes);
}

enum t2_status
kv_new(struct kv **out, const struct model *m, int capacity, struct t2_err *err)
{
	const struct config *c = model_config(m);
	size_t row = (size_t)c->layers * (size_t)c->kv_heads * (size_t)c->head_dim * sizeof(float);
	struct kv *kv;

	*out = NULL;
	if (capacity < 1)
		return t2_fail(err, T2_EINVAL,
			       "KV cache: capacity %d: at least one position is needed", capacity);
	if (row > SIZE_MAX / 4 / KV_PAGE || capacity > INT32_MAX - KV_PAGE)
		return t2_nomem(err, "KV cache");
	kv = calloc(1, sizeof *kv);
	if (!kv)
		return t2_nomem(err, "KV cache");
	*kv = (struct kv){.layers = c->layers,
			  .kv_heads = c->kv_heads,
			  .head_dim = c->head_dim,
			  .capacity = capacity};
	kv->page = calloc((size_t)pages_of(capacity), sizeof *kv->page);
	if (!kv->page) {
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
	       (size_t)pages_of(capacity) * KV_PAGE;
}

void
kv_free(struct kv *kv)
{
	if (!kv)
		return;
	for (int i = 0; kv->page && i < pages_of(kv->capacity); i++)
		page_leave(&kv->page[i]);
	free(kv->page);
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

int
kv_shared(const struct kv *kv)
{
	int n = 0;

	for (int i = 0; i < pages_of(kv->len); i++)
		if (page_shared(kv->page[i]))
			n += i < kv->len / KV_PAGE ? KV_PAGE : kv->len % KV_PAGE;
	return n;
}

/* Pages of its own stay for what comes next. */
void
kv_truncate(struct kv *kv, int len)
{
	if (len < 0 || len >= kv->len)
		return;
	for (int i = pages_of(len); i < pages_of(kv->len); i++)
		if (page_shared(kv->page[i]))
			page_leave(&kv->page[i]);
	kv->len = len;
}

/* The page may be written into from its position held on. */
static enum t2_status
page_own(const struct kv *kv, float **at, int held, struct t2_err *err)
{
	float *had = *at, *page;

	if (had && !page_shared(had))
		return T2_OK;
	page = page_new(kv, err);
	if (!page)
		return T2_ENOMEM;
	if (had)
		page_copy(kv, page, had, held);
	page_leave(at);
	*at = page;
	return T2_OK;
}

enum t2_status
kv_reserve(struct kv *kv, int n, struct t2_err *err)
{
	enum t2_status st = T2_OK;

	for (int i = kv->len / KV_PAGE; i < pages_of(kv->len + n) && !st; i++)
		st = page_own(kv, &kv->page[i], i == kv->len / KV_PAGE ? kv->len % KV_PAGE : 0,
			      err);
	return st;
}

void
kv_gather(const struct kv *kv, int layer, int head, int keys, float *k, float *v)
{
	size_t d = (size_t)kv->head_dim;

	for (int i = 0; i < keys; i += KV_PAGE) {
		const float *page = kv->page[i / KV_PAGE];
		size_t n = (size_t)(keys - i < KV_PAGE ? keys - i : KV_PAGE) * d;

		memcpy(k + (size_t)i * d, page + kv_keys(kv, layer, head), n * sizeof *k);
		memcpy(v + (size_t)i * d, page + kv_values(kv, layer, head), n * sizeof *v);
	}
}

enum t2_status
kv_copy(struct kv *dst, const struct kv *src, int len, struct t2_err *err)
{
	int whole = len / KV_PAGE;
	enum t2_status st = T2_OK;

	if (dst->layers != src->layers || dst->kv_heads != src->kv_heads ||
	    dst->head_dim != src->head_dim)
		return t2_fail(err, T2_EMISMATCH,
			       "KV cache: copy between caches of different models");
	if (len < 0 || len > src->len || len > dst->capacity)
		return t2_fail(err, T2_EINVAL,
			       "KV cache: copy of %d positions: source holds %d, room for %d", len,
			       src->len, dst->capacity);
	if (dst == src) {
		kv_truncate(dst, len);
		return T2_OK;
	}
	kv_truncate(dst, 0);
	for (int i = 0; i < whole; i++) {
		if (dst->page[i] == src->page[i])
			continue;
		page_leave(&dst->page[i]);
		dst->page[i] = src->page[i];
		atomic_fetch_add(&page_of(src->page[i])->users, 1);
	}
	if (len % KV_PAGE) {
		st = page_own(dst, &dst->page[whole], 0, err);
		if (!st)
			page_copy(dst, dst->page[whole], src->page[whole], len % KV_PAGE);
	}
	if (!st)
		dst->len = len;
	return st;
}
