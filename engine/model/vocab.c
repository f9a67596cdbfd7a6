#include "engine/model/vocab.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "engine/base/utf8.h"

/* The slot of s, or the empty one where it would go. */
static uint32_t
slot_of(const struct vocab *v, const char *s, size_t len)
{
	uint32_t i = (uint32_t)XXH3_64bits(s, len) & v->mask;

	for (; v->slots[i] >= 0; i = (i + 1) & v->mask) {
		const struct vocab_piece *p = &v->pieces[v->slots[i]];

		if ((size_t)p->len == len && !memcmp(v->text.s + p->off, s, len))
			break;
	}
	return i;
}

static bool
rehash(struct vocab *v, uint32_t size)
{
	int32_t *slots = malloc(size * sizeof *slots);

	if (!slots)
		return false;
	memset(slots, 0xff, size * sizeof *slots);
	free(v->slots);
	v->slots = slots;
	v->mask = size - 1;
	for (int id = 0; id < v->n; id++) {
		const struct vocab_piece *p = &v->pieces[id];

		if (p->len >= 0)
			slots[slot_of(v, v->text.s + p->off, (size_t)p->len)] = id;
	}
	return true;
}

static bool
room(struct vocab *v, int id)
{
	int cap = v->cap ? v->cap : 1024;
	struct vocab_piece *p;

	if (id >= v->cap) {
		while (cap <= id)
			cap *= 2;
		p = realloc(v->pieces, (size_t)cap * sizeof *p);
		if (!p)
			return false;
		v->pieces = p;
		v->cap = cap;
	}
	for (; v->n <= id; v->n++)
		v->pieces[v->n] = (struct vocab_piece){.len = -1};
	if (!v->slots || (uint32_t)v->count * 2 >= v->mask)
		return rehash(v, v->slots ? (v->mask + 1) * 2 : 2048);
	return true;
}

enum t2_status
vocab_add(struct vocab *v, int id, const char *s, size_t len, int flags, const char *where,
	  struct t2_err *err)
{
	int shown = len < 80 ? (int)len : 80;
	uint32_t slot;

	if (id < 0 || id >= VOCAB_MAX)
		return t2_fail(err, T2_EFORMAT, "%s: token \"%.*s\": id %d is not in 0 .. %d",
			       where, shown, s, id, VOCAB_MAX - 1);
	if (id / 2 > v->expect)
		return t2_fail(err, T2_EFORMAT,
			       "%s: token \"%.*s\": id %d, but there are only %d tokens", where,
			       shown, s, id, v->expect);
	if (len > VOCAB_PIECE_MAX)
		return t2_fail(err, T2_EFORMAT, "%s: token %d: %zu bytes, more than %d", where, id,
			       len, VOCAB_PIECE_MAX);
	if (!utf8_valid(s, len))
		return t2_fail(err, T2_EFORMAT, "%s: token %d: not UTF-8", where, id);
	if (v->text.len + len + 1 > UINT32_MAX / 2)
		return t2_fail(err, T2_EFORMAT, "%s: token %d: more than 2 GiB of tokens", where,
			       id);
	if (!room(v, id))
		return t2_nomem(err, where);
	if (v->pieces[id].len >= 0)
		return t2_fail(err, T2_EFORMAT,
			       "%s: id %d stands for two tokens, \"%.80s\" and \"%.*s\"", where, id,
			       v->text.s + v->pieces[id].off, shown, s);
	slot = slot_of(v, s, len);
	if (v->slots[slot] >= 0)
		return t2_fail(err, T2_EFORMAT, "%s: token \"%.*s\" has two ids, %d and %d", where,
			       shown, s, v->slots[slot], id);
	v->pieces[id].off = (uint32_t)v->text.len;
	v->pieces[id].len = (int32_t)len;
	v->pieces[id].flags = (uint8_t)flags;
	strbuf_add(&v->text, s, len);
	strbuf_add(&v->text, "", 1);
	if (v->text.failed)
		return t2_nomem(err, where);
	v->slots[slot] = id;
	v->count++;
	return T2_OK;
}

void
vocab_free(struct vocab *v)
{
	strbuf_free(&v->text);
	free(v->pieces);
	free(v->slots);
	memset(v, 0, sizeof *v);
}

int
vocab_find(const struct vocab *v, const char *s, size_t len)
{
	return v->slots ? v->slots[slot_of(v, s, len)] : -1;
}

int
vocab_find_model(const struct vocab *v, const char *s, size_t len)
{
	int id = vocab_find(v, s, len);

	return id >= 0 && (v->pieces[id].flags & VOCAB_MODEL) ? id : -1;
}

const char *
vocab_piece(const struct vocab *v, int id, size_t *len)
{
	if (id < 0 || id >= v->n || v->pieces[id].len < 0)
		return NULL;
	if (len)
		*len = (size_t)v->pieces[id].len;
	return v->text.s + v->pieces[id].off;
}
