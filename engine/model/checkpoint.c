#include "engine/model/checkpoint.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#define XXH_STATIC_LINKING_ONLY /* the state on the stack: hashing cannot fail */
#include <xxhash.h>

#include "engine/base/json.h"
#include "engine/base/mapfile.h"
#include "engine/base/strbuf.h"
#include "engine/model/gguf.h"
#include "engine/model/peek.h"

enum {
	SHARDS_MAX = 4096,
	NAME_SHOWN = 120, /* bytes of a foreign name in a message */
	SAMPLE_PAGE = 4096,
	SAMPLE_PAGES = 4, /* a tensor */
	READ_AHEAD_MAX = 1 << 30,
};

struct checkpoint {
	char *path, *folder;
	struct safetensors **shards; /* NULL for GGUF */
	char **shard_names;	     /* in folder */
	int shard_count;
	struct gguf *gguf;
	struct tensor *tensors; /* in file order */
	const struct tensor **by_name;
	char **names; /* GGUF's, translated; NULL where the file's own is used */
	int count;
	struct peek **peek; /* [files], between checkpoint_peek() and checkpoint_advise() */
};

/* Names. */

static const struct {
	const char *gguf, *hf;
} outer_names[] =
	{
		{"token_embd", "model.embed_tokens"},
		{"output_norm", "model.norm"},
		{"output", "lm_head"},
},
  layer_names[] = {
	  {"attn_norm", "input_layernorm"},    {"attn_q", "self_attn.q_proj"},
	  {"attn_k", "self_attn.k_proj"},      {"attn_v", "self_attn.v_proj"},
	  {"attn_output", "self_attn.o_proj"}, {"ffn_norm", "post_attention_layernorm"},
	  {"ffn_gate", "mlp.gate_proj"},       {"ffn_up", "mlp.up_proj"},
	  {"ffn_down", "mlp.down_proj"},
};

/* The Hugging Face name of a GGUF tensor into out; false: it has none. */
static bool
translate(const char *name, struct strbuf *out)
{
	const char *dot = strrchr(name, '.'), *p = name;
	size_t n;

	if (!dot || (strcmp(dot, ".weight") && strcmp(dot, ".bias")))
		return false;
	if (strncmp(name, "blk.", 4)) {
		n = (size_t)(dot - p);
		for (size_t i = 0; i < sizeof outer_names / sizeof *outer_names; i++)
			if (strlen(outer_names[i].gguf) == n &&
			    !memcmp(outer_names[i].gguf, p, n)) {
				strbuf_printf(out, "%s%s", outer_names[i].hf, dot);
				return true;
			}
		return false;
	}
	p += 4;
	n = strspn(p, "0123456789");
	if (n == 0 || n > 6 || p[n] != '.' || p + n >= dot)
		return false;
	strbuf_printf(out, "model.layers.%.*s.", (int)n, p);
	p += n + 1;
	n = (size_t)(dot - p);
	for (size_t i = 0; i < sizeof layer_names / sizeof *layer_names; i++)
		if (strlen(layer_names[i].gguf) == n && !memcmp(layer_names[i].gguf, p, n)) {
			strbuf_printf(out, "%s%s", layer_names[i].hf, dot);
			return true;
		}
	return false;
}

static int
order_name(const void *pa, const void *pb)
{
	const struct tensor *const *a = pa, *const *b = pb;

	return strcmp((*a)->name, (*b)->name);
}

static int
match_name(const void *name, const void *p)
{
	const struct tensor *const *t = p;

	return strcmp(name, (*t)->name);
}

static enum t2_status
index_names(struct checkpoint *c, struct t2_err *err)
{
	c->by_name = calloc((size_t)c->count + 1, sizeof *c->by_name);
	if (!c->by_name)
		return t2_nomem(err, c->path);
	for (int i = 0; i < c->count; i++)
		c->by_name[i] = &c->tensors[i];
	qsort(c->by_name, (size_t)c->count, sizeof *c->by_name, order_name);
	for (int i = 1; i < c->count; i++)
		if (!order_name(&c->by_name[i - 1], &c->by_name[i]))
			return t2_fail(err, T2_EFORMAT, "%s: tensor \"%.*s\" occurs twice", c->path,
				       NAME_SHOWN, c->by_name[i]->name);
	return T2_OK;
}

/* GGUF. */

static enum t2_status
open_gguf(struct checkpoint *c, struct t2_err *err)
{
	enum t2_status st = gguf_open(&c->gguf, c->path, err);
	uint32_t parts;
	int n;

	if (st)
		return st;
	if (gguf_u32(c->gguf, "split.count", &parts) && parts > 1)
		return t2_fail(err, T2_EUNSUP,
			       "%s: one of %u parts: join them with llama-gguf-split --merge",
			       c->path, parts);
	n = gguf_tensor_count(c->gguf);
	c->tensors = calloc((size_t)n + 1, sizeof *c->tensors);
	c->names = calloc((size_t)n + 1, sizeof *c->names);
	if (!c->tensors || !c->names)
		return t2_nomem(err, c->path);
	for (c->count = 0; c->count < n; c->count++) {
		struct tensor *t = &c->tensors[c->count];
		struct strbuf name = {0};

		/* One of a type that we cannot read matters only to who needs it. */
		gguf_tensor(c->gguf, c->count, t, NULL);
		if (translate(t->name, &name)) {
			t->name = c->names[c->count] = strbuf_take(&name);
			if (!t->name)
				return t2_nomem(err, c->path);
		}
		strbuf_free(&name);
	}
	return T2_OK;
}

/* Safetensors. */

static enum dtype
type_of(const char *dtype)
{
	static const enum dtype ours[] = {T2_F32, T2_F16, T2_BF16};

	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		if (!strcmp(dtype, dtype_name(ours[i])))
			return ours[i];
	return T2_DTYPES;
}

/* Appends shard's tensors; with a map only those that it places in this file. */
static enum t2_status
add_tensors(struct checkpoint *c, const struct safetensors *shard, const json_t *map,
	    const char *file, struct t2_err *err)
{
	int n = safetensors_count(shard);
	struct tensor *grown = realloc(c->tensors, (size_t)(c->count + n + 1) * sizeof *grown);

	if (!grown)
		return t2_nomem(err, c->path);
	c->tensors = grown;
	for (int i = 0; i < n; i++) {
		const struct st_tensor *from = safetensors_tensor(shard, i);
		struct tensor *t = &c->tensors[c->count];
		const char *place =
			map ? json_string_value(json_object_get(map, from->name)) : file;

		if (!place || strcmp(place, file))
			continue;
		if (from->ndim > 4)
			return t2_fail(err, T2_EUNSUP,
				       "%s/%s: tensor \"%.*s\" has %d dimensions, not 4 or fewer",
				       c->folder, file, NAME_SHOWN, from->name, from->ndim);
		memset(t, 0, sizeof *t);
		t->name = from->name;
		t->type = type_of(from->dtype);
		t->type_name = from->dtype;
		t->ndim = from->ndim;
		memcpy(t->shape, from->shape, sizeof t->shape);
		t->data = from->data;
		t->bytes = from->bytes;
		c->count++;
	}
	return T2_OK;
}

static enum t2_status
open_shard(struct checkpoint *c, const char *file, struct t2_err *err)
{
	char *path = checkpoint_beside(c, file);
	enum t2_status st;

	if (!path)
		return t2_nomem(err, c->path);
	st = safetensors_open(&c->shards[c->shard_count], path, err);
	free(path);
	if (st)
		return st;
	c->shard_names[c->shard_count++] = strdup(file);
	return c->shard_names[c->shard_count - 1] ? T2_OK : t2_nomem(err, c->path);
}

static enum t2_status
open_single(struct checkpoint *c, const char *file, struct t2_err *err)
{
	enum t2_status st;

	c->shards = calloc(1, sizeof *c->shards);
	c->shard_names = calloc(1, sizeof *c->shard_names);
	if (!c->shards || !c->shard_names)
		return t2_nomem(err, c->path);
	st = open_shard(c, file, err);
	return st ? st : add_tensors(c, c->shards[0], NULL, file, err);
}

static int
order_string(const void *pa, const void *pb)
{
	const char *const *a = pa, *const *b = pb;

	return strcmp(*a, *b);
}

/* The distinct shard names of a weight map, sorted, borrowed from it. */
static enum t2_status
shard_names(const json_t *map, const char **files, int *count, const char *where,
	    struct t2_err *err)
{
	const char *name;
	json_t *v;

	*count = 0;
	json_object_foreach ((json_t *)map, name, v) {
		const char *file = json_string_value(v);
		int i = 0;

		/* The index may come from anywhere: it reaches no file outside its own folder. */
		if (!file || !*file || strlen(file) != json_string_length(v) || strchr(file, '/') ||
		    !strcmp(file, ".") || !strcmp(file, ".."))
			return t2_fail(err, T2_EFORMAT,
				       "%s: the file of tensor \"%.*s\" is not a plain file name",
				       where, NAME_SHOWN, name);
		while (i < *count && strcmp(files[i], file))
			i++;
		if (i == SHARDS_MAX)
			return t2_fail(err, T2_EFORMAT, "%s: more than %d files", where,
				       SHARDS_MAX);
		if (i == *count)
			files[(*count)++] = file;
	}
	qsort(files, (size_t)*count, sizeof *files, order_string);
	return T2_OK;
}

static enum t2_status
open_shards(struct checkpoint *c, const json_t *map, const char *where, struct t2_err *err)
{
	const char **files = calloc(SHARDS_MAX, sizeof *files), *name;
	enum t2_status st;
	int n = 0;
	json_t *v;

	c->shards = calloc(SHARDS_MAX, sizeof *c->shards);
	c->shard_names = calloc(SHARDS_MAX, sizeof *c->shard_names);
	st = files && c->shards && c->shard_names ? shard_names(map, files, &n, where, err)
						  : t2_nomem(err, where);
	for (int i = 0; i < n && !st; i++) {
		st = open_shard(c, files[i], err);
		if (!st)
			st = add_tensors(c, c->shards[i], map, files[i], err);
	}
	if (!st)
		st = index_names(c, err);
	if (!st && (size_t)c->count != json_object_size(map))
		json_object_foreach ((json_t *)map, name, v)
			if (!checkpoint_find(c, name)) {
				st = t2_fail(err, T2_EFORMAT,
					     "%s: tensor \"%.*s\" is not in its file \"%.*s\"",
					     where, NAME_SHOWN, name, NAME_SHOWN,
					     json_string_value(v));
				break;
			}
	free(files);
	return st;
}

static enum t2_status
open_index(struct checkpoint *c, const char *path, struct t2_err *err)
{
	json_t *root, *map;
	enum t2_status st = json_read_file(&root, path, err);

	if (st)
		return st;
	map = json_object_get(root, "weight_map");
	st = json_is_object(map) ? open_shards(c, map, path, err)
				 : t2_fail(err, T2_EFORMAT,
					   "%s: \"weight_map\" is missing or not an object", path);
	json_decref(root);
	return st;
}

/* The only file of the folder that ends so, as the caller's string; *count says how many there are. */
static char *
only_file(const char *folder, const char *suffix, int *count)
{
	DIR *d = opendir(folder);
	size_t tail = strlen(suffix);
	char *found = NULL;
	struct dirent *e;

	*count = 0;
	while (d && (e = readdir(d))) {
		size_t n = strlen(e->d_name);

		if (n <= tail || strcmp(e->d_name + n - tail, suffix))
			continue;
		if (++*count == 1)
			found = strdup(e->d_name);
	}
	if (d)
		closedir(d);
	if (*count != 1) {
		free(found);
		found = NULL;
	}
	return found;
}

static enum t2_status
open_folder(struct checkpoint *c, struct t2_err *err)
{
	char *single = checkpoint_beside(c, "model.safetensors");
	char *index = checkpoint_beside(c, "model.safetensors.index.json");
	char *other = NULL, *gguf = NULL;
	enum t2_status st;
	struct stat sb;
	int n, ggufs;

	if (!single || !index) {
		st = t2_nomem(err, c->path);
	} else if (!stat(single, &sb)) {
		st = open_single(c, "model.safetensors", err);
	} else if (!stat(index, &sb)) {
		st = open_index(c, index, err);
	} else if ((other = only_file(c->folder, ".safetensors", &n))) {
		st = open_single(c, other, err);
	} else if (n) {
		st = t2_fail(err, T2_ENOTFOUND,
			     "%s: %d .safetensors files, but no model.safetensors.index.json: "
			     "get the index too, or name one file",
			     c->path, n);
	} else {
		gguf = only_file(c->folder, ".gguf", &ggufs);
		st = t2_fail(err, T2_ENOTFOUND, "%s: no model.safetensors in this folder%s%s",
			     c->path,
			     gguf    ? ": name its file "
			     : ggufs ? ": name one of its .gguf files"
				     : "",
			     gguf ? gguf : "");
	}
	free(single);
	free(index);
	free(other);
	free(gguf);
	return st;
}

/* What a file is, by its first bytes. */
static enum t2_status
open_file(struct checkpoint *c, struct t2_err *err)
{
	const char *slash = strrchr(c->path, '/');
	struct mapfile m;
	enum t2_status st = mapfile_open(&m, c->path, err);
	bool gguf, zip;

	if (st)
		return st;
	gguf = m.size >= 4 && !memcmp(m.data, "GGUF", 4);
	zip = m.size >= 4 && !memcmp(m.data, "PK\3\4", 4);
	mapfile_close(&m);
	if (zip)
		return t2_fail(err, T2_EUNSUP,
			       "%s: a PyTorch or zip file: convert it to safetensors", c->path);
	return gguf ? open_gguf(c, err) : open_single(c, slash ? slash + 1 : c->path, err);
}

static char *
folder_of(const char *path, bool is_folder)
{
	const char *slash = strrchr(path, '/');

	if (is_folder)
		return strdup(path);
	if (!slash)
		return strdup(".");
	return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

enum t2_status
checkpoint_open(struct checkpoint **out, const char *path, struct t2_err *err)
{
	struct checkpoint *c = calloc(1, sizeof *c);
	enum t2_status st;
	struct stat sb;
	bool is_folder = !stat(path, &sb) && S_ISDIR(sb.st_mode);

	*out = NULL;
	if (!c)
		return t2_nomem(err, path);
	c->path = strdup(path);
	c->folder = folder_of(path, is_folder);
	if (!c->path || !c->folder)
		st = t2_nomem(err, path);
	else
		st = is_folder ? open_folder(c, err) : open_file(c, err);
	if (!st && !c->by_name)
		st = index_names(c, err);
	if (st)
		checkpoint_free(c);
	else
		*out = c;
	return st;
}

/* The files themselves: GGUF is one, file 0. */
static const void *
file_bytes(const struct checkpoint *c, int i, size_t *size, size_t *header)
{
	return c->gguf ? gguf_file(c->gguf, size, header)
		       : safetensors_file(c->shards[i], size, header);
}

static int
file_count(const struct checkpoint *c)
{
	return c->gguf ? 1 : c->shard_count;
}

void
checkpoint_free(struct checkpoint *c)
{
	if (!c)
		return;
	for (int i = 0; c->peek && i < file_count(c); i++)
		peek_free(c->peek[i], NULL);
	free(c->peek);
	for (int i = 0; i < c->shard_count; i++)
		safetensors_free(c->shards[i]);
	for (int i = 0; c->shard_names && i < c->shard_count; i++)
		free(c->shard_names[i]);
	free(c->shard_names);
	for (int i = 0; c->names && i < c->count; i++)
		free(c->names[i]);
	free(c->names);
	free(c->shards);
	free(c->tensors);
	free(c->by_name);
	gguf_free(c->gguf);
	free(c->path);
	free(c->folder);
	free(c);
}

const char *
checkpoint_path(const struct checkpoint *c)
{
	return c->path;
}

const struct gguf *
checkpoint_gguf(const struct checkpoint *c)
{
	return c->gguf;
}

int
checkpoint_count(const struct checkpoint *c)
{
	return c->count;
}

const struct tensor *
checkpoint_tensor(const struct checkpoint *c, int i)
{
	return &c->tensors[i];
}

const struct tensor *
checkpoint_find(const struct checkpoint *c, const char *name)
{
	const struct tensor *const *t =
		bsearch(name, c->by_name, (size_t)c->count, sizeof *c->by_name, match_name);

	return t ? *t : NULL;
}

char *
checkpoint_beside(const struct checkpoint *c, const char *name)
{
	struct strbuf b = {0};

	strbuf_printf(&b, "%s/%s", c->folder, name);
	return strbuf_take(&b);
}

size_t
checkpoint_bytes(const struct checkpoint *c)
{
	size_t total = 0, size, header;

	for (int i = 0; i < file_count(c); i++) {
		file_bytes(c, i, &size, &header);
		total += size;
	}
	return total;
}

int
checkpoint_files(const struct checkpoint *c)
{
	return file_count(c);
}

size_t
checkpoint_file(const struct checkpoint *c, int i, char *path, size_t size)
{
	size_t bytes, header;

	file_bytes(c, i, &bytes, &header);
	if (c->gguf)
		snprintf(path, size, "%s", c->path);
	else
		snprintf(path, size, "%s/%s", c->folder, c->shard_names[i]);
	return bytes;
}

int
checkpoint_dtypes(const struct checkpoint *c, struct dtype_use *out, int cap)
{
	int n = 0;

	for (int i = 0; i < c->count; i++) {
		const struct tensor *t = &c->tensors[i];
		int64_t numbers = 1;
		int k = 0;

		while (k < n && strcmp(out[k].name, t->type_name))
			k++;
		if (k == cap)
			continue;
		if (k == n)
			out[n++] = (struct dtype_use){.name = t->type_name};
		for (int d = 0; d < t->ndim;
		     d++) /* fits: its bytes lie in a file, or it is empty */
			numbers = t->bytes ? numbers * t->shape[d] : 0;
		out[k].tensors++;
		out[k].numbers += numbers;
		out[k].bytes += t->bytes;
	}
	return n;
}

/* The bytes of a tensor that its fingerprint is made from: all, or pages. */
struct sample {
	const char *at[SAMPLE_PAGES];
	size_t n[SAMPLE_PAGES];
	int count;
};

static void
sample_tensor(struct sample *s, const struct tensor *t)
{
	const char *p = t->data;
	size_t last = t->bytes - SAMPLE_PAGE;

	if (t->bytes <= SAMPLE_PAGES * SAMPLE_PAGE) {
		*s = (struct sample){{p}, {t->bytes}, 1};
		return;
	}
	s->count = SAMPLE_PAGES;
	for (int i = 0; i < SAMPLE_PAGES; i++) {
		s->at[i] = p + last / (SAMPLE_PAGES - 1) * (size_t)i;
		s->n[i] = SAMPLE_PAGE;
	}
}

static void
hash_tensor(XXH3_state_t *h, const struct tensor *t)
{
	uint64_t bytes = t->bytes;
	struct sample s;

	XXH3_128bits_update(h, &bytes, sizeof bytes);
	sample_tensor(&s, t);
	for (int i = 0; i < s.count; i++)
		XXH3_128bits_update(h, s.at[i], s.n[i]);
}

void
checkpoint_fingerprint(const struct checkpoint *c, const void *more, size_t n, char hex[33])
{
	XXH3_state_t h;
	XXH128_canonical_t digest;

	/* sizes are hashed as the 64-bit little-endian numbers that they are */
	XXH3_128bits_reset(&h);
	for (int i = 0; i < file_count(c); i++) {
		size_t size, header;
		const void *p = file_bytes(c, i, &size, &header);

		XXH3_128bits_update(&h, &size, sizeof size);
		XXH3_128bits_update(&h, &header, sizeof header);
		XXH3_128bits_update(&h, p, header);
	}
	for (int i = 0; i < c->count; i++)
		hash_tensor(&h, &c->tensors[i]);
	XXH3_128bits_update(&h, more, n);
	XXH128_canonicalFromHash(&digest, XXH3_128bits_digest(&h));
	for (int i = 0; i < 16; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest.digest[i]);
}

/* What is read of a large file on opening: vectors whole, and what the fingerprint samples. */
static void
peek_tensors(const struct checkpoint *c, struct peek *p, const char *map, size_t size)
{
	for (int i = 0; i < c->count; i++) {
		const struct tensor *t = &c->tensors[i];
		const char *data = t->data;
		struct sample s;

		if (data < map || data >= map + size)
			continue; /* in another file, or copied out of it */
		if (t->ndim == 1) {
			peek_range(p, data, t->bytes);
			continue;
		}
		sample_tensor(&s, t);
		for (int k = 0; k < s.count; k++)
			peek_range(p, s.at[k], s.n[k]);
	}
	peek_ask(p);
}

enum t2_status
checkpoint_peek(struct checkpoint *c, struct t2_err *err)
{
	enum t2_status st = T2_OK;

	c->peek = calloc((size_t)file_count(c), sizeof *c->peek);
	if (!c->peek)
		return t2_nomem(err, c->path);
	for (int i = 0; i < file_count(c) && !st; i++) {
		size_t size, header;
		void *p = (void *)file_bytes(c, i, &size, &header);

		if (size > READ_AHEAD_MAX) {
			st = peek_new(&c->peek[i], p, size, err);
			if (!st)
				peek_tensors(c, c->peek[i], p, size);
			continue;
		}
		/* Advice only: a kernel that cannot take it loses nothing. */
		madvise(p, size, MADV_HUGEPAGE);
		madvise(p, size, MADV_WILLNEED);
	}
	return st;
}

void
checkpoint_advise(struct checkpoint *c)
{
	for (int i = 0; c->peek && i < file_count(c); i++) {
		char path[4096];
		size_t size, header;
		void *p = (void *)file_bytes(c, i, &size, &header);

		if (!c->peek[i])
			continue;
		checkpoint_file(c, i, path, sizeof path);
		peek_free(c->peek[i], path);
		c->peek[i] = NULL;
		madvise(p, size, MADV_HUGEPAGE);
	}
}
