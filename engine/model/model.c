#include "engine/model/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/utf8.h"
#include "engine/base/strbuf.h"
#include "engine/model/checkpoint.h"

enum { NAME_SHOWN = 120 }; /* bytes of a foreign name in a message */

struct model {
	struct checkpoint *checkpoint; /* NULL: the tensors are the caller's: */
	const struct tensor *memory;   /* ... only while loading */
	int memory_count;
	struct config config;
	char *name;
	char fingerprint[33];
	long parameters;
	struct weight *matrices; /* [layers * MAT_KINDS] */
	struct weight embed, head;
	float **norms; /* the caller's without a checkpoint; attention and feed-forward norm of layer 0, 1 ..., then the final one */
	float *rope_factors;
};

static const struct {
	const char *name, *tensor;
	bool mlp;
} kinds[MAT_KINDS] = {
	[MAT_Q] = {"q", "self_attn.q_proj", false},   [MAT_K] = {"k", "self_attn.k_proj", false},
	[MAT_V] = {"v", "self_attn.v_proj", false},   [MAT_O] = {"o", "self_attn.o_proj", false},
	[MAT_GATE] = {"gate", "mlp.gate_proj", true}, [MAT_UP] = {"up", "mlp.up_proj", true},
	[MAT_DOWN] = {"down", "mlp.down_proj", true},
};

static const char *const norm_names[2] = {"input_layernorm", "post_attention_layernorm"};

const char *
mat_kind_name(enum mat_kind k)
{
	return kinds[k].name;
}

bool
mat_kind_in(enum mat_kind k, const char *modules)
{
	return !strcmp(modules, "all") || !strcmp(modules, kinds[k].mlp ? "mlp" : "attn");
}

int
weight_rank(const struct weight *w)
{
	return w->m < w->n ? w->m : w->n;
}

static void
kind_shape(const struct config *f, enum mat_kind k, int *rows, int *cols)
{
	int q = f->heads * f->head_dim, kv = f->kv_heads * f->head_dim;

	*rows = k == MAT_Q		       ? q
		: k == MAT_K || k == MAT_V     ? kv
		: k == MAT_GATE || k == MAT_UP ? f->ffn
					       : f->hidden;
	*cols = k == MAT_O ? q : k == MAT_DOWN ? f->ffn : f->hidden;
}

static enum bias_rule
kind_bias(const struct config *f, enum mat_kind k)
{
	return kinds[k].mlp ? f->bias_mlp : k == MAT_O ? f->bias_o : f->bias_qkv;
}

static const char *
where(const struct model *m)
{
	return m->checkpoint ? checkpoint_path(m->checkpoint) : "model in memory";
}

static const struct tensor *
find(const struct model *m, const char *name)
{
	if (m->checkpoint)
		return checkpoint_find(m->checkpoint, name);
	for (int i = 0; i < m->memory_count; i++)
		if (!strcmp(m->memory[i].name, name))
			return &m->memory[i];
	return NULL;
}

static enum t2_status
unreadable(const struct model *m, const struct tensor *t, struct t2_err *err)
{
	return t2_fail(err, T2_EUNSUP,
		       "%s: tensor \"%.*s\" has type %s, which is not read: convert it to F16, "
		       "BF16 or Q8_0",
		       where(m), NAME_SHOWN, t->name, t->type_name);
}

static enum t2_status
missing(const struct model *m, const char *name, struct t2_err *err)
{
	return t2_fail(err, T2_EFORMAT, "%s: tensor \"%s\" is missing: the model is incomplete",
		       where(m), name);
}

/* A matrix as it lies in the file; *w keeps its bias. */
static enum t2_status
take_matrix(struct model *m, const struct tensor *t, int rows, int cols, struct weight *w,
	    struct t2_err *err)
{
	if (t->ndim != 2 || t->shape[0] != rows || t->shape[1] != cols)
		return t2_fail(err, T2_EMISMATCH,
			       "%s: tensor \"%s\" is not [%d][%d], as the config says", where(m),
			       t->name, rows, cols);
	if (t->type == T2_DTYPES)
		return unreadable(m, t, err);
	if (dtype_row_bytes(t->type, (size_t)cols) * (size_t)rows != t->bytes)
		return t2_fail(err, T2_EFORMAT,
			       "%s: tensor \"%s\" is not a whole number of %s blocks a row",
			       where(m), t->name, t->type_name);
	w->name = t->name;
	w->type = t->type;
	w->m = rows;
	w->n = cols;
	w->data = t->data;
	m->parameters += (long)rows * cols;
	return T2_OK;
}

/* A vector of n numbers as float32; the caller frees it. */
static enum t2_status
take_vector(const struct model *m, const struct tensor *t, int n, float **out, struct t2_err *err)
{
	if (t->ndim != 1 || t->shape[0] != n)
		return t2_fail(err, T2_EMISMATCH,
			       "%s: tensor \"%s\" is not [%d], as the config says", where(m),
			       t->name, n);
	if (t->type == T2_DTYPES)
		return unreadable(m, t, err);
	if (dtype_row_bytes(t->type, (size_t)n) != t->bytes)
		return t2_fail(err, T2_EFORMAT,
			       "%s: tensor \"%s\" is not a whole number of %s blocks", where(m),
			       t->name, t->type_name);
	*out = malloc((size_t)n * sizeof **out);
	if (!*out)
		return t2_nomem(err, where(m));
	dtype_to_f32(t->type, t->data, (size_t)n, *out);
	return T2_OK;
}

static enum t2_status
load_norm(struct model *m, const char *name, float **out, struct t2_err *err)
{
	const struct tensor *t = find(m, name);

	if (!t)
		return missing(m, name, err);
	m->parameters += m->config.hidden;
	if (m->checkpoint)
		return take_vector(m, t, m->config.hidden, out, err);
	if (t->type != T2_F32 || t->ndim != 1 || t->shape[0] != m->config.hidden)
		return t2_fail(err, T2_EMISMATCH, "%s: tensor \"%s\" is not float32 [%d]", where(m),
			       name, m->config.hidden);
	*out = (float *)t->data; /* borrowed: it may change */
	return T2_OK;
}

static enum t2_status
load_bias(struct model *m, enum mat_kind k, const char *name, struct weight *w, struct t2_err *err)
{
	const struct tensor *t = find(m, name);
	enum bias_rule rule = kind_bias(&m->config, k);
	float *bias;
	enum t2_status st;

	if (!t)
		return rule == BIAS_NEEDED ? missing(m, name, err) : T2_OK;
	if (rule == BIAS_NONE)
		return t2_fail(
			err, T2_EMISMATCH,
			"%s: tensor \"%s\" is there, but the config says that there is no bias",
			where(m), name);
	st = take_vector(m, t, w->m, &bias, err);
	if (st)
		return st;
	w->bias = bias;
	m->parameters += w->m;
	return T2_OK;
}

static enum t2_status
load_layer(struct model *m, int layer, struct t2_err *err)
{
	char name[96];
	enum t2_status st = T2_OK;

	for (int i = 0; i < 2 && !st; i++) {
		snprintf(name, sizeof name, "model.layers.%d.%s.weight", layer, norm_names[i]);
		st = load_norm(m, name, &m->norms[2 * layer + i], err);
	}
	for (int k = 0; k < MAT_KINDS && !st; k++) {
		struct weight *w = &m->matrices[layer * MAT_KINDS + k];
		const struct tensor *t;
		int rows, cols;

		kind_shape(&m->config, (enum mat_kind)k, &rows, &cols);
		snprintf(name, sizeof name, "model.layers.%d.%s.weight", layer, kinds[k].tensor);
		t = find(m, name);
		st = t ? take_matrix(m, t, rows, cols, w, err) : missing(m, name, err);
		if (st)
			break;
		snprintf(name, sizeof name, "model.layers.%d.%s.bias", layer, kinds[k].tensor);
		st = load_bias(m, (enum mat_kind)k, name, w, err);
	}
	return st;
}

/* Tied matrices are stored once, under either name, or twice alike. */
static enum t2_status
load_ends(struct model *m, struct t2_err *err)
{
	static const char embed_name[] = "model.embed_tokens.weight",
			  head_name[] = "lm_head.weight";
	const struct tensor *embed = find(m, embed_name);
	const struct tensor *head = find(m, head_name);
	const struct config *f = &m->config;
	enum t2_status st;

	if (!embed && !(f->tied && head))
		return missing(m, embed_name, err);
	if (!head && !f->tied)
		return t2_fail(
			err, T2_EFORMAT,
			"%s: tensor \"%s\" is missing, and \"tie_word_embeddings\" is not true",
			where(m), head_name);
	if (f->tied && embed && head &&
	    (embed->type != head->type || embed->bytes != head->bytes ||
	     memcmp(embed->data, head->data, head->bytes)))
		return t2_fail(
			err, T2_EMISMATCH,
			"%s: \"%s\" and \"%s\" differ, but \"tie_word_embeddings\" says that they "
			"are one: set it to false to use both",
			where(m), embed_name, head_name);
	st = take_matrix(m, embed ? embed : head, f->vocab, f->hidden, &m->embed, err);
	if (st)
		return st;
	if (!f->tied)
		return take_matrix(m, head, f->vocab, f->hidden, &m->head, err);
	m->head = m->embed;
	return T2_OK;
}

static enum t2_status
load_rope_factors(struct model *m, struct t2_err *err)
{
	const struct tensor *t = find(m, "rope_freqs.weight");
	int n = m->config.head_dim / 2;
	enum t2_status st;

	if (!t || !m->checkpoint || !checkpoint_gguf(m->checkpoint))
		return T2_OK;
	st = take_vector(m, t, n, &m->rope_factors, err);
	if (st)
		return st;
	for (int i = 0; i < n; i++)
		if (!(m->rope_factors[i] > 0 && isfinite(m->rope_factors[i])))
			return t2_fail(err, T2_EFORMAT, "%s: tensor \"%s\": factor %d is %g",
				       where(m), t->name, i, (double)m->rope_factors[i]);
	return T2_OK;
}

static bool
starts(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

static bool
ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), k = strlen(suffix);

	return n >= k && !strcmp(s + n - k, suffix);
}

/* Is this a tensor of ours?  Parsed rather than looked up: a file may have very many. */
static bool
known(const struct model *m, const char *name)
{
	int layer, used = 0;
	const char *p;
	char again[32];

	if (!strcmp(name, "model.embed_tokens.weight") || !strcmp(name, "lm_head.weight") ||
	    !strcmp(name, "model.norm.weight"))
		return true;
	if (sscanf(name, "model.layers.%6d.%n", &layer, &used) != 1 || !used || layer < 0 ||
	    layer >= m->config.layers)
		return false;
	snprintf(again, sizeof again, "model.layers.%d.", layer); /* no signs, no leading zeros */
	if (!starts(name, again))
		return false;
	p = name + used;
	for (int i = 0; i < 2; i++)
		if (starts(p, norm_names[i]) && !strcmp(p + strlen(norm_names[i]), ".weight"))
			return true;
	for (int k = 0; k < MAT_KINDS; k++)
		if (starts(p, kinds[k].tensor)) {
			p += strlen(kinds[k].tensor);
			return !strcmp(p, ".weight") || !strcmp(p, ".bias");
		}
	return false;
}

/* A tensor that nobody reads would change what the model computes without a word: query norms, a bias of the output,
 * layers beyond the config's.  Tables of angles are computed here. */
static enum t2_status
check_unused(const struct model *m, struct t2_err *err)
{
	for (int i = 0; i < checkpoint_count(m->checkpoint); i++) {
		const char *name = checkpoint_tensor(m->checkpoint, i)->name;

		if (!starts(name, "model.") && !starts(name, "lm_head.") && !starts(name, "blk.") &&
		    !starts(name, "output") && !starts(name, "token_embd"))
			continue;
		if (ends(name, "rotary_emb.inv_freq") || known(m, name))
			continue;
		return t2_fail(err, T2_EUNSUP,
			       "%s: tensor \"%.*s\" has no place in a %s model of %d layers",
			       where(m), NAME_SHOWN, name, m->config.arch, m->config.layers);
	}
	return T2_OK;
}

/* "/models/tiny/" -> "tiny"; "a/b.gguf" -> "b"; "." -> its real name. */
static char *
name_of(const char *path)
{
	char *real = realpath(path, NULL), *name;
	struct strbuf clean = {0};
	size_t n;
	const char *p, *slash;

	p = ends(path, "/.") || ends(path, "..") || !strcmp(path, ".") ? real : path;
	if (!p)
		p = path;
	n = strlen(p);
	while (n > 1 && p[n - 1] == '/')
		n--;
	slash = memrchr(p, '/', n);
	if (slash && n > 1) {
		n -= (size_t)(slash + 1 - p);
		p = slash + 1;
	}
	utf8_clean(&clean, p, n); /* it goes into JSON and the store */
	free(real);
	name = strbuf_take(&clean);
	if (name && ends(name, ".gguf"))
		name[strlen(name) - strlen(".gguf")] = 0;
	else if (name && ends(name, ".safetensors"))
		name[strlen(name) - strlen(".safetensors")] = 0;
	return name;
}

static enum t2_status
fingerprint(struct model *m, struct t2_err *err)
{
	struct strbuf text = {0};
	enum t2_status st = T2_OK;

	config_describe(&m->config, &text);
	if (text.failed)
		st = t2_nomem(err, where(m));
	else
		checkpoint_fingerprint(m->checkpoint, text.s, text.len, m->fingerprint);
	strbuf_free(&text);
	return st;
}

static enum t2_status
load_tensors(struct model *m, struct t2_err *err)
{
	int layers = m->config.layers;
	enum t2_status st;

	m->matrices = calloc((size_t)layers * MAT_KINDS, sizeof *m->matrices);
	m->norms = calloc((size_t)layers * 2 + 1, sizeof *m->norms);
	if (!m->name || !m->matrices || !m->norms)
		return t2_nomem(err, where(m));
	st = load_ends(m, err);
	for (int i = 0; i < layers && !st; i++)
		st = load_layer(m, i, err);
	if (!st)
		st = load_norm(m, "model.norm.weight", &m->norms[2 * layers], err);
	return st;
}

static enum t2_status
load(struct model *m, const char *path, struct t2_err *err)
{
	enum t2_status st = checkpoint_open(&m->checkpoint, path, err);

	if (!st)
		st = config_read(&m->config, m->checkpoint, err);
	if (st)
		return st;
	m->name = name_of(path);
	st = checkpoint_peek(m->checkpoint, err);
	if (!st)
		st = load_tensors(m, err);
	if (!st)
		st = load_rope_factors(m, err);
	if (!st)
		st = check_unused(m, err);
	if (!st)
		st = fingerprint(m, err);
	checkpoint_advise(m->checkpoint);
	return st;
}

enum t2_status
model_open(struct model **out, const char *path, struct t2_err *err)
{
	struct model *m = calloc(1, sizeof *m);
	enum t2_status st;

	*out = NULL;
	if (!m)
		return t2_nomem(err, path);
	st = load(m, path, err);
	if (st)
		model_free(m);
	else
		*out = m;
	return st;
}

enum t2_status
model_from_memory(struct model **out, const struct config *c, const struct tensor *tensors,
		  int count, struct t2_err *err)
{
	struct model *m = calloc(1, sizeof *m);
	enum t2_status st;

	*out = NULL;
	if (!m)
		return t2_nomem(err, "model");
	m->config = *c;
	m->memory = tensors;
	m->memory_count = count;
	m->name = strdup("memory");
	st = load_tensors(m, err);
	m->memory = NULL;
	m->memory_count = 0;
	if (st)
		model_free(m);
	else
		*out = m;
	return st;
}

void
model_free(struct model *m)
{
	if (!m)
		return;
	for (int i = 0; m->matrices && i < model_matrices(m); i++)
		free((float *)m->matrices[i].bias);
	for (int i = 0; m->checkpoint && m->norms && i < 2 * m->config.layers + 1; i++)
		free(m->norms[i]);
	free(m->matrices);
	free(m->norms);
	free(m->rope_factors);
	free(m->name);
	checkpoint_free(m->checkpoint);
	free(m);
}

const struct config *
model_config(const struct model *m)
{
	return &m->config;
}

const struct checkpoint *
model_checkpoint(const struct model *m)
{
	return m->checkpoint;
}

const char *
model_path(const struct model *m)
{
	return where(m);
}

enum t2_status
model_call(struct model *m, const char *name, struct t2_err *err)
{
	char *copy = strdup(name);

	if (!copy)
		return t2_nomem(err, "model");
	free(m->name);
	m->name = copy;
	return T2_OK;
}

const char *
model_name(const struct model *m)
{
	return m->name;
}

const char *
model_fingerprint(const struct model *m)
{
	return m->fingerprint;
}

long
model_parameters(const struct model *m)
{
	return m->parameters;
}

int
model_matrices(const struct model *m)
{
	return m->config.layers * MAT_KINDS;
}

const struct weight *
model_matrix(const struct model *m, int index)
{
	return &m->matrices[index];
}

int
model_matrix_find(const struct model *m, const char *name)
{
	for (int i = 0; i < model_matrices(m); i++)
		if (!strcmp(m->matrices[i].name, name))
			return i;
	return -1;
}

const struct weight *
model_embed(const struct model *m)
{
	return &m->embed;
}

const struct weight *
model_head(const struct model *m)
{
	return &m->head;
}

const float *
model_norm_attn(const struct model *m, int layer)
{
	return m->norms[2 * layer];
}

const float *
model_norm_ffn(const struct model *m, int layer)
{
	return m->norms[2 * layer + 1];
}

const float *
model_norm_final(const struct model *m)
{
	return m->norms[2 * m->config.layers];
}

const float *
model_rope_factors(const struct model *m)
{
	return m->rope_factors;
}
