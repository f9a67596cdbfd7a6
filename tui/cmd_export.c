#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/model/checkpoint.h"
#include "tui/cli.h"
#include "tui/verbs.h"
#include "tui/weights.h"

static const struct opt opts[] = {
	{"-o", "FILE", "the safetensors file to write"},
	{"--dtype", "T", "f32 (default), bf16 or f16"},
	WEIGHT_OPTS,
	{0},
};

/* Float32 numbers of a matrix into the wanted type. */
static void *
convert(const float *v, size_t n, const char *dtype, size_t *bytes)
{
	uint16_t *h;

	*bytes = n * (strcmp(dtype, "F32") ? 2 : 4);
	h = malloc(*bytes + 1);
	if (!h)
		return NULL;
	if (!strcmp(dtype, "F32"))
		memcpy(h, v, *bytes);
	else if (!strcmp(dtype, "BF16"))
		for (size_t i = 0; i < n; i++)
			h[i] = f32_to_bf16(v[i]);
	else
		for (size_t i = 0; i < n; i++)
			h[i] = f32_to_f16(v[i]);
	return h;
}

/* GGUF keeps the rows of q and k in llama.cpp's order (2i, 2i + 1 of a head are i, i + d/2); a Hugging Face file has the
 * other.  Row order only: sigma and z do not see it. */
static void
hf_rows(float *w, int m, int n, int head_dim, float *tmp)
{
	for (int h = 0; h < m / head_dim; h++) {
		float *head = w + (size_t)h * (size_t)head_dim * (size_t)n;

		memcpy(tmp, head, (size_t)head_dim * (size_t)n * sizeof *tmp);
		for (int i = 0; i < head_dim; i++) {
			int to = i / 2 + (i % 2) * (head_dim / 2);

			memcpy(head + (size_t)to * (size_t)n, tmp + (size_t)i * (size_t)n,
			       (size_t)n * sizeof *tmp);
		}
	}
}

static enum t2_status
one_tensor(struct cli *c, const struct weights *w, const struct tensor *t, const char *dtype,
	   struct st_write *out, struct t2_err *err)
{
	const struct config *g = model_config(c->ws.model);
	int mat = model_matrix_find(c->ws.model, t->name);
	size_t cols = t->ndim ? (size_t)t->shape[t->ndim - 1] : 1, rows = 1, n;
	float *v;
	enum t2_status st = T2_OK;

	for (int i = 0; i + 1 < t->ndim; i++)
		rows *= (size_t)t->shape[i];
	n = rows * cols;
	v = malloc(n * sizeof *v + 1);
	if (!v)
		return t2_nomem(err, t->name);
	if (mat >= 0)
		st = adaptation_weight(w->ad, 0, mat, v, err);
	else
		for (size_t r = 0; r < rows; r++)
			dtype_to_f32(t->type,
				     (const char *)t->data + r * dtype_row_bytes(t->type, cols),
				     cols, v + r * cols);
	if (!st && g->rope_pairs && mat >= 0 &&
	    (mat % MAT_KINDS == MAT_Q || mat % MAT_KINDS == MAT_K)) {
		float *tmp = malloc((size_t)g->head_dim * cols * sizeof *tmp);

		if (tmp)
			hf_rows(v, (int)rows, (int)cols, g->head_dim, tmp);
		else
			st = t2_nomem(err, t->name);
		free(tmp);
	}
	if (!st) {
		*out = (struct st_write){.name = t->name, .dtype = dtype, .ndim = t->ndim};
		for (int i = 0; i < t->ndim; i++)
			out->shape[i] = t->shape[i];
		out->data = convert(v, n, dtype, &out->bytes);
		if (!out->data)
			st = t2_nomem(err, t->name);
	}
	free(v);
	return st;
}

static int
export_run(struct cli *c)
{
	const char *to = cli_str(c, "-o"), *type = cli_str(c, "--dtype"), *dtype = "F32";
	const char *meta[] = {"format", "pt"};
	const struct checkpoint *ck;
	struct weights w;
	struct st_write *t;
	struct stat file;
	int rc, n;

	if (!to)
		return cli_usage(c, "-o FILE is missing");
	if (type && !strcmp(type, "bf16"))
		dtype = "BF16";
	else if (type && !strcmp(type, "f16"))
		dtype = "F16";
	else if (type && strcmp(type, "f32"))
		return cli_usage(c, "--dtype %s: f32, bf16 or f16 is wanted", type);
	if ((rc = weights_open(c, 0, WS_MODEL, &w)))
		return rc;
	ck = model_checkpoint(c->ws.model);
	n = checkpoint_count(ck);
	t = calloc((size_t)n + 1, sizeof *t);
	if (!t) {
		t2_nomem(&c->err, "export");
		rc = 1;
	}
	job_stage(&c->job, "merge", n);
	for (int i = 0; i < n && !rc; i++) {
		if (job_cancelled(&c->job) ||
		    one_tensor(c, &w, checkpoint_tensor(ck, i), dtype, &t[i], &c->err))
			rc = 1;
		job_step(&c->job, 1);
	}
	if (!rc && safetensors_write(to, t, n, meta, 1, &c->err))
		rc = 1;
	if (!rc && stat(to, &file)) {
		t2_fail(&c->err, T2_EIO, "%s: %s", to, strerror(errno));
		rc = 1;
	}
	if (rc)
		rc = cli_fail(c);
	else if (c->json)
		cli_json(json_pack("{s:s,s:I}", "path", to, "bytes", (json_int_t)file.st_size));
	else
		printf("%s: %lld bytes, %s under %s\n", to, (long long)file.st_size, dtype,
		       w.label);
	for (int i = 0; t && i < n; i++)
		free((void *)t[i].data);
	free(t);
	weights_close(&w);
	return rc;
}

const struct command cmd_export = {"export", "MODEL -o FILE", "merged weights as safetensors",
				   opts,     export_run,      1};
