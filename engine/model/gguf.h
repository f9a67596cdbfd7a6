/* gguf.h - GGUF v2 and v3 files: metadata and tensors, every length checked before use.
 *
 *	gguf_open(&g, path, err);
 *	gguf_u32(g, "llama.block_count", &layers);		// false: absent or another type
 *	gguf_free(g);
 *
 * Strings are borrowed from the map, not NUL-terminated: use their length.  Tensor names here are the file's own.
 * Every key and name occurs once; tensors lie within the file, aligned, and do not overlap. */
#ifndef T2_GGUF_H
#define T2_GGUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/status.h"

struct gguf;
struct tensor;

struct gguf_str {
	const char *s;
	size_t len;
};

enum t2_status gguf_open(struct gguf **out, const char *path, struct t2_err *err);
/* The same over bytes already in memory at a multiple of 8, borrowed until gguf_free(); where names them in messages. */
enum t2_status gguf_from_bytes(struct gguf **out, const void *bytes, size_t n, const char *where,
			       struct t2_err *err);
void gguf_free(struct gguf *g);
const char *gguf_path(const struct gguf *g);
/* The whole file, and how much of it comes before the tensors' data. */
const void *gguf_file(const struct gguf *g, size_t *size, size_t *header);

bool gguf_has(const struct gguf *g, const char *key); /* of any type */
/* Any integer type is accepted by _u32 where the value fits, any float type by _f32. */
bool gguf_u32(const struct gguf *g, const char *key, uint32_t *out);
bool gguf_f32(const struct gguf *g, const char *key, float *out);
bool gguf_bool(const struct gguf *g, const char *key, bool *out);
bool gguf_string(const struct gguf *g, const char *key, struct gguf_str *out);

/* Arrays: length, then elements.  gguf_array_* return false when the key is absent or has another element type. */
bool gguf_array_len(const struct gguf *g, const char *key, size_t *out);
/* All strings of an array in one pass; out has room for gguf_array_len() entries. */
bool gguf_array_strings(const struct gguf *g, const char *key, struct gguf_str *out);
bool gguf_array_f32(const struct gguf *g, const char *key, float *out);
bool gguf_array_i32(const struct gguf *g, const char *key, int32_t *out); /* int or bool elements */

int gguf_tensor_count(const struct gguf *g);
/* Fills *out with row-major shape (GGUF's reversed), its name NUL-terminated and owned by g.  T2_EUNSUP for types
 * that we cannot read, by name: *out is filled all the same, its type T2_DTYPES. */
enum t2_status gguf_tensor(const struct gguf *g, int i, struct tensor *out, struct t2_err *err);

#endif
