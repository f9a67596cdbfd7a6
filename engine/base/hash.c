#include "engine/base/hash.h"

#include <stdio.h>
#include <string.h>

void
hash_start(struct hash *h)
{
	XXH3_128bits_reset(&h->state);
}

void
hash_bytes(struct hash *h, const void *p, size_t n)
{
	XXH3_128bits_update(&h->state, p, n);
}

void
hash_text(struct hash *h, const char *s)
{
	XXH3_128bits_update(&h->state, s, strlen(s) + 1);
}

void
hash_end(const struct hash *h, char out[HASH_TEXT])
{
	XXH128_canonical_t digest;

	XXH128_canonicalFromHash(&digest, XXH3_128bits_digest(&h->state));
	for (size_t i = 0; i < sizeof digest.digest; i++)
		snprintf(out + 2 * i, 3, "%02x", digest.digest[i]);
}
