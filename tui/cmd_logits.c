#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/memory.h"
#include "engine/linalg/kern.h"
#include "engine/model/forward.h"
#include "tui/cli.h"
#include "tui/verbs.h"
#include "tui/weights.h"

static const struct opt opts[] = {
	{"--tokens", "IDS", "the input, 1,2,3"},
	{"--all", NULL, "every position, not only the last"},
	{"--top", "K", "the K highest (default 20)"},
	{"--raw", "FILE", "writes little-endian float32 [positions][vocabulary]"},
	WEIGHT_OPTS,
	{0},
};

enum {
	CHUNK = 512,	      /* rows that a forward pass takes at once: forward.c */
	PAIR_BYTES = 288,     /* an id and its logit as JSON */
	POSITION_BYTES = 1024 /* and what is around them */
};

struct logits {
	const char *path; /* of the raw file, or NULL */
	int vocab, top;
	int piece; /* positions whose logits stand at once */
	float *v;  /* [piece][vocab] */
	int *order;
	json_t *list; /* JSON: of every position; else NULL */
	FILE *raw;
	struct kv *kv;
	struct forward *forward;
	size_t taken; /* of the memory limit */
};

static const float *sort_by;

static int
higher(const void *a, const void *b)
{
	float x = sort_by[*(const int *)a], y = sort_by[*(const int *)b];

	return x > y ? -1 : x < y ? 1 : *(const int *)a - *(const int *)b;
}

static json_t *
position(const float *row, int vocab, int pos, int top, int *order)
{
	json_t *list = json_array();

	for (int i = 0; i < vocab; i++)
		order[i] = i;
	sort_by = row;
	qsort(order, (size_t)vocab, sizeof *order, higher);
	for (int i = 0; i < top && i < vocab; i++)
		json_array_append_new(
			list, json_pack("[i,o]", order[i], cli_json_real((double)row[order[i]])));
	return json_pack("{s:i,s:o,s:o}", "pos", pos, "logsumexp",
			 cli_json_real(kern_logsumexp(row, vocab)), "top", list);
}

static void
print_position(const json_t *p)
{
	const json_t *t = json_object_get(p, "top");

	printf("position %d  logsumexp %.6f\n", (int)json_integer_value(json_object_get(p, "pos")),
	       json_real_value(json_object_get(p, "logsumexp")));
	for (size_t k = 0; k < json_array_size(t); k++)
		printf("  %6lld %12.6f\n",
		       json_integer_value(json_array_get(json_array_get(t, k), 0)),
		       json_real_value(json_array_get(json_array_get(t, k), 1)));
}

/* Rows of one piece: kept for the answer where that is JSON, else printed. */
static void
report(struct logits *l, int first, int rows)
{
	for (int i = 0; i < rows; i++) {
		json_t *p = position(l->v + (size_t)i * (size_t)l->vocab, l->vocab, first + i,
				     l->top, l->order);

		if (l->list) {
			json_array_append_new(l->list, p);
		} else {
			print_position(p);
			json_decref(p);
		}
	}
}

/* With a limit all positions' logits go piece by piece, of whole CHUNKs where there is room for one. */
static enum t2_status
choose_piece(struct cli *c, struct logits *l, int n, bool all)
{
	struct memory *m = c->memory;
	size_t row = (size_t)l->vocab * sizeof(float),
	       top = (size_t)(l->top < l->vocab ? l->top : l->vocab),
	       kept = (size_t)(c->json && all ? n : 1) * (POSITION_BYTES + top * PAIR_BYTES),
	       fixed = kept + (size_t)l->vocab * sizeof *l->order + kv_bytes(c->ws.model, n) +
		       forward_bytes(c->ws.model, memory_threads(pool_threads(c->ws.pool)), n),
	       fit;

	l->piece = all ? n : 1;
	if (!m)
		return T2_OK;
	if (fixed + row > memory_room(m))
		return memory_short(m, fixed + row, &c->err, "one position");
	fit = (memory_room(m) - fixed) / row;
	if (fit < (size_t)l->piece) {
		l->piece = (int)(fit > CHUNK ? fit / CHUNK * CHUNK : fit);
		memory_tell(m, "logits of %d position%s at once, not %d", l->piece,
			    l->piece == 1 ? "" : "s", n);
	}
	l->taken = fixed + (size_t)l->piece * row;
	memory_take(m, l->taken);
	return T2_OK;
}

static enum t2_status
piece(struct cli *c, struct logits *l, const struct linear *op, const struct segment *seg,
      int first, int rows)
{
	size_t n = (size_t)rows * (size_t)l->vocab;
	enum t2_status st = forward_run(l->forward, op, seg, 1, l->v, &c->err);

	if (!st && l->raw && fwrite(l->v, sizeof *l->v, n, l->raw) != n)
		st = t2_fail(&c->err, T2_EIO, "%s: cannot write: %s", l->path, strerror(errno));
	if (!st)
		report(l, first, rows);
	return st;
}

static enum t2_status
run(struct cli *c, struct logits *l, const struct linear *op, const int *ids, int n, bool all)
{
	enum t2_status st = T2_OK;
	struct segment seg = {.kv = l->kv, .ids = ids, .n = n, .want = WANT_LAST};

	if (!all)
		return piece(c, l, op, &seg, n - 1, 1);
	for (int i = 0; i < n && !st; i += l->piece) {
		seg.ids = ids + i;
		seg.n = n - i < l->piece ? n - i : l->piece;
		seg.want = WANT_ALL;
		st = piece(c, l, op, &seg, i, seg.n);
	}
	return st;
}

static enum t2_status
logits_open(struct cli *c, struct logits *l, int n, bool all)
{
	enum t2_status st = choose_piece(c, l, n, all);

	if (st)
		return st;
	l->v = malloc((size_t)l->piece * (size_t)l->vocab * sizeof *l->v);
	l->order = malloc((size_t)l->vocab * sizeof *l->order);
	l->list = c->json ? json_array() : NULL;
	if (!l->v || !l->order || (c->json && !l->list))
		return t2_nomem(&c->err, "logits");
	if (l->path && !(l->raw = fopen(l->path, "wbe")))
		return t2_fail(&c->err, T2_EIO, "%s: cannot write: %s", l->path, strerror(errno));
	st = kv_new(&l->kv, c->ws.model, n, &c->err);
	return st ? st : forward_new(&l->forward, c->ws.model, c->ws.pool, &c->err);
}

/* The file is whole only once it is closed. */
static enum t2_status
logits_close(struct cli *c, struct logits *l, enum t2_status st)
{
	if (l->raw && fclose(l->raw) && !st)
		st = t2_fail(&c->err, T2_EIO, "%s: cannot write: %s", l->path, strerror(errno));
	if (!st && l->list)
		cli_json(json_pack("{s:O}", "positions", l->list));
	json_decref(l->list);
	free(l->v);
	free(l->order);
	kv_free(l->kv);
	forward_free(l->forward);
	memory_give(c->memory, l->taken);
	return st;
}

static int
logits_run(struct cli *c)
{
	const char *list = cli_str(c, "--tokens");
	struct logits l = {.path = cli_str(c, "--raw"),
			   .top = (int)cli_int(c, "--top", 1, 1 << 30, 20)};
	int n, *ids = NULL, rc;
	bool all = cli_flag(c, "--all");
	struct weights w;
	enum t2_status st;

	if (c->bad)
		return 2;
	if (!list)
		return cli_usage(c, "--tokens is missing");
	if (cli_parse_ids(list, &ids, &n, &c->err))
		return cli_fail(c);
	if (!n) {
		free(ids);
		return cli_usage(c, "--tokens: none given");
	}
	if ((rc = weights_open(c, 0, WS_MODEL, &w))) {
		free(ids);
		return rc;
	}
	l.vocab = model_config(c->ws.model)->vocab;
	if (n > model_config(c->ws.model)->context)
		cli_note(c,
			 "%d ids are more than the model's context of %d: it was not made for the "
			 "later positions",
			 n, model_config(c->ws.model)->context);
	st = logits_open(c, &l, n, all);
	if (!st)
		st = run(c, &l, adaptation_op(w.ad), ids, n, all);
	st = logits_close(c, &l, st);
	free(ids);
	weights_close(&w);
	return st ? cli_fail(c) : 0;
}

const struct command cmd_logits = {
	"logits", "MODEL --tokens IDS", "what the model expects next: ids and logits",
	opts,	  logits_run,		1};
