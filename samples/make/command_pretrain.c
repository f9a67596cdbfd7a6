/* make-samples pretrain */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/base/job.h"
#include "engine/linalg/blas.h"
#include "samples/make/batches.h"
#include "samples/make/command.h"
#include "samples/make/textfile.h"

#define WEIGHTS "model.safetensors"
#define STATE	"pretrain.safetensors" /* while a run is under way: it goes on from there */

enum { CONTEXT = 256, REPORT = 100, CHECKPOINT = 500 };

static struct config
sample_config(const struct tokenizer *t)
{
	struct config c = {
		.arch = "llama",
		.layers = 4,
		.hidden = 128,
		.heads = 4,
		.kv_heads = 2,
		.head_dim = 32,
		.ffn = 384,
		.vocab = tokenizer_size(t),
		.context = CONTEXT,
		.rms_eps = 1e-5f,
		.rope_theta = 10000,
		.rope_linear = 1,
		.tied = true,
		.bos = tokenizer_eos(t),
		.eos = {tokenizer_eos(t)},
		.eos_count = 1,
	};

	return c;
}

/* What transformers and the engine read back as the same model. */
static enum t2_status
config_write(const struct config *c, const char *dir, struct t2_err *err)
{
	json_t *o = json_pack("{s:[s], s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i}",
			      "architectures", "LlamaForCausalLM", "model_type", "llama",
			      "vocab_size", c->vocab, "hidden_size", c->hidden, "intermediate_size",
			      c->ffn, "num_hidden_layers", c->layers, "num_attention_heads",
			      c->heads, "num_key_value_heads", c->kv_heads, "head_dim", c->head_dim,
			      "max_position_embeddings", c->context);
	json_t *more = json_pack("{s:s, s:f, s:f, s:n, s:b, s:b, s:b, s:i, s:i, s:s}", "hidden_act",
				 "silu", "rms_norm_eps", 1e-5, "rope_theta", c->rope_theta,
				 "rope_scaling", "tie_word_embeddings", c->tied, "attention_bias",
				 0, "mlp_bias", 0, "bos_token_id", c->bos, "eos_token_id",
				 c->eos[0], "torch_dtype", "float32");
	enum t2_status st;

	json_object_update(o, more);
	json_decref(more);
	st = textfile_write_json(dir, "config.json", o, err);
	if (st)
		return st;
	return textfile_write_json(dir, "t2tui.json",
				   json_pack("{s:s}", "plain", "Question: {prompt}\nAnswer:"), err);
}

/* Sums between two reports. */
struct report {
	double weighted, all, full, started;
	long tokens;
	int steps;
};

static void
report_add(struct report *r, const struct pretrain_loss *loss)
{
	r->weighted += loss->weighted;
	r->all += loss->all;
	r->full += loss->full;
	r->tokens += loss->tokens;
	r->steps++;
}

/* One JSON line: means since the last. */
static void
report_print(struct report *r, int step, double rate, double norm, double elapsed)
{
	double seconds = clock_seconds() - r->started;

	printf("{\"step\": %d, \"loss\": %.4f, \"all_loss\": %.4f, \"answer_loss\": %.4f, "
	       "\"grad_norm\": %.3f, \"lr\": %.6f, "
	       "\"tokens\": %ld, \"tokens_per_s\": %.0f, \"seconds\": %.1f}\n",
	       step, r->weighted / r->steps, r->all / r->steps, r->full / r->steps, norm, rate,
	       r->tokens, (double)r->tokens / seconds, elapsed);
	fflush(stdout);
	*r = (struct report){.started = clock_seconds()};
}

static enum t2_status
train(struct pretrain *p, struct batches *b, int steps, const char *weights, const char *state,
      struct t2_err *err)
{
	double start = clock_seconds();
	struct report r = {.started = start};
	enum t2_status st = T2_OK;

	while (pretrain_done(p) < steps && !st) {
		double rate = pretrain_rate(p), norm = 0;
		struct pretrain_batch batch;
		struct pretrain_loss loss;
		int done;

		st = batches_get(b, pretrain_done(p), &batch, err);
		if (!st)
			st = pretrain_gradient(p, &batch, &loss, err);
		if (!st)
			st = pretrain_update(p, &norm, err);
		if (st)
			return st;
		report_add(&r, &loss);
		done = pretrain_done(p);
		if (done % REPORT == 0 || done == steps)
			report_print(&r, done, rate, norm, clock_seconds() - start);
		if (done % CHECKPOINT == 0 || done == steps)
			st = pretrain_write(p, weights, err);
		if (!st && done % CHECKPOINT == 0 && done < steps)
			st = pretrain_save(p, state, err);
	}
	return st;
}

enum t2_status
command_pretrain(const struct options *o, struct t2_err *err)
{
	struct pretrain_settings s = pretrain_defaults();
	struct pool *pool = pool_new(o->threads);
	struct tokenizer *tokenizer = NULL;
	struct pretrain *p = NULL;
	struct batches *b = NULL;
	char weights[4096], state[4096];
	enum t2_status st;

	snprintf(weights, sizeof weights, "%s/" WEIGHTS, o->dir);
	snprintf(state, sizeof state, "%s/" STATE, o->dir);
	s.seed = o->seed;
	if (o->steps)
		s.steps = o->steps;
	st = pool ? blas_init(err) : t2_nomem(err, "threads");
	if (!st)
		st = tokenizer_open(&tokenizer, o->dir, err);
	if (!st)
		st = batches_new(&b, tokenizer, s.seed, err);
	if (!st) {
		struct config c = sample_config(tokenizer);

		st = pretrain_new(&p, &c, &s, pool, err);
		if (!st)
			st = config_write(&c, o->dir, err);
	}
	if (!st && !access(state, R_OK)) {
		st = pretrain_load(p, state, err);
		if (!st)
			fprintf(stderr, "make-samples: goes on from step %d of %s\n",
				pretrain_done(p), state);
	}
	if (!st)
		st = train(p, b, s.steps, weights, state, err);
	if (!st)
		remove(state);
	batches_free(b);
	pretrain_free(p);
	tokenizer_free(tokenizer);
	pool_free(pool);
	return st;
}
