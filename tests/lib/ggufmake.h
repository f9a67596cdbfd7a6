/* ggufmake.h - GGUF files by hand, right or wrong, byte by byte.
 *
 *	struct strbuf b = {0};
 *	put_head(&b, 3, 1, 1);				// version, tensors, metadata entries
 *	put_key(&b, "llama.block_count", GG_U32), put(&b, 2, 4);
 *	put_tensor(&b, "output_norm.weight", 8, 0, 0, 0);	// inner size, outer size (0: one dimension), type, offset
 *	put_pad(&b, 32);
 *	strbuf_add(&b, data, 32);
 */
#ifndef T2_GGUFMAKE_H
#define T2_GGUFMAKE_H

#include <stdint.h>

#include "engine/base/strbuf.h"

enum {
	GG_U8,
	GG_I8,
	GG_U16,
	GG_I16,
	GG_U32,
	GG_I32,
	GG_F32,
	GG_BOOL,
	GG_STR,
	GG_ARR,
	GG_U64,
	GG_I64,
	GG_F64
};

void put(struct strbuf *b, uint64_t x, int bytes); /* little-endian */
void put_f32(struct strbuf *b, float f);
void put_str(struct strbuf *b, const char *s);
void put_key(struct strbuf *b, const char *key, int type);
void put_head(struct strbuf *b, int version, uint64_t tensors, uint64_t values);
void put_tensor(struct strbuf *b, const char *name, uint64_t n0, uint64_t n1, int kind,
		uint64_t offset);
void put_pad(struct strbuf *b, size_t align);
void put_zeros(struct strbuf *b, size_t n);

#endif
