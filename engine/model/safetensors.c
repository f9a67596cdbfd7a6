/* The file: 8 bytes little-endian header length, a JSON header, the tensors' data without holes.  (The format's own
 * document: huggingface/safetensors, README, "Format".) */
#include <fcntl.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/json.h"
#include "engine/base/mapfile.h"
#include "engine/base/strbuf.h"
#include "engine/model/checkpoint.h"

enum {
	HEADER_MAX = 100000000, /* the format's own limit */
	WRITE_ALIGN = 64,	/* of the data region in files that we write: a cache line */
	NAME_SHOWN = 120,	/* bytes of a foreign name in a message */
};

static const struct {
	const char *name;
	unsigned bits;
} kinds[] = {
	{"F64", 64},	{"I64", 64},	{"U64", 64},	{"C64", 64},	{"F32", 32},
	{"I32", 32},	{"U32", 32},	{"F16", 16},	{"BF16", 16},	{"I16", 16},
	{"U16", 16},	{"I8", 8},	{"U8", 8},	{"BOOL", 8},	{"F8_E5M2", 8},
	{"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F6_E3M2", 6}, {"F6_E2M3", 6}, {"F4", 4},
};

struct safetensors {
	struct mapfile map; /* empty for borrowed bytes */
	const uint8_t *file;
	size_t size, header;
	json_t *root; /* owns names, dtypes and metadata */
	struct st_tensor *tensors;
	const struct st_tensor **by_name;
	int count;
	uint8_t *copies; /* of tensors that lie unaligned in the file */
};

/* Bits a value; 0: no such type. */
static unsigned
kind_bits(const char *dtype)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (!strcmp(kinds[i].name, dtype))
			return kinds[i].bits;
	return 0;
}

static size_t
kind_align(const char *dtype)
{
	unsigned bits = kind_bits(dtype);

	return bits <= 8 ? 1 : bits / 8;
}

/* Bytes of a tensor of this shape; false: not a whole number of bytes, or beyond size_t. */
static bool
shape_bytes(const char *dtype, const int64_t *shape, int ndim, size_t *out)
{
	size_t n = kind_bits(dtype);

	/* A zero anywhere makes the tensor empty, however large the other sizes are. */
	for (int i = 0; i < ndim; i++)
		if (shape[i] == 0) {
			*out = 0;
			return true;
		}
	for (int i = 0; i < ndim; i++)
		if (shape[i] < 0 || __builtin_mul_overflow(n, (size_t)shape[i], &n))
			return false;
	*out = n / 8;
	return n % 8 == 0;
}

static enum t2_status
bad(struct t2_err *err, const char *where, const char *name, const char *what)
{
	return t2_fail(err, T2_EFORMAT, "%s: tensor \"%.*s\": %s", where, NAME_SHOWN, name, what);
}

static enum t2_status
read_tensor(struct safetensors *s, struct st_tensor *t, const char *name, const json_t *v,
	    const char *where, struct t2_err *err)
{
	size_t region = s->size - s->header, want;
	const json_t *shape = json_object_get(v, "shape");
	const json_t *offsets = json_object_get(v, "data_offsets");
	const json_t *from = json_array_get(offsets, 0), *to = json_array_get(offsets, 1);
	json_int_t begin, end;

	t->name = name;
	t->dtype = json_string_value(json_object_get(v, "dtype"));
	if (!t->dtype)
		return bad(err, where, name, "\"dtype\" is missing or not a string");
	if (!kind_bits(t->dtype))
		return t2_fail(err, T2_EUNSUP, "%s: tensor \"%.*s\": unknown type \"%.20s\"", where,
			       NAME_SHOWN, name, t->dtype);
	if (!json_is_array(shape) || json_array_size(shape) > 8)
		return bad(err, where, name, "\"shape\" is not a list of at most 8 sizes");
	t->ndim = (int)json_array_size(shape);
	for (int i = 0; i < t->ndim; i++) {
		const json_t *d = json_array_get(shape, (size_t)i);

		if (!json_is_integer(d) || json_integer_value(d) < 0)
			return bad(err, where, name, "a size in \"shape\" is not a natural number");
		t->shape[i] = json_integer_value(d);
	}
	if (json_array_size(offsets) != 2 || !json_is_integer(from) || !json_is_integer(to))
		return bad(err, where, name, "\"data_offsets\" is not a pair of integers");
	begin = json_integer_value(from);
	end = json_integer_value(to);
	if (begin < 0 || end < begin)
		return bad(err, where, name, "\"data_offsets\" run backwards");
	if ((uint64_t)end > region)
		return t2_fail(err, T2_EFORMAT,
			       "%s: tensor \"%.*s\" ends at byte %lld of %zu bytes of data: "
			       "the file is cut short or damaged, get it again",
			       where, NAME_SHOWN, name, (long long)end, region);
	if (!shape_bytes(t->dtype, t->shape, t->ndim, &want) || want != (size_t)(end - begin))
		return t2_fail(err, T2_EFORMAT,
			       "%s: tensor \"%.*s\": %lld bytes do not fit its shape and type %s",
			       where, NAME_SHOWN, name, (long long)(end - begin), t->dtype);
	t->data = s->file + s->header + begin;
	t->bytes = want;
	return T2_OK;
}

static enum t2_status
read_metadata(const json_t *meta, const char *where, struct t2_err *err)
{
	const char *key;
	json_t *v;

	if (!meta)
		return T2_OK;
	if (!json_is_object(meta))
		return t2_fail(err, T2_EFORMAT, "%s: \"__metadata__\" is not an object", where);
	json_object_foreach ((json_t *)meta, key, v)
		if (!json_is_string(v) || strlen(json_string_value(v)) != json_string_length(v))
			return t2_fail(err, T2_EFORMAT,
				       "%s: \"__metadata__\": \"%.*s\" is "
				       "not a plain string",
				       where, NAME_SHOWN, key);
	return T2_OK;
}

static int
order_place(const void *pa, const void *pb)
{
	const struct st_tensor *a = pa, *b = pb;

	if (a->data != b->data)
		return (uintptr_t)a->data < (uintptr_t)b->data ? -1 : 1;
	if (a->bytes != b->bytes) /* empty ones first: they share their place */
		return a->bytes < b->bytes ? -1 : 1;
	return strcmp(a->name, b->name);
}

static int
order_name(const void *pa, const void *pb)
{
	const struct st_tensor *const *a = pa, *const *b = pb;

	return strcmp((*a)->name, (*b)->name);
}

static int
match_name(const void *name, const void *p)
{
	const struct st_tensor *const *t = p;

	return strcmp(name, (*t)->name);
}

/* Tensors in file order must cover the data region exactly. */
static enum t2_status
check_cover(struct safetensors *s, const char *where, struct t2_err *err)
{
	const uint8_t *next = s->file + s->header, *end = s->file + s->size;

	for (int i = 0; i < s->count; i++) {
		const struct st_tensor *t = &s->tensors[i];

		if ((const uint8_t *)t->data != next)
			return bad(err, where, t->name,
				   (const uint8_t *)t->data < next ? "overlaps another tensor"
								   : "a hole lies before it");
		next += t->bytes;
	}
	if (next != end)
		return t2_fail(err, T2_EFORMAT,
			       "%s: %zu bytes after the last tensor belong to nothing", where,
			       (size_t)(end - next));
	return T2_OK;
}

/* Files of old writers start their data anywhere; nobody reads a float from an odd address. */
static enum t2_status
align_data(struct safetensors *s, const char *where, struct t2_err *err)
{
	size_t total = 0;
	uint8_t *p;

	for (int i = 0; i < s->count; i++)
		if ((uintptr_t)s->tensors[i].data % kind_align(s->tensors[i].dtype))
			total += s->tensors[i].bytes + 8;
	if (!total)
		return T2_OK;
	p = s->copies = malloc(total);
	if (!p)
		return t2_nomem(err, where);
	for (int i = 0; i < s->count; i++) {
		struct st_tensor *t = &s->tensors[i];

		if ((uintptr_t)t->data % kind_align(t->dtype) == 0)
			continue;
		memcpy(p, t->data, t->bytes);
		t->data = p;
		p += (t->bytes + 7) / 8 * 8;
	}
	return T2_OK;
}

static enum t2_status
read_header(struct safetensors *s, const char *where, struct t2_err *err)
{
	uint64_t n = 0;
	const char *name;
	json_t *v;
	size_t fields;
	enum t2_status st;

	if (s->size < 8)
		return t2_fail(err, T2_EFORMAT, "%s: %zu bytes are too few for a safetensors file",
			       where, s->size);
	for (int i = 7; i >= 0; i--)
		n = n << 8 | s->file[i];
	if (n > HEADER_MAX)
		return t2_fail(err, T2_EFORMAT,
			       "%s: a header of %llu bytes: not a safetensors file, or damaged",
			       where, (unsigned long long)n);
	if (n > s->size - 8)
		return t2_fail(err, T2_EFORMAT,
			       "%s: byte 8: the header of %llu bytes is cut short at %zu: get the "
			       "file again",
			       where, (unsigned long long)n, s->size - 8);
	s->header = 8 + (size_t)n;
	st = json_read_bytes(&s->root, (const char *)s->file + 8, (size_t)n, where, err);
	if (st)
		return st;
	if (!json_is_object(s->root))
		return t2_fail(err, T2_EFORMAT, "%s: byte 8: the header is not an object", where);
	st = read_metadata(json_object_get(s->root, "__metadata__"), where, err);
	if (st)
		return st;
	fields = json_object_size(s->root);
	s->tensors = calloc(fields + 1, sizeof *s->tensors);
	s->by_name = calloc(fields + 1, sizeof *s->by_name);
	if (!s->tensors || !s->by_name)
		return t2_nomem(err, where);
	json_object_foreach (s->root, name, v) {
		if (!strcmp(name, "__metadata__"))
			continue;
		st = read_tensor(s, &s->tensors[s->count], name, v, where, err);
		if (st)
			return st;
		s->count++;
	}
	qsort(s->tensors, (size_t)s->count, sizeof *s->tensors, order_place);
	st = check_cover(s, where, err);
	if (!st)
		st = align_data(s, where, err);
	if (st)
		return st;
	for (int i = 0; i < s->count; i++)
		s->by_name[i] = &s->tensors[i];
	qsort(s->by_name, (size_t)s->count, sizeof *s->by_name, order_name);
	return T2_OK;
}

enum t2_status
safetensors_from_bytes(struct safetensors **out, const void *bytes, size_t n, const char *where,
		       struct t2_err *err)
{
	struct safetensors *s = calloc(1, sizeof *s);
	enum t2_status st;

	*out = NULL;
	if (!s)
		return t2_nomem(err, where);
	s->file = bytes;
	s->size = n;
	st = read_header(s, where, err);
	if (st)
		safetensors_free(s);
	else
		*out = s;
	return st;
}

enum t2_status
safetensors_open(struct safetensors **out, const char *path, struct t2_err *err)
{
	struct mapfile map;
	enum t2_status st;

	*out = NULL;
	st = mapfile_open(&map, path, err);
	if (st)
		return st;
	st = safetensors_from_bytes(out, map.data, map.size, path, err);
	if (st)
		mapfile_close(&map);
	else
		(*out)->map = map;
	return st;
}

void
safetensors_free(struct safetensors *s)
{
	if (!s)
		return;
	json_decref(s->root);
	free(s->tensors);
	free(s->by_name);
	free(s->copies);
	mapfile_close(&s->map);
	free(s);
}

int
safetensors_count(const struct safetensors *s)
{
	return s->count;
}

const struct st_tensor *
safetensors_tensor(const struct safetensors *s, int i)
{
	return &s->tensors[i];
}

const struct st_tensor *
safetensors_find(const struct safetensors *s, const char *name)
{
	const struct st_tensor *const *t =
		bsearch(name, s->by_name, (size_t)s->count, sizeof *s->by_name, match_name);

	return t ? *t : NULL;
}

const char *
safetensors_meta(const struct safetensors *s, const char *key)
{
	return json_string_value(json_object_get(json_object_get(s->root, "__metadata__"), key));
}

const void *
safetensors_file(const struct safetensors *s, size_t *size, size_t *header)
{
	*size = s->size;
	*header = s->header;
	return s->file;
}

/* Writing. */

static enum t2_status
header_tensor(json_t *root, const struct st_write *t, size_t begin, const char *path,
	      struct t2_err *err)
{
	size_t want;
	json_t *v, *shape;

	if (!strcmp(t->name, "__metadata__") || json_object_get(root, t->name))
		return t2_fail(err, T2_EINVAL, "%s: tensor name \"%.*s\" is taken", path,
			       NAME_SHOWN, t->name);
	if (t->ndim < 0 || t->ndim > 8 || !kind_bits(t->dtype) ||
	    !shape_bytes(t->dtype, t->shape, t->ndim, &want) || want != t->bytes)
		return t2_fail(err, T2_EINVAL,
			       "%s: tensor \"%.*s\": %zu bytes do not fit its shape and type %s",
			       path, NAME_SHOWN, t->name, t->bytes, t->dtype);
	shape = json_array();
	for (int i = 0; i < t->ndim; i++)
		json_array_append_new(shape, json_integer(t->shape[i]));
	v = json_pack("{s:s, s:o, s:[I, I]}", "dtype", t->dtype, "shape", shape, "data_offsets",
		      (json_int_t)begin, (json_int_t)(begin + t->bytes));
	if (!v)
		return t2_nomem(err, path);
	if (json_object_set_new(root, t->name, v))
		return t2_fail(err, T2_EINVAL, "%s: tensor name \"%.*s\" is not UTF-8", path,
			       NAME_SHOWN, t->name);
	return T2_OK;
}

/* The length and the padded JSON; order[] says which tensor comes where. */
static enum t2_status
make_header(struct strbuf *out, const struct st_write *tensors, const int *order, int count,
	    const char *const *meta_pairs, int meta_count, const char *path, struct t2_err *err)
{
	json_t *root = json_object(), *meta = json_object();
	enum t2_status st = T2_OK;
	size_t begin = 0;
	char *text = NULL;
	uint64_t n;

	if (!root || !meta)
		st = t2_nomem(err, path);
	for (int i = 0; i < meta_count && !st; i++)
		if (json_object_set_new(meta, meta_pairs[2 * i],
					json_string(meta_pairs[2 * i + 1])))
			st = t2_fail(err, T2_EINVAL, "%s: metadata \"%.*s\" is not UTF-8", path,
				     NAME_SHOWN, meta_pairs[2 * i]);
	if (!st && meta_count && json_object_set(root, "__metadata__", meta))
		st = t2_nomem(err, path);
	for (int i = 0; i < count && !st; i++) {
		st = header_tensor(root, &tensors[order[i]], begin, path, err);
		begin += tensors[order[i]].bytes;
	}
	if (!st && !(text = json_dumps(root, JSON_COMPACT)))
		st = t2_nomem(err, path);
	if (!st) {
		size_t len = strlen(text),
		       pad = (WRITE_ALIGN - (8 + len) % WRITE_ALIGN) % WRITE_ALIGN;

		n = len + pad;
		if (n > HEADER_MAX)
			st = t2_fail(err, T2_EINVAL, "%s: too many tensors for one file", path);
		for (int i = 0; i < 8; i++)
			strbuf_char(out, (char)(n >> 8 * i & 0xff));
		strbuf_add(out, text, len);
		for (size_t i = 0; i < pad; i++)
			strbuf_char(out, ' ');
		if (!st && out->failed)
			st = t2_nomem(err, path);
	}
	free(text);
	json_decref(meta);
	json_decref(root);
	return st;
}

static bool
write_all(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n) {
		ssize_t k = write(fd, p, n < 1 << 30 ? n : 1 << 30);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return false;
		p += k;
		n -= (size_t)k;
	}
	return true;
}

/* A rename survives a power cut only once the folder itself is on disk. */
static void
sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
	int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd >= 0) {
		fsync(fd); /* some file systems cannot; the data itself is safe already */
		close(fd);
	}
	free(dir);
}

static enum t2_status
write_file(const char *path, const struct strbuf *header, const struct st_write *tensors,
	   const int *order, int count, struct t2_err *err)
{
	static atomic_uint serial;
	struct strbuf tmp = {0};
	bool ok;
	int fd;

	strbuf_printf(&tmp, "%s.tmp.%ld.%u", path, (long)getpid(), atomic_fetch_add(&serial, 1));
	if (tmp.failed) {
		strbuf_free(&tmp);
		return t2_nomem(err, path);
	}
	unlink(tmp.s); /* left by a dead process of the same number */
	fd = open(tmp.s, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0) {
		t2_fail(err, T2_EIO, "%s: cannot create: %s", path, strerror(errno));
		strbuf_free(&tmp);
		return T2_EIO;
	}
	ok = write_all(fd, header->s, header->len);
	for (int i = 0; i < count && ok; i++)
		ok = write_all(fd, tensors[order[i]].data, tensors[order[i]].bytes);
	ok = ok && !fsync(fd);
	if (ok) {
		ok = !close(fd);
	} else {
		int saved = errno;

		close(fd);
		errno = saved;
	}
	ok = ok && !rename(tmp.s, path);
	if (!ok) {
		t2_fail(err, T2_EIO, "%s: cannot write: %s", path, strerror(errno));
		unlink(tmp.s);
	} else {
		sync_folder(path);
	}
	strbuf_free(&tmp);
	return ok ? T2_OK : T2_EIO;
}

enum t2_status
safetensors_write(const char *path, const struct st_write *tensors, int count,
		  const char *const *meta_pairs, int meta_count, struct t2_err *err)
{
	struct strbuf header = {0};
	int *order = calloc((size_t)count + 1, sizeof *order), n = 0;
	enum t2_status st;

	if (!order)
		return t2_nomem(err, path);
	/* Wider types first; an unknown type counts as bytes here and is refused in the header. */
	for (size_t align = 8; align; align /= 2)
		for (int i = 0; i < count; i++)
			if (kind_align(tensors[i].dtype) == align)
				order[n++] = i;
	st = make_header(&header, tensors, order, count, meta_pairs, meta_count, path, err);
	if (!st)
		st = write_file(path, &header, tensors, order, count, err);
	strbuf_free(&header);
	free(order);
	return st;
}
