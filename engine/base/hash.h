/* hash.h - a 128-bit digest (XXH3) of what is fed into it: has this changed since?  Not against an adversary.
 *
 *	struct hash h;
 *	hash_start(&h);
 *	hash_text(&h, name); hash_bytes(&h, z, n * sizeof *z);
 *	hash_end(&h, hex);
 */
#ifndef T2_HASH_H
#define T2_HASH_H

#define XXH_STATIC_LINKING_ONLY /* the state on the stack: hashing cannot fail */
#include <stddef.h>
#include <xxhash.h>

enum { HASH_TEXT = 33 };

struct hash {
	XXH3_state_t state;
};

void hash_start(struct hash *h);
void hash_bytes(struct hash *h, const void *p, size_t n);
void hash_text(struct hash *h, const char *s); /* with its end: "ab", "c" is not "a", "bc" */
void hash_end(const struct hash *h, char out[HASH_TEXT]);

#endif
