#include "engine/model/bpe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/utf8.h"

#define NO_PAIR UINT64_MAX

static uint64_t
pair_key(int left, int right)
{
	return (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
}

static struct bpe_pair *
pair_slot(const struct bpe *b, uint64_t key)
{
	uint32_t i = (uint32_t)(key * 0x9e3779b97f4a7c15u >> 32) & b->mask;

	while (b->pairs[i].key != key && b->pairs[i].key != NO_PAIR)
		i = (i + 1) & b->mask;
	return &b->pairs[i];
}

static const struct bpe_pair *
pair_find(const struct bpe *b, int left, int right)
{
	const struct bpe_pair *p;

	if (!b->pairs)
		return NULL;
	p = pair_slot(b, pair_key(left, right));
	return p->key == NO_PAIR ? NULL : p;
}

static bool
grow(struct bpe *b)
{
	struct bpe_pair *old = b->pairs;
	uint32_t n = old ? b->mask + 1 : 0, size = n ? n * 2 : 1024;

	b->pairs = malloc(size * sizeof *b->pairs);
	if (!b->pairs) {
		b->pairs = old;
		return false;
	}
	memset(b->pairs, 0xff, size * sizeof *b->pairs);
	b->mask = size - 1;
	for (uint32_t i = 0; i < n; i++)
		if (old[i].key != NO_PAIR)
			*pair_slot(b, old[i].key) = old[i];
	free(old);
	return true;
}

enum t2_status
bpe_merge(struct bpe *b, int left, int right, uint32_t rank, int id, struct t2_err *err)
{
	struct bpe_pair *p;

	if (!b->pairs || b->count >= b->mask / 8 * 5)
		if (!grow(b))
			return t2_nomem(err, "merges");
	p = pair_slot(b, pair_key(left, right));
	b->count += p->key == NO_PAIR;
	*p = (struct bpe_pair){pair_key(left, right), rank, id};
	return T2_OK;
}

void
bpe_ready(struct bpe *b, const struct vocab *v)
{
	b->vocab = v;
	for (int i = 0; i < 256; i++) {
		char name[8];

		snprintf(name, sizeof name, "<0x%02X>", (unsigned)i);
		b->byte_id[i] = vocab_find_model(v, name, 6);
	}
	for (uint32_t c = 0; c < BPE_DIRECT; c++) {
		char s[4];

		b->direct[c] = vocab_find_model(v, s, utf8_write(c, s));
	}
}

void
bpe_free(struct bpe *b)
{
	free(b->pairs);
	b->pairs = NULL;
}

void
bpe_scratch_free(struct bpe_scratch *s)
{
	free(s->sym);
	free(s->heap);
	memset(s, 0, sizeof *s);
}

static bool
add_symbol(struct bpe_scratch *s, int id)
{
	if (s->n == s->cap) {
		int cap = s->cap ? s->cap * 2 : 256;
		struct bpe_symbol *p = realloc(s->sym, (size_t)cap * sizeof *p);

		if (!p)
			return false;
		s->sym = p;
		s->cap = cap;
	}
	s->sym[s->n] = (struct bpe_symbol){id, s->n - 1, s->n + 1};
	s->n++;
	return true;
}

static bool
has_bytes(const struct bpe *b, const char *s, size_t len)
{
	if (!b->byte_fallback)
		return false;
	for (size_t i = 0; i < len; i++)
		if (b->byte_id[(unsigned char)s[i]] < 0)
			return false;
	return true;
}

/* The word's characters as symbols. */
static bool
split(const struct bpe *b, struct bpe_scratch *s, const char *word, size_t len)
{
	bool ok = true;
	int unk =
		0; /* unknown pieces held back: the library puts them after byte pieces, so do we */

	s->n = 0;
	while (len && ok) {
		uint32_t cp;
		size_t k = utf8_next(word, len, &cp);
		int id = cp < BPE_DIRECT ? b->direct[cp] : vocab_find_model(b->vocab, word, k);

		if (id >= 0) {
			if (unk)
				ok = add_symbol(s, b->unk);
			unk = 0;
			ok = ok && add_symbol(s, id);
		} else if (has_bytes(b, word, k)) {
			for (size_t i = 0; i < k && ok; i++)
				ok = add_symbol(s, b->byte_id[(unsigned char)word[i]]);
		} else if (b->unk >= 0) {
			if (unk && !b->fuse_unk)
				ok = add_symbol(s, b->unk);
			unk = 1;
		}
		word += k;
		len -= k;
	}
	if (unk && ok)
		ok = add_symbol(s, b->unk);
	return ok;
}

static void
sink(struct bpe_item *h, size_t n, size_t i)
{
	struct bpe_item x = h[i];

	for (;;) {
		size_t c = 2 * i + 1;

		if (c >= n)
			break;
		if (c + 1 < n && h[c + 1].key < h[c].key)
			c++;
		if (h[c].key >= x.key)
			break;
		h[i] = h[c];
		i = c;
	}
	h[i] = x;
}

static void
rise(struct bpe_item *h, size_t i)
{
	struct bpe_item x = h[i];

	while (i && h[(i - 1) / 2].key > x.key) {
		h[i] = h[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	h[i] = x;
}

/* Puts the pair that starts at symbol pos at the heap's end, if it can be merged at all. */
static bool
offer(const struct bpe *b, struct bpe_scratch *s, int pos)
{
	int next = s->sym[pos].next;
	const struct bpe_pair *p;

	if (next >= s->n)
		return false;
	p = pair_find(b, s->sym[pos].id, s->sym[next].id);
	if (!p)
		return false;
	s->heap[s->items++] = (struct bpe_item){(uint64_t)p->rank << 32 | (uint32_t)pos, p->id};
	return true;
}

static bool
merge(const struct bpe *b, struct bpe_scratch *s)
{
	size_t want = (size_t)s->n *
		      3; /* n at first, and at most two more for each of at most n merges */

	if (s->room < want) {
		struct bpe_item *h = realloc(s->heap, want * sizeof *h);

		if (!h)
			return false;
		s->heap = h;
		s->room = want;
	}
	s->items = 0;
	for (int i = 0; i + 1 < s->n; i++)
		offer(b, s, i);
	for (size_t i = s->items / 2; i-- > 0;)
		sink(s->heap, s->items, i);
	while (s->items) {
		struct bpe_item top = s->heap[0];
		int pos = (int)(uint32_t)top.key, next;
		const struct bpe_pair *p;

		s->heap[0] = s->heap[--s->items];
		if (s->items)
			sink(s->heap, s->items, 0);
		next = s->sym[pos].next;
		if (s->sym[pos].id < 0 || next >= s->n)
			continue;
		/* Either side may have been merged since this was offered. */
		p = pair_find(b, s->sym[pos].id, s->sym[next].id);
		if (!p || p->id != top.id)
			continue;
		s->sym[pos].id = top.id;
		s->sym[pos].next = s->sym[next].next;
		s->sym[next].id = -1;
		if (s->sym[pos].next < s->n)
			s->sym[s->sym[pos].next].prev = pos;
		if (s->sym[pos].prev >= 0 && offer(b, s, s->sym[pos].prev))
			rise(s->heap, s->items - 1);
		if (offer(b, s, pos))
			rise(s->heap, s->items - 1);
	}
	return true;
}

/* A piece that only existed while merging was one unknown character. */
static enum t2_status
put_hidden(const struct bpe *b, int id, struct ids *out, struct t2_err *err)
{
	size_t len;
	const char *s = vocab_piece(b->vocab, id, &len);
	enum t2_status st = T2_OK;

	if (!has_bytes(b, s, len))
		return b->unk >= 0 ? ids_push(out, b->unk, err) : T2_OK;
	for (size_t i = 0; i < len && !st; i++)
		st = ids_push(out, b->byte_id[(unsigned char)s[i]], err);
	return st;
}

enum t2_status
bpe_encode(const struct bpe *b, struct bpe_scratch *s, const char *word, size_t len,
	   struct ids *out, struct t2_err *err)
{
	enum t2_status st = T2_OK;

	if (b->ignore_merges) {
		int id = vocab_find_model(b->vocab, word, len);

		if (id >= 0)
			return ids_push(out, id, err);
	}
	if (!split(b, s, word, len) || !merge(b, s))
		return t2_nomem(err, "tokenizing");
	for (int i = 0; i < s->n && !st; i = s->sym[i].next) {
		int id = s->sym[i].id;

		st = b->hidden && id >= b->hidden ? put_hidden(b, id, out, err)
						  : ids_push(out, id, err);
	}
	return st;
}
