#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model/checkpoint.h"
#include "engine/train/pretrain_impl.h"

/* Everything that decides how the run goes on, as text: two runs are the same where these are. */
static void
settings_text(const struct pretrain *p, char *out, size_t cap)
{
	const struct pretrain_settings *s = &p->s;

	snprintf(out, cap,
		 "seed %llu steps %d warmup %d lr %.17g floor %.17g beta %.17g %.17g eps %.17g "
		 "decay %.17g clip %.17g",
		 (unsigned long long)s->seed, s->steps, s->warmup, s->lr, s->floor, s->beta1,
		 s->beta2, s->eps, s->decay, s->clip);
}

enum t2_status
pretrain_save(const struct pretrain *p, const char *path, struct t2_err *err)
{
	const struct {
		const char *name;
		const float *data;
	} part[] = {{"w", p->w}, {"m", p->m}, {"v", p->v}};
	struct st_write t[3];
	char done[16], settings[400];
	const char *meta[] = {"format", "t2-pretrain", "done", done, "settings", settings};

	snprintf(done, sizeof done, "%d", p->done);
	settings_text(p, settings, sizeof settings);
	for (int i = 0; i < 3; i++)
		t[i] = (struct st_write){.name = part[i].name,
					 .dtype = "F32",
					 .ndim = 1,
					 .shape = {(int64_t)p->n},
					 .data = part[i].data,
					 .bytes = p->n * sizeof(float)};
	return safetensors_write(path, t, 3, meta, 3, err);
}

static enum t2_status
state_read(struct pretrain *p, const struct safetensors *s, const char *path, struct t2_err *err)
{
	const struct {
		const char *name;
		float *data;
	} part[] = {{"w", p->w}, {"m", p->m}, {"v", p->v}};
	const char *format = safetensors_meta(s, "format"), *done = safetensors_meta(s, "done");
	const char *settings = safetensors_meta(s, "settings");
	const struct st_tensor *t[3];
	char mine[400], *end;
	long steps;

	if (!format || strcmp(format, "t2-pretrain") || !done || !settings)
		return t2_fail(err, T2_EFORMAT, "%s: not a state of pre-training", path);
	settings_text(p, mine, sizeof mine);
	if (strcmp(mine, settings))
		return t2_fail(err, T2_EMISMATCH,
			       "%s: is of another run (%s): remove it to start anew", path,
			       settings);
	steps = strtol(done, &end, 10);
	if (!*done || *end || steps < 0 || steps > p->s.steps)
		return t2_fail(err, T2_EFORMAT, "%s: \"done\" is \"%.20s\"", path, done);
	for (int i = 0; i < 3; i++) {
		t[i] = safetensors_find(s, part[i].name);
		if (!t[i] || strcmp(t[i]->dtype, "F32") || t[i]->bytes != p->n * sizeof(float))
			return t2_fail(err, T2_EMISMATCH, "%s: \"%s\" does not fit this model",
				       path, part[i].name);
	}
	for (int i = 0; i < 3; i++)
		memcpy(part[i].data, t[i]->data, t[i]->bytes);
	p->done = (int)steps;
	return T2_OK;
}

enum t2_status
pretrain_load(struct pretrain *p, const char *path, struct t2_err *err)
{
	struct safetensors *s;
	enum t2_status st = safetensors_open(&s, path, err);

	if (st)
		return st;
	st = state_read(p, s, path, err);
	safetensors_free(s);
	return st;
}

enum t2_status
pretrain_write(const struct pretrain *p, const char *path, struct t2_err *err)
{
	static const char *const meta[] = {"format", "pt"}; /* transformers asks for this one */
	struct st_write *t = calloc((size_t)p->tensors, sizeof *t);
	enum t2_status st;

	if (!t)
		return t2_nomem(err, path);
	for (int i = 0; i < p->tensors; i++) {
		const struct pretrain_tensor *from = &p->tensor[i];

		t[i] = (struct st_write){
			.name = from->name,
			.dtype = "F32",
			.ndim = from->rows == 1 ? 1 : 2,
			.shape = {from->rows == 1 ? from->cols : from->rows, from->cols},
			.data = from->w,
			.bytes = (size_t)from->rows * (size_t)from->cols * sizeof(float)};
	}
	st = safetensors_write(path, t, p->tensors, meta, 1, err);
	free(t);
	return st;
}
