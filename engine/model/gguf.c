/* The file: magic, version, counts, metadata, tensor descriptions, padding, tensor data.  (ggml's docs/gguf.md.) */
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/mapfile.h"
#include "engine/model/checkpoint.h"
#include "engine/model/gguf.h"

enum {
	KEY_MAX = 65535, /* the format's own limit */
	NAME_MAX_LEN = 1023,
	ARRAY_DEPTH = 4, /* arrays in arrays */
	ALIGN_MAX = 1 << 20,
	KEY_SHOWN = 120,       /* bytes of a foreign name in a message */
	VALUE_MIN = 8 + 4 + 1, /* bytes of the shortest metadata entry: key length, type, value */
	TENSOR_MIN = 8 + 1 + 4 + 8 + 4 + 8, /* and of the shortest tensor description */
};

enum value_type {
	V_U8,
	V_I8,
	V_U16,
	V_I16,
	V_U32,
	V_I32,
	V_F32,
	V_BOOL,
	V_STRING,
	V_ARRAY,
	V_U64,
	V_I64,
	V_F64,
	V_TYPES
};

static const uint8_t value_size[V_TYPES] = {
	[V_U8] = 1,  [V_I8] = 1,   [V_U16] = 2, [V_I16] = 2, [V_U32] = 4, [V_I32] = 4,
	[V_F32] = 4, [V_BOOL] = 1, [V_U64] = 8, [V_I64] = 8, [V_F64] = 8,
};

/* ggml's numbers. Types that we cannot read are here for their names and sizes. */
static const struct {
	const char *name;
	enum dtype type;
	int block, bytes;
} kinds[] = {
	[0] = {"F32", T2_F32, 1, 4},
	[1] = {"F16", T2_F16, 1, 2},
	[2] = {"Q4_0", T2_Q4_0, 32, 18},
	[3] = {"Q4_1", T2_Q4_1, 32, 20},
	[6] = {"Q5_0", T2_Q5_0, 32, 22},
	[7] = {"Q5_1", T2_Q5_1, 32, 24},
	[8] = {"Q8_0", T2_Q8_0, 32, 34},
	[10] = {"Q2_K", T2_DTYPES, 256, 84},
	[11] = {"Q3_K", T2_DTYPES, 256, 110},
	[12] = {"Q4_K", T2_Q4_K, 256, 144},
	[13] = {"Q5_K", T2_Q5_K, 256, 176},
	[14] = {"Q6_K", T2_Q6_K, 256, 210},
	[16] = {"IQ2_XXS", T2_DTYPES, 256, 66},
	[17] = {"IQ2_XS", T2_DTYPES, 256, 74},
	[18] = {"IQ3_XXS", T2_DTYPES, 256, 98},
	[19] = {"IQ1_S", T2_DTYPES, 256, 50},
	[20] = {"IQ4_NL", T2_DTYPES, 32, 18},
	[21] = {"IQ3_S", T2_DTYPES, 256, 110},
	[22] = {"IQ2_S", T2_DTYPES, 256, 82},
	[23] = {"IQ4_XS", T2_DTYPES, 256, 136},
	[24] = {"I8", T2_DTYPES, 1, 1},
	[25] = {"I16", T2_DTYPES, 1, 2},
	[26] = {"I32", T2_DTYPES, 1, 4},
	[27] = {"I64", T2_DTYPES, 1, 8},
	[28] = {"F64", T2_DTYPES, 1, 8},
	[29] = {"IQ1_M", T2_DTYPES, 256, 56},
	[30] = {"BF16", T2_BF16, 1, 2},
	[34] = {"TQ1_0", T2_DTYPES, 256, 54},
	[35] = {"TQ2_0", T2_DTYPES, 256, 66},
	[39] = {"MXFP4", T2_DTYPES, 32, 17},
	[40] = {"NVFP4", T2_DTYPES, 64, 36},
	[41] = {"Q1_0", T2_DTYPES, 128, 18},
};

struct value {
	struct gguf_str key;
	uint32_t type, elem; /* elem: an array's */
	uint64_t count;	     /* an array's elements, a string's bytes */
	const uint8_t *data; /* the value itself, or the first element, or the string's bytes */
};

struct entry {
	char *name;
	uint32_t kind;
	int ndim;
	int64_t shape[4]; /* row-major */
	uint64_t offset;
	size_t bytes;
};

struct gguf {
	struct mapfile map; /* empty for borrowed bytes */
	const uint8_t *file;
	size_t size, header; /* header: where the data begins */
	char *where;
	uint64_t align;
	struct value *values; /* sorted by key */
	int value_count;
	struct entry *entries; /* in file order */
	int entry_count;
};

/* Reading forward; every take_*() is false, and takes nothing, where too few bytes are left. */
struct cursor {
	const uint8_t *start, *p, *end;
};

static size_t
left(const struct cursor *c)
{
	return (size_t)(c->end - c->p);
}

static bool
take(struct cursor *c, void *out, size_t n)
{
	if (left(c) < n)
		return false;
	memcpy(out, c->p, n);
	c->p += n;
	return true;
}

static bool
take_string(struct cursor *c, struct gguf_str *out)
{
	struct cursor at = *c;
	uint64_t n;

	if (!take(&at, &n, sizeof n) || n > left(&at))
		return false;
	out->s = (const char *)at.p;
	out->len = (size_t)n;
	at.p += n;
	*c = at;
	return true;
}

static enum t2_status
cut(const struct gguf *g, const struct cursor *c, const char *what, struct t2_err *err)
{
	return t2_fail(err, T2_EFORMAT,
		       "%s: byte %zu: %s is cut short or damaged: get the file again", g->where,
		       (size_t)(c->p - c->start), what);
}

/* Passes over an array's elements, so that later readers need no checks. */
static enum t2_status
skip_array(const struct gguf *g, struct cursor *c, struct value *v, int depth, struct t2_err *err)
{
	struct value inner;
	struct gguf_str s;
	enum t2_status st = T2_OK;

	if (depth > ARRAY_DEPTH)
		return t2_fail(err, T2_EUNSUP, "%s: byte %zu: arrays nested more than %d deep",
			       g->where, (size_t)(c->p - c->start), ARRAY_DEPTH);
	if (!take(c, &v->elem, 4) || v->elem >= V_TYPES || !take(c, &v->count, 8))
		return cut(g, c, "an array", err);
	v->data = c->p;
	if (value_size[v->elem]) {
		if (v->count > left(c) / value_size[v->elem])
			return cut(g, c, "an array", err);
		c->p += v->count * value_size[v->elem];
		return T2_OK;
	}
	/* Each element takes at least eight bytes of the file: this ends. */
	for (uint64_t i = 0; i < v->count && !st; i++)
		if (v->elem == V_ARRAY)
			st = skip_array(g, c, &inner, depth + 1, err);
		else if (!take_string(c, &s))
			st = cut(g, c, "a string in an array", err);
	return st;
}

static enum t2_status
read_value(const struct gguf *g, struct cursor *c, struct value *v, struct t2_err *err)
{
	struct gguf_str s;

	if (!take_string(c, &v->key) || v->key.len == 0 || v->key.len > KEY_MAX)
		return cut(g, c, "a metadata key", err);
	if (!take(c, &v->type, 4) || v->type >= V_TYPES)
		return cut(g, c, "a metadata type", err);
	switch (v->type) {
	case V_STRING:
		if (!take_string(c, &s))
			return cut(g, c, "a metadata string", err);
		v->data = (const uint8_t *)s.s;
		v->count = s.len;
		return T2_OK;
	case V_ARRAY:
		return skip_array(g, c, v, 1, err);
	default:
		if (left(c) < value_size[v->type])
			return cut(g, c, "a metadata value", err);
		v->data = c->p;
		c->p += value_size[v->type];
		return T2_OK;
	}
}

static int
order_str(const struct gguf_str *a, const struct gguf_str *b)
{
	int d = memcmp(a->s, b->s, a->len < b->len ? a->len : b->len);

	return d ? d : (a->len > b->len) - (a->len < b->len);
}

static int
order_value(const void *pa, const void *pb)
{
	const struct value *a = pa, *b = pb;

	return order_str(&a->key, &b->key);
}

static enum t2_status
read_values(struct gguf *g, struct cursor *c, struct t2_err *err)
{
	for (int i = 0; i < g->value_count; i++) {
		enum t2_status st = read_value(g, c, &g->values[i], err);

		if (st)
			return st;
	}
	qsort(g->values, (size_t)g->value_count, sizeof *g->values, order_value);
	for (int i = 1; i < g->value_count; i++)
		if (!order_value(&g->values[i - 1], &g->values[i]))
			return t2_fail(err, T2_EFORMAT, "%s: metadata key \"%.*s\" occurs twice",
				       g->where,
				       (int)(g->values[i].key.len < KEY_SHOWN ? g->values[i].key.len
									      : KEY_SHOWN),
				       g->values[i].key.s);
	return T2_OK;
}

static enum t2_status
bad(const struct gguf *g, const struct entry *e, const char *what, struct t2_err *err)
{
	return t2_fail(err, T2_EFORMAT, "%s: tensor \"%.*s\": %s", g->where, KEY_SHOWN, e->name,
		       what);
}

static enum t2_status
read_entry(const struct gguf *g, struct cursor *c, struct entry *e, struct t2_err *err)
{
	struct gguf_str name;
	uint32_t ndim;
	size_t blocks = 1;

	if (!take_string(c, &name) || name.len == 0 || name.len > NAME_MAX_LEN ||
	    memchr(name.s, 0, name.len))
		return cut(g, c, "a tensor's name", err);
	e->name = strndup(name.s, name.len);
	if (!e->name)
		return t2_nomem(err, g->where);
	if (!take(c, &ndim, 4) || ndim < 1 || ndim > 4)
		return bad(g, e, "its number of dimensions is not 1 .. 4", err);
	e->ndim = (int)ndim;
	for (int i = e->ndim - 1; i >= 0; i--)
		if (!take(c, &e->shape[i], 8) || e->shape[i] <= 0)
			return bad(g, e, "a size is cut short or not positive", err);
	if (!take(c, &e->kind, 4) || !take(c, &e->offset, 8))
		return cut(g, c, "a tensor's description", err);
	if (e->kind >= sizeof kinds / sizeof *kinds || !kinds[e->kind].name)
		return t2_fail(err, T2_EUNSUP,
			       "%s: tensor \"%.*s\" has the unknown type %" PRIu32
			       ": convert the model to F16, Q8_0 or Q4_K",
			       g->where, KEY_SHOWN, e->name, e->kind);
	if (e->shape[e->ndim - 1] % kinds[e->kind].block)
		return bad(g, e, "a row is not a whole number of blocks", err);
	blocks = (size_t)(e->shape[e->ndim - 1] / kinds[e->kind].block);
	for (int i = 0; i < e->ndim - 1; i++)
		if (__builtin_mul_overflow(blocks, (size_t)e->shape[i], &blocks))
			return bad(g, e, "its size overflows", err);
	if (__builtin_mul_overflow(blocks, (size_t)kinds[e->kind].bytes, &e->bytes))
		return bad(g, e, "its size overflows", err);
	return T2_OK;
}

static int
order_name(const void *pa, const void *pb)
{
	const struct entry *const *a = pa, *const *b = pb;

	return strcmp((*a)->name, (*b)->name);
}

static int
order_offset(const void *pa, const void *pb)
{
	const struct entry *const *a = pa, *const *b = pb;

	return ((*a)->offset > (*b)->offset) - ((*a)->offset < (*b)->offset);
}

static enum t2_status
check_entries(const struct gguf *g, struct t2_err *err)
{
	size_t region = g->size - g->header, n = (size_t)g->entry_count;
	const struct entry **sorted = calloc(n + 1, sizeof *sorted);
	enum t2_status st = T2_OK;

	if (!sorted)
		return t2_nomem(err, g->where);
	for (size_t i = 0; i < n && !st; i++) {
		const struct entry *e = sorted[i] = &g->entries[i];

		if (e->offset % g->align)
			st = bad(g, e, "its data is not aligned", err);
		else if (e->offset > region || e->bytes > region - e->offset)
			st = t2_fail(err, T2_EFORMAT,
				     "%s: tensor \"%.*s\": %zu bytes at %" PRIu64
				     " lie outside the %zu bytes of data: the file is cut short or "
				     "damaged, "
				     "get it again",
				     g->where, KEY_SHOWN, e->name, e->bytes, e->offset, region);
	}
	if (!st)
		qsort(sorted, n, sizeof *sorted, order_name);
	for (size_t i = 1; i < n && !st; i++)
		if (!order_name(&sorted[i - 1], &sorted[i]))
			st = bad(g, sorted[i], "occurs twice", err);
	if (!st)
		qsort(sorted, n, sizeof *sorted, order_offset);
	for (size_t i = 1; i < n && !st; i++)
		if (sorted[i]->offset - sorted[i - 1]->offset < sorted[i - 1]->bytes)
			st = bad(g, sorted[i], "overlaps another tensor", err);
	free(sorted);
	return st;
}

static enum t2_status
read_alignment(struct gguf *g, struct t2_err *err)
{
	uint32_t align = 32; /* the format's default */

	if (gguf_has(g, "general.alignment") && !gguf_u32(g, "general.alignment", &align))
		align = 0;
	if (align < 8 || align > ALIGN_MAX || (align & (align - 1)))
		return t2_fail(err, T2_EFORMAT,
			       "%s: general.alignment is not a power of two in 8 .. %d", g->where,
			       ALIGN_MAX);
	g->align = align;
	return T2_OK;
}

static enum t2_status
read_counts(struct gguf *g, struct cursor *c, struct t2_err *err)
{
	uint32_t version;
	uint64_t tensors, values;
	char magic[4];

	if (!take(c, magic, 4) || memcmp(magic, "GGUF", 4))
		return t2_fail(err, T2_EFORMAT, "%s: not a GGUF file", g->where);
	if (!take(c, &version, 4))
		return cut(g, c, "the version", err);
	if (version && !(version & 0xffff))
		return t2_fail(err, T2_EUNSUP,
			       "%s: a big-endian GGUF file: get the little-endian one", g->where);
	if (version != 2 && version != 3)
		return t2_fail(err, T2_EUNSUP,
			       "%s: GGUF version %" PRIu32 ": only 2 and 3 are read", g->where,
			       version);
	if (!take(c, &tensors, 8) || !take(c, &values, 8))
		return cut(g, c, "the header", err);
	if (values > left(c) / VALUE_MIN || tensors > left(c) / TENSOR_MIN || values > INT_MAX ||
	    tensors > INT_MAX)
		return t2_fail(err, T2_EFORMAT,
			       "%s: %" PRIu64 " tensors and %" PRIu64
			       " metadata entries cannot lie in %zu bytes",
			       g->where, tensors, values, g->size);
	g->values = calloc((size_t)values + 1, sizeof *g->values);
	g->entries = calloc((size_t)tensors + 1, sizeof *g->entries);
	if (!g->values || !g->entries)
		return t2_nomem(err, g->where);
	g->value_count = (int)values;
	g->entry_count = (int)tensors;
	return T2_OK;
}

static enum t2_status
read_all(struct gguf *g, struct t2_err *err)
{
	struct cursor c = {g->file, g->file, g->file + g->size};
	enum t2_status st = read_counts(g, &c, err);
	size_t at;

	if (!st)
		st = read_values(g, &c, err);
	if (!st)
		st = read_alignment(g, err);
	for (int i = 0; i < g->entry_count && !st; i++)
		st = read_entry(g, &c, &g->entries[i], err);
	if (st)
		return st;
	at = (size_t)(c.p - c.start);
	at += (g->align - at % g->align) % g->align;
	g->header = at < g->size ? at : g->size;
	return check_entries(g, err);
}

enum t2_status
gguf_from_bytes(struct gguf **out, const void *bytes, size_t n, const char *where,
		struct t2_err *err)
{
	struct gguf *g = calloc(1, sizeof *g);
	enum t2_status st;

	*out = NULL;
	if (!g)
		return t2_nomem(err, where);
	g->file = bytes;
	g->size = n;
	g->where = strdup(where);
	st = g->where ? read_all(g, err) : t2_nomem(err, where);
	if (st)
		gguf_free(g);
	else
		*out = g;
	return st;
}

enum t2_status
gguf_open(struct gguf **out, const char *path, struct t2_err *err)
{
	struct mapfile map;
	enum t2_status st;

	*out = NULL;
	st = mapfile_open(&map, path, err);
	if (st)
		return st;
	st = gguf_from_bytes(out, map.data, map.size, path, err);
	if (st)
		mapfile_close(&map);
	else
		(*out)->map = map;
	return st;
}

void
gguf_free(struct gguf *g)
{
	if (!g)
		return;
	for (int i = 0; i < g->entry_count; i++)
		free(g->entries[i].name);
	free(g->entries);
	free(g->values);
	free(g->where);
	mapfile_close(&g->map);
	free(g);
}

const char *
gguf_path(const struct gguf *g)
{
	return g->where;
}

const void *
gguf_file(const struct gguf *g, size_t *size, size_t *header)
{
	*size = g->size;
	*header = g->header;
	return g->file;
}

/* Metadata. */

static const struct value *
find(const struct gguf *g, const char *key)
{
	struct value want = {.key = {key, strlen(key)}};

	return bsearch(&want, g->values, (size_t)g->value_count, sizeof *g->values, order_value);
}

static const struct value *
find_array(const struct gguf *g, const char *key)
{
	const struct value *v = find(g, key);

	return v && v->type == V_ARRAY ? v : NULL;
}

/* An integer or bool of this type at p, if that is what it is. The unsigned 64-bit ones beyond INT64_MAX are not. */
static bool
integer_at(uint32_t type, const uint8_t *p, int64_t *out)
{
	uint16_t u16;
	uint32_t u32;
	int16_t i16;
	int32_t i32;

	switch (type) {
	case V_U8:
	case V_BOOL:
		*out = *p;
		return true;
	case V_I8:
		*out = (int8_t)*p;
		return true;
	case V_U16:
		memcpy(&u16, p, 2);
		*out = u16;
		return true;
	case V_I16:
		memcpy(&i16, p, 2);
		*out = i16;
		return true;
	case V_U32:
		memcpy(&u32, p, 4);
		*out = u32;
		return true;
	case V_I32:
		memcpy(&i32, p, 4);
		*out = i32;
		return true;
	case V_U64:
	case V_I64:
		memcpy(out, p, 8);
		return type == V_I64 || *out >= 0;
	default:
		return false;
	}
}

static bool
float_at(uint32_t type, const uint8_t *p, float *out)
{
	double d;

	if (type == V_F32)
		memcpy(out, p, 4);
	if (type == V_F64) {
		memcpy(&d, p, 8);
		*out = (float)d;
	}
	return type == V_F32 || type == V_F64;
}

bool
gguf_has(const struct gguf *g, const char *key)
{
	return find(g, key) != NULL;
}

bool
gguf_u32(const struct gguf *g, const char *key, uint32_t *out)
{
	const struct value *v = find(g, key);
	int64_t x;

	if (!v || v->type == V_BOOL || !integer_at(v->type, v->data, &x) || x < 0 || x > UINT32_MAX)
		return false;
	*out = (uint32_t)x;
	return true;
}

bool
gguf_f32(const struct gguf *g, const char *key, float *out)
{
	const struct value *v = find(g, key);

	return v && float_at(v->type, v->data, out);
}

bool
gguf_bool(const struct gguf *g, const char *key, bool *out)
{
	const struct value *v = find(g, key);

	if (!v || v->type != V_BOOL)
		return false;
	*out = *v->data != 0;
	return true;
}

bool
gguf_string(const struct gguf *g, const char *key, struct gguf_str *out)
{
	const struct value *v = find(g, key);

	if (!v || v->type != V_STRING)
		return false;
	out->s = (const char *)v->data;
	out->len = (size_t)v->count;
	return true;
}

bool
gguf_array_len(const struct gguf *g, const char *key, size_t *out)
{
	const struct value *v = find_array(g, key);

	if (!v)
		return false;
	*out = (size_t)v->count;
	return true;
}

bool
gguf_array_strings(const struct gguf *g, const char *key, struct gguf_str *out)
{
	const struct value *v = find_array(g, key);
	struct cursor c;

	if (!v || v->elem != V_STRING)
		return false;
	c = (struct cursor){g->file, v->data, g->file + g->size};
	for (uint64_t i = 0; i < v->count; i++)
		if (!take_string(&c, &out[i])) /* cannot be: the array was passed over once */
			return false;
	return true;
}

bool
gguf_array_f32(const struct gguf *g, const char *key, float *out)
{
	const struct value *v = find_array(g, key);

	if (!v)
		return false;
	for (uint64_t i = 0; i < v->count; i++)
		if (!float_at(v->elem, v->data + i * value_size[v->elem], &out[i]))
			return false;
	return true;
}

bool
gguf_array_i32(const struct gguf *g, const char *key, int32_t *out)
{
	const struct value *v = find_array(g, key);
	int64_t x;

	if (!v)
		return false;
	for (uint64_t i = 0; i < v->count; i++) {
		if (!integer_at(v->elem, v->data + i * value_size[v->elem], &x) || x < INT32_MIN ||
		    x > INT32_MAX)
			return false;
		out[i] = (int32_t)x;
	}
	return true;
}

/* Tensors. */

int
gguf_tensor_count(const struct gguf *g)
{
	return g->entry_count;
}

enum t2_status
gguf_tensor(const struct gguf *g, int i, struct tensor *out, struct t2_err *err)
{
	const struct entry *e = &g->entries[i];

	memset(out, 0, sizeof *out);
	out->name = e->name;
	out->type = kinds[e->kind].type;
	out->type_name = kinds[e->kind].name;
	out->ndim = e->ndim;
	memcpy(out->shape, e->shape, sizeof out->shape);
	out->data = g->file + g->header + e->offset;
	out->bytes = e->bytes;
	if (out->type == T2_DTYPES)
		return t2_fail(err, T2_EUNSUP,
			       "%s: tensor \"%.*s\" has type %s, which is not read: convert it to "
			       "F16, Q8_0 or Q4_K",
			       g->where, KEY_SHOWN, e->name, out->type_name);
	return T2_OK;
}
