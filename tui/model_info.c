#include "tui/model_info.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model/chat.h"
#include "engine/model/tokenizer.h"
#include "tui/widgets/gauge.h"

static void
read_tensors(struct model_info *i, const struct checkpoint *ck)
{
	i->tensors = checkpoint_count(ck);
	i->tensor = arena_alloc(&i->arena, (size_t)i->tensors * sizeof *i->tensor + 1);
	for (int k = 0; k < i->tensors && i->tensor; k++) {
		const struct tensor *t = checkpoint_tensor(ck, k);
		struct model_tensor *to = &i->tensor[k];

		to->name = arena_strdup(&i->arena, t->name);
		to->type = arena_strdup(&i->arena, t->type_name);
		to->ndim = t->ndim;
		memcpy(to->shape, t->shape, sizeof to->shape);
		to->bytes = t->bytes;
	}
	i->types = checkpoint_dtypes(ck, i->type, T2_TYPE_NAMES);
	for (int k = 0; k < i->types; k++)
		i->type[k].name = arena_strdup(&i->arena, i->type[k].name);
}

static void
read_files(struct model_info *i, const struct checkpoint *ck)
{
	char path[4096];

	i->bytes = checkpoint_bytes(ck);
	i->files = checkpoint_files(ck);
	i->file = arena_alloc(&i->arena, (size_t)i->files * sizeof *i->file + 1);
	for (int k = 0; k < i->files && i->file; k++) {
		i->file[k].bytes = checkpoint_file(ck, k, path, sizeof path);
		i->file[k].path = arena_strdup(&i->arena, path);
	}
}

int64_t
model_factor_bytes(const struct model *m)
{
	int64_t n = 0;

	for (int i = 0; i < model_matrices(m); i++) {
		const struct weight *w = model_matrix(m, i);

		/* U, Vt and sigma in float32, sigma in float64 too */
		n += 4 * (int64_t)weight_rank(w) * ((int64_t)w->m + w->n + 3);
	}
	return n;
}

enum t2_status
model_info_read(struct model_info **out, const struct model *m, struct t2_err *err)
{
	struct model_info *i = calloc(1, sizeof *i);

	*out = NULL;
	if (!i)
		return t2_nomem(err, model_path(m));
	i->name = arena_strdup(&i->arena, model_name(m));
	i->path = arena_strdup(&i->arena, model_path(m));
	snprintf(i->fingerprint, sizeof i->fingerprint, "%s", model_fingerprint(m));
	i->config = *model_config(m);
	i->parameters = model_parameters(m);
	i->matrices = model_matrices(m);
	i->factor_bytes = model_factor_bytes(m);
	for (int k = 0; k < i->matrices; k++)
		i->adaptable[k % MAT_KINDS]++;
	read_tensors(i, model_checkpoint(m));
	read_files(i, model_checkpoint(m));
	if (i->arena.failed) {
		model_info_free(i);
		return t2_nomem(err, model_path(m));
	}
	*out = i;
	return T2_OK;
}

void
model_info_factors(struct model_info *i, const struct model *m, const struct factors *f)
{
	memset(i->decomposed, 0, sizeof i->decomposed);
	for (int k = 0; k < model_matrices(m); k++)
		i->decomposed[k % MAT_KINDS] += factors_get(f, k) != NULL;
}

int
model_info_decomposed(const struct model_info *i)
{
	int n = 0;

	for (int k = 0; k < MAT_KINDS; k++)
		n += i->decomposed[k];
	return n;
}

/* Families of chat templates are told apart by the marks that they write. */
static const char *
template_kind(const char *source)
{
	static const struct {
		const char *mark, *name;
	} known[] = {
		{"<|im_start|>", "ChatML (<|im_start|>)"},
		{"<|start_header_id|>", "Llama 3 (<|start_header_id|>)"},
		{"[INST]", "Llama 2 ([INST])"},
		{"<|user|>", "Zephyr (<|user|>)"},
		{"<start_of_turn>", "Gemma (<start_of_turn>)"},
		{"### Instruction", "Alpaca (### Instruction)"},
	};

	for (size_t k = 0; k < sizeof known / sizeof *known; k++)
		if (strstr(source, known[k].mark))
			return known[k].name;
	return "its own";
}

static void
read_chat(struct model_info *i, const struct tokenizer *t)
{
	const char *source = tokenizer_chat_template(t);
	struct strbuf b = {0}, line = {0};
	struct chat *chat = NULL;
	struct t2_err err = {0};

	if (chat_open(&chat, i->path, t, &err)) {
		strbuf_printf(&line, "cannot be used: %s", err.msg);
	} else if (source) {
		strbuf_str(&line, template_kind(source));
	} else if (chat_render_one(chat, NULL, "{prompt}", &b, &err)) {
		strbuf_printf(&line, "none: %s", err.msg);
	} else if (!strcmp(b.s ? b.s : "", "{prompt}")) {
		strbuf_str(&line, "none: prompts go in as they are");
	} else {
		strbuf_str(&line, "none; prompts go in as \"");
		for (const char *s = b.s; *s; s++)
			if (*s == '\n')
				strbuf_str(&line, "\\n");
			else
				strbuf_char(&line, *s);
		strbuf_char(&line, '"');
	}
	i->chat = arena_strdup(&i->arena, line.s);
	strbuf_free(&line);
	strbuf_free(&b);
	chat_free(chat);
}

enum t2_status
model_info_text(struct model_info *i, struct t2_err *err)
{
	struct tokenizer *t = NULL;
	struct t2_err why = {0};

	i->text = true;
	if (tokenizer_open(&t, i->path, &why)) {
		i->tokenizer = arena_strdup(&i->arena, why.msg);
	} else {
		i->tokenizer = tokenizer_kind(t);
		i->vocab = tokenizer_size(t);
		i->merges = tokenizer_merges(t);
		read_chat(i, t);
	}
	tokenizer_free(t);
	return i->arena.failed ? t2_nomem(err, i->path) : T2_OK;
}

enum t2_status
model_info_open(struct model_info **out, const char *path, const char *cache, struct job *job,
		struct t2_err *err)
{
	struct factors *f = NULL;
	struct model *m = NULL;
	enum t2_status st;

	*out = NULL;
	job_stage(job, "reading", 0);
	if ((st = model_open(&m, path, err)))
		return st;
	st = model_info_read(out, m, err);
	if (!st && !(st = factors_open(&f, m, cache, err)))
		model_info_factors(*out, m, f);
	factors_free(f);
	model_free(m);
	if (!st && job_cancelled(job))
		st = T2_ECANCEL;
	if (!st)
		st = model_info_text(*out, err);
	if (st) {
		model_info_free(*out);
		*out = NULL;
	}
	return st;
}

void
model_info_free(struct model_info *i)
{
	if (!i)
		return;
	arena_free(&i->arena);
	free(i);
}

/* -- as text ------------------------------------------------------------------------------------------------ */

const char *
model_tensor_shape(const struct model_tensor *t, char *buf, size_t size)
{
	size_t at = 0;

	buf[0] = 0;
	for (int k = 0; k < t->ndim && at < size; k++)
		at += (size_t)snprintf(buf + at, size - at, "%s%lld", k ? " × " : "",
				       (long long)t->shape[k]);
	return buf;
}

struct printer {
	void (*fn)(void *arg, const char *label, const char *text);
	void *arg;
};

static void line(const struct printer *p, const char *label, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void
line(const struct printer *p, const char *label, const char *fmt, ...)
{
	char text[4400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	p->fn(p->arg, label, text);
}

static void
lines_shape(const struct model_info *i, const struct printer *p)
{
	const struct config *c = &i->config;
	char rope[160], b[40];

	line(p, "architecture", "%s", c->arch);
	line(p, "layers", "%d of hidden %d, ffn %d", c->layers, c->hidden, c->ffn);
	line(p, "heads", "%d of %d, %d for keys and values", c->heads, c->head_dim, c->kv_heads);
	line(p, "vocabulary", "%d, output %s", c->vocab,
	     c->tied ? "tied to the embedding" : "of its own");
	snprintf(rope, sizeof rope, "theta %g", c->rope_theta);
	if (c->rope_llama3)
		snprintf(rope + strlen(rope), sizeof rope - strlen(rope),
			 ", Llama 3 scaling by %g from %d", c->rope_factor, c->rope_original);
	if (c->rope_linear != 1)
		snprintf(rope + strlen(rope), sizeof rope - strlen(rope), ", linear scaling by %g",
			 c->rope_linear);
	line(p, "rope", "%s", rope);
	line(p, "context", "%d tokens", c->context);
	line(p, "norm", "RMS, epsilon %g", (double)c->rms_eps);
	line(p, "parameters", "%ld in %d tensors, %s", i->parameters, i->tensors,
	     gauge_bytes(b, sizeof b, (double)i->bytes));
}

void
model_info_lines(const struct model_info *i,
		 void (*fn)(void *arg, const char *label, const char *text), void *arg)
{
	const struct printer p = {fn, arg};
	char b[40];

	lines_shape(i, &p);
	for (int k = 0; k < i->types; k++)
		line(&p, k ? "" : "types", "%-6s %5d tensors  %10s", i->type[k].name,
		     i->type[k].tensors, gauge_bytes(b, sizeof b, (double)i->type[k].bytes));
	if (i->text && i->vocab)
		line(&p, "tokenizer", "%s, %d entries, %d merges", i->tokenizer, i->vocab,
		     i->merges);
	else if (i->text)
		line(&p, "tokenizer", "none: %s", i->tokenizer);
	if (i->text && i->chat)
		line(&p, "chat template", "%s", i->chat);
	line(&p, "fingerprint", "%s", i->fingerprint);
	for (int k = 0; k < i->files; k++)
		line(&p,
		     k		    ? ""
		     : i->files > 1 ? "files"
				    : "file",
		     "%s  %s", i->file[k].path, gauge_bytes(b, sizeof b, (double)i->file[k].bytes));
}
