/* checkpoint.h - a file or folder of named tensors, mapped: safetensors (single or sharded) or GGUF.
 *
 *	checkpoint_open(&c, path, err);
 *	const struct tensor *t = checkpoint_find(c, "model.norm.weight");
 *	checkpoint_free(c);
 *
 * Every length and offset in the file is checked before it is used.  Names are the Hugging Face ones; GGUF's are mapped
 * to them (blk.0.ffn_up.weight -> model.layers.0.mlp.up_proj.weight) where there is one.  Shapes are row-major, outermost
 * first (GGUF's reversed).  Data is borrowed from the map until checkpoint_free(). */
#ifndef T2_CHECKPOINT_H
#define T2_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/status.h"
#include "engine/linalg/dtype.h"

struct tensor {
	const char *name;
	enum dtype type;       /* T2_DTYPES: one that we cannot read */
	const char *type_name; /* as the file calls it: "BF16", "Q4_K", "F64", "IQ2_XS" ... */
	int ndim;
	int64_t shape[4];
	const void *data;
	size_t bytes;
};

struct checkpoint;
struct gguf; /* metadata access: engine/model/gguf.h */

/* path: a folder with model.safetensors, or shards and their model.safetensors.index.json, or one other .safetensors
 * file; or a .safetensors file; or a .gguf file. */
enum t2_status checkpoint_open(struct checkpoint **out, const char *path, struct t2_err *err);
void checkpoint_free(struct checkpoint *c);
const char *checkpoint_path(const struct checkpoint *c);
const struct gguf *checkpoint_gguf(const struct checkpoint *c); /* NULL for safetensors */
int checkpoint_count(const struct checkpoint *c);
const struct tensor *checkpoint_tensor(const struct checkpoint *c, int i); /* in file order */
const struct tensor *checkpoint_find(const struct checkpoint *c, const char *name);
size_t checkpoint_bytes(const struct checkpoint *c); /* of all files */
int checkpoint_files(const struct checkpoint *c);
/* File i's bytes; path[size] gets where it lies, cut where it does not fit. */
size_t checkpoint_file(const struct checkpoint *c, int i, char *path, size_t size);
/* "FOLDER/name" in the folder of the checkpoint's files (config.json ...): the caller frees it; NULL: no memory. */
char *checkpoint_beside(const struct checkpoint *c, const char *name);

/* Which types the tensors are stored in, in order of first appearance: fills at most cap entries, returns how many. */
struct dtype_use {
	const char *name;
	int tensors;
	int64_t numbers;
	size_t bytes;
};
enum { T2_TYPE_NAMES = 64 }; /* more than there are */
int checkpoint_dtypes(const struct checkpoint *c, struct dtype_use *out, int cap);

/* XXH3-128 over every file's size and header, up to four pages of every tensor, and n more bytes: the same content at
 * another path gives the same 32 hex digits. */
void checkpoint_fingerprint(const struct checkpoint *c, const void *more, size_t n, char hex[33]);
/* Before the first tensors are read: small files are read ahead, in large pages; of those above 1 GiB only what opening
 * takes (vectors, and the fingerprint's pages), and not for good.  checkpoint_advise() when that is done: from then on they
 * too are read in large pages, at first use. */
enum t2_status checkpoint_peek(struct checkpoint *c, struct t2_err *err);
void checkpoint_advise(struct checkpoint *c);

/* A single safetensors file by itself (expert files, factor caches, goldens), also its metadata. Extra dtypes
 * (F64, I64, U8 ...) are listed by name but have no `enum dtype`.  Data is aligned for its type: where an old file is not,
 * those tensors are copied on opening.  Bytes after the last tensor, holes and overlaps are refused, as the format says. */
struct safetensors;
struct st_tensor {
	const char *name, *dtype; /* "F32", "F64", "U8" ... as written */
	int ndim;
	int64_t shape[8];
	const void *data;
	size_t bytes;
};
enum t2_status safetensors_open(struct safetensors **out, const char *path, struct t2_err *err);
/* The same over bytes already in memory, borrowed until safetensors_free(); where names them in messages. */
enum t2_status safetensors_from_bytes(struct safetensors **out, const void *bytes, size_t n,
				      const char *where, struct t2_err *err);
void safetensors_free(struct safetensors *s);
int safetensors_count(const struct safetensors *s);
const struct st_tensor *safetensors_tensor(const struct safetensors *s, int i); /* in file order */
const struct st_tensor *safetensors_find(const struct safetensors *s, const char *name);
const char *safetensors_meta(const struct safetensors *s, const char *key); /* NULL: no such key */
/* The whole file, and how much of it comes before the tensors' data. */
const void *safetensors_file(const struct safetensors *s, size_t *size, size_t *header);

/* Writing: to path.tmp.PID.N, synced, then renamed; nothing is left behind on failure (a full disk says so).  The order
 * is kept but for wider types going first, so that all data is aligned.  meta_pairs is key, value, key, value ... and
 * meta_count counts pairs. */
struct st_write {
	const char *name, *dtype;
	int ndim;
	int64_t shape[8];
	const void *data;
	size_t bytes;
};
enum t2_status safetensors_write(const char *path, const struct st_write *tensors, int count,
				 const char *const *meta_pairs, int meta_count, struct t2_err *err);

#endif
