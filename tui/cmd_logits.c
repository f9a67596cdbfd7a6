#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static int
write_raw(struct cli *c, const char *path, const float *logits, size_t n)
{
	FILE *f = fopen(path, "wbe");
	bool written = f && fwrite(logits, sizeof *logits, n, f) == n;

	if (f && fclose(f))
		written = false;
	if (!written) {
		t2_fail(&c->err, T2_EIO, "%s: cannot write: %s", path, strerror(errno));
		return cli_fail(c);
	}
	return 0;
}

static int
print_logits(struct cli *c, const float *logits, int rows, int first, int vocab, int top)
{
	int *order = malloc((size_t)vocab * sizeof *order);
	json_t *list = order ? json_array() : NULL;

	if (!order) {
		t2_nomem(&c->err, "logits");
		return cli_fail(c);
	}
	for (int i = 0; i < rows; i++)
		json_array_append_new(list, position(logits + (size_t)i * (size_t)vocab, vocab,
						     first + i, top, order));
	free(order);
	if (c->json) {
		cli_json(json_pack("{s:o}", "positions", list));
		return 0;
	}
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *p = json_array_get(list, i), *t = json_object_get(p, "top");

		printf("position %d  logsumexp %.6f\n", first + (int)i,
		       json_real_value(json_object_get(p, "logsumexp")));
		for (size_t k = 0; k < json_array_size(t); k++)
			printf("  %6lld %12.6f\n",
			       json_integer_value(json_array_get(json_array_get(t, k), 0)),
			       json_real_value(json_array_get(json_array_get(t, k), 1)));
	}
	json_decref(list);
	return 0;
}

static int
logits_run(struct cli *c)
{
	const char *list = cli_str(c, "--tokens"), *raw = cli_str(c, "--raw");
	int top = (int)cli_int(c, "--top", 1, 1 << 30, 20), n, *ids = NULL, rc, vocab, rows;
	bool all = cli_flag(c, "--all");
	struct weights w;
	struct forward *f = NULL;
	struct kv *kv = NULL;
	float *logits = NULL;
	struct segment seg;

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
	vocab = model_config(c->ws.model)->vocab;
	rows = all ? n : 1;
	if (n > model_config(c->ws.model)->context)
		cli_note(c,
			 "%d ids are more than the model's context of %d: it was not made for the "
			 "later positions",
			 n, model_config(c->ws.model)->context);
	logits = malloc((size_t)rows * (size_t)vocab * sizeof *logits);
	if (!logits)
		t2_nomem(&c->err, "logits");
	seg = (struct segment){.ids = ids, .n = n, .want = all ? WANT_ALL : WANT_LAST};
	if (!logits || kv_new(&kv, c->ws.model, n, &c->err) ||
	    forward_new(&f, c->ws.model, c->ws.pool, &c->err)) {
		rc = cli_fail(c);
		goto out;
	}
	seg.kv = kv;
	if (forward_run(f, adaptation_op(w.ad), &seg, 1, logits, &c->err))
		rc = cli_fail(c);
	if (!rc && raw)
		rc = write_raw(c, raw, logits, (size_t)rows * (size_t)vocab);
	if (!rc)
		rc = print_logits(c, logits, rows, all ? 0 : n - 1, vocab, top);
out:
	free(ids);
	free(logits);
	kv_free(kv);
	forward_free(f);
	weights_close(&w);
	return rc;
}

const struct command cmd_logits = {
	"logits", "MODEL --tokens IDS", "what the model expects next: ids and logits",
	opts,	  logits_run,		1};
