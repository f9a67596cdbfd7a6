#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model/generate.h"
#include "tui/cli.h"
#include "tui/verbs.h"
#include "tui/weights.h"
#include "tui/widgets/gauge.h"

static const struct opt opts[] = {
	{"--prompt", "TEXT", "the text to go on from, as it is (no chat template)"},
	{"--tokens", "IDS", "the same as token ids"},
	{"-n", "N", "new tokens at most (default 128)"},
	{"--temp", "T", "sampling temperature (default 0: greedy)"},
	{"--top-k", "K", "only the K likeliest (default 0: all)"},
	{"--top-p", "P", "only the likeliest that hold P (default 1)"},
	WEIGHT_OPTS,
	{0},
};

struct collect {
	struct ids ids;
	double first;
	struct t2_err *err;
	enum t2_status st;
};

static bool
on_token(void *arg, int request, int id, float logprob)
{
	struct collect *k = arg;

	(void)request;
	(void)logprob;
	if (!k->ids.n)
		k->first = clock_seconds();
	k->st = ids_push(&k->ids, id, k->err);
	return k->st != T2_OK;
}

static int
prompt_ids(struct cli *c, struct ids *ids)
{
	const char *text = cli_str(c, "--prompt"), *list = cli_str(c, "--tokens");
	char *all = NULL;
	size_t len = text ? strlen(text) : 0;
	enum t2_status st;

	if (text && list)
		return cli_usage(c, "--prompt and --tokens: one of the two");
	if (list)
		return cli_parse_ids(list, &ids->v, &ids->n, &c->err) ? cli_fail(c) : 0;
	if (!text && cli_read_all("-", &all, &len, &c->err))
		return cli_fail(c);
	st = tokenizer_encode(c->ws.tok, text ? text : all, len, TOK_PLAIN, ids, &c->err);
	free(all);
	return st ? cli_fail(c) : 0;
}

static int
print_result(struct cli *c, const struct ids *prompt, const struct collect *k, double start,
	     double ms)
{
	double prompt_ms = k->ids.n ? (k->first - start) * 1000 : ms;
	double rest = ms - prompt_ms;
	double rate = k->ids.n > 1 && rest > 0 ? (k->ids.n - 1) / rest * 1000 : 0;
	struct strbuf text = {0};
	char per[40] = "";
	json_t *ids;

	if (tokenizer_decode(c->ws.tok, k->ids.v, k->ids.n, &text, &c->err)) {
		strbuf_free(&text);
		return cli_fail(c);
	}
	if (!c->json) {
		fwrite(text.s ? text.s : "", 1, text.len, stdout);
		putchar('\n');
		if (gauge_rate_means(k->ids.n, rate))
			snprintf(per, sizeof per, ", %.1f tokens/s", rate);
		cli_note(c, "%d tokens%s, prompt of %d in %.1f ms", k->ids.n, per, prompt->n,
			 prompt_ms);
		strbuf_free(&text);
		return 0;
	}
	ids = json_array();
	for (int i = 0; i < k->ids.n; i++)
		json_array_append_new(ids, json_integer(k->ids.v[i]));
	cli_json(json_pack("{s:o,s:o,s:i,s:i,s:f,s:f,s:f}", "ids", ids, "text",
			   cli_json_text(text.s, text.len), "prompt_tokens", prompt->n, "tokens",
			   k->ids.n, "prompt_ms", prompt_ms, "ms", ms, "tokens_per_s", rate));
	strbuf_free(&text);
	return 0;
}

static int
generate_run(struct cli *c)
{
	struct weights w;
	struct ids prompt = {0};
	struct collect k = {.err = &c->err};
	struct generator *gen = NULL;
	struct gen_request g = {.max_new = (int)cli_int(c, "-n", 1, 1000000, 128),
				.sampling = {.temp = (float)cli_real(c, "--temp", 0, 100, 0),
					     .top_k = (int)cli_int(c, "--top-k", 0, 1 << 30, 0),
					     .top_p = (float)cli_real(c, "--top-p", 0, 1, 1)}};
	struct gen_result end;
	double start;
	int rc, context;

	if (c->bad)
		return 2;
	if ((rc = weights_open(c, 0, WS_TEXT, &w)))
		return rc;
	if ((rc = prompt_ids(c, &prompt)))
		goto out;
	context = model_config(c->ws.model)->context;
	g.ids = prompt.v;
	g.n = prompt.n;
	if (!prompt.n) {
		rc = cli_usage(c, "the prompt is empty: give --prompt or --tokens");
		goto out;
	}
	if (prompt.n >= context) {
		t2_fail(&c->err, T2_EMISMATCH,
			"prompt: %d tokens, the model's context holds %d and the answer too",
			prompt.n, context);
		rc = cli_fail(c);
		goto out;
	}
	if (generator_new(&gen, c->ws.model, c->ws.pool, 1, &c->err)) {
		rc = cli_fail(c);
		goto out;
	}
	start = clock_seconds();
	if (generate(gen, adaptation_op(w.ad), &g, 1, (uint64_t)c->seed, on_token, &k, &end,
		     &c->job, &c->err) ||
	    k.st)
		rc = cli_fail(c);
	else
		rc = print_result(c, &prompt, &k, start, (clock_seconds() - start) * 1000);
	if (!rc && end.end == GEN_CONTEXT)
		cli_note(c, "the model's context of %d tokens is full: the answer ends there",
			 context);
out:
	generator_free(gen);
	ids_free(&prompt);
	ids_free(&k.ids);
	weights_close(&w);
	return rc;
}

const struct command cmd_generate = {
	"generate", "MODEL",	  "goes on from a text, under any expert or mixture",
	opts,	    generate_run, 1};
