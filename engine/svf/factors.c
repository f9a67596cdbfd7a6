#include "engine/svf/factors.h"

#include <stdlib.h>
#include <string.h>

#include "engine/model/checkpoint.h"
#include "engine/svf/factor_file.h"

struct entry {
	struct factor a; /* U NULL: not there */
	struct safetensors *file;
	double *wide; /* sigma64, where the source had none */
};

struct factors {
	const struct model *model;
	char *dir; /* NULL: from memory */
	struct entry *list;
	int count;
};

static enum t2_status
factors_new(struct factors **out, const struct model *m, struct t2_err *err)
{
	struct factors *f = calloc(1, sizeof *f);

	*out = NULL;
	if (!f)
		return t2_nomem(err, "factors");
	f->model = m;
	f->count = model_matrices(m);
	f->list = calloc((size_t)f->count + 1, sizeof *f->list);
	if (!f->list) {
		factors_free(f);
		return t2_nomem(err, "factors");
	}
	*out = f;
	return T2_OK;
}

void
factors_free(struct factors *f)
{
	if (!f)
		return;
	for (int i = 0; f->list && i < f->count; i++) {
		safetensors_free(f->list[i].file);
		free(f->list[i].wide);
	}
	free(f->list);
	free(f->dir);
	free(f);
}

static enum t2_status
load_missing(struct factors *f, int mat, struct t2_err *err)
{
	struct entry *e = &f->list[mat];

	if (e->a.U)
		return T2_OK;
	return factor_file_open(&e->file, &e->a, f->model, mat, f->dir, err);
}

enum t2_status
factors_open(struct factors **out, const struct model *m, const char *cache_dir, struct t2_err *err)
{
	struct factors *f;
	enum t2_status st = factors_new(&f, m, err);

	*out = NULL;
	if (st)
		return st;
	f->dir = factor_file_dir(m, cache_dir);
	if (!f->dir)
		st = t2_nomem(err, "factors");
	for (int i = 0; i < f->count && !st; i++) {
		st = load_missing(f, i, err);
		if (st == T2_ENOTFOUND)
			st = T2_OK;
	}
	if (st)
		factors_free(f);
	else
		*out = f;
	return st;
}

int
factors_refresh(struct factors *f)
{
	for (int i = 0; f->dir && i < f->count; i++)
		load_missing(f, i, NULL);
	return factors_count(f);
}

const struct factor *
factors_get(const struct factors *f, int mat)
{
	if (mat < 0 || mat >= f->count || !f->list[mat].a.U)
		return NULL;
	return &f->list[mat].a;
}

const struct factor *
factors_need(const struct factors *f, const struct model *m, int mat, struct t2_err *err)
{
	const struct factor *a = f ? factors_get(f, mat) : NULL;

	if (!a)
		t2_fail(err, T2_ENOTFOUND, "%s is not decomposed yet: decompose the model first",
			model_matrix(m, mat)->name);
	return a;
}

int
factors_count(const struct factors *f)
{
	int n = 0;

	for (int i = 0; i < f->count; i++)
		n += f->list[i].a.U != NULL;
	return n;
}

enum t2_status
factors_from(struct factors **out, const struct model *m, const struct factor *list,
	     struct t2_err *err)
{
	struct factors *f;
	enum t2_status st = factors_new(&f, m, err);

	*out = NULL;
	for (int i = 0; !st && i < f->count; i++) {
		const struct weight *w = model_matrix(m, i);
		struct entry *e = &f->list[i];

		if (!list[i].U)
			continue;
		e->a = list[i];
		if (list[i].m != w->m || list[i].n != w->n || list[i].r != weight_rank(w))
			st = t2_fail(err, T2_EMISMATCH,
				     "factors of %s: %d x %d, rank %d; the matrix is %d x %d",
				     w->name, list[i].m, list[i].n, list[i].r, w->m, w->n);
		if (st || list[i].sigma64)
			continue;
		e->wide = malloc((size_t)e->a.r * sizeof *e->wide);
		if (!e->wide)
			st = t2_nomem(err, "factors");
		for (int k = 0; !st && k < e->a.r; k++)
			e->wide[k] = e->a.sigma[k];
		e->a.sigma64 = e->wide;
	}
	if (st)
		factors_free(f);
	else
		*out = f;
	return st;
}
