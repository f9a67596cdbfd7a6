#include "tests/lib/ggufmake.h"

#include <string.h>

void
put(struct strbuf *b, uint64_t x, int bytes)
{
	strbuf_add(b, &x, (size_t)bytes);
}

void
put_str(struct strbuf *b, const char *s)
{
	put(b, strlen(s), 8);
	strbuf_str(b, s);
}

void
put_key(struct strbuf *b, const char *key, int type)
{
	put_str(b, key);
	put(b, (uint64_t)type, 4);
}

void
put_head(struct strbuf *b, int version, uint64_t tensors, uint64_t values)
{
	strbuf_str(b, "GGUF");
	put(b, (uint64_t)version, 4);
	put(b, tensors, 8);
	put(b, values, 8);
}

void
put_tensor(struct strbuf *b, const char *name, uint64_t n0, uint64_t n1, int kind, uint64_t offset)
{
	put_str(b, name);
	put(b, n1 ? 2 : 1, 4);
	put(b, n0, 8);
	if (n1)
		put(b, n1, 8);
	put(b, (uint64_t)kind, 4);
	put(b, offset, 8);
}

void
put_pad(struct strbuf *b, size_t align)
{
	while (b->len % align)
		strbuf_char(b, 0);
}

void
put_zeros(struct strbuf *b, size_t n)
{
	while (n--)
		strbuf_char(b, 0);
}

void
put_f32(struct strbuf *b, float f)
{
	uint32_t bits;

	memcpy(&bits, &f, 4);
	put(b, bits, 4);
}
