#include "engine/svf/adaptation.h"

#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/memory.h"
#include "engine/svf/adaptation_impl.h"

static const char *const form_names[] = {
	[FORM_AUTO] = "auto",	      [FORM_BASE] = "base",   [FORM_DENSE] = "dense",
	[FORM_FACTORED] = "factored", [FORM_DELTA] = "delta",
};

/* A component under one slot: s, change, changed. */
#define SCALED_BYTES (2 * sizeof(float) + sizeof(int))

enum { FORMS = sizeof form_names / sizeof *form_names };

/* Dense copies of all slots together may take this much, or one whole model's worth where that is more. */
static const size_t dense_least = (size_t)1 << 30;

const char *
form_name(enum form f)
{
	return form_names[f];
}

bool
form_parse(const char *name, enum form *out)
{
	for (int i = 0; i < FORMS; i++) {
		if (strcmp(name, form_names[i]))
			continue;
		*out = (enum form)i;
		return true;
	}
	return false;
}

size_t
adaptation_bytes(const struct model *m, int slots)
{
	size_t ranks = 0, most = 0;

	for (int i = 0; i < model_matrices(m); i++) {
		size_t r = (size_t)weight_rank(model_matrix(m, i));

		ranks += r;
		most = r > most ? r : most;
	}
	return (size_t)slots * ranks * SCALED_BYTES + 2 * CHUNK * most * sizeof(float);
}

size_t
adaptation_dense_limit(size_t whole, size_t mapped, size_t machine)
{
	size_t limit = whole > dense_least ? whole : dense_least,
	       share = machine > mapped ? (machine - mapped) / 2 : 0;

	return limit <= share ? limit : whole <= share ? share : 0;
}

static size_t
copy_bytes(const struct weight *w)
{
	return (size_t)w->m * (size_t)w->n * sizeof(float);
}

static size_t
stored_bytes(const struct weight *w)
{
	return (size_t)w->m * dtype_row_bytes(w->type, (size_t)w->n);
}

size_t
adaptation_dense_bytes(const struct model *m, int slots)
{
	size_t whole = 0, mapped = stored_bytes(model_head(m)), limit, all;

	if (model_embed(m)->data != model_head(m)->data)
		mapped += stored_bytes(model_embed(m));
	for (int i = 0; i < model_matrices(m); i++) {
		const struct weight *w = model_matrix(m, i);

		whole += copy_bytes(w);
		mapped += stored_bytes(w) +
			  (size_t)weight_rank(w) * ((size_t)w->m + (size_t)w->n) * sizeof(float);
	}
	limit = adaptation_dense_limit(whole, mapped, memory_machine());
	all = whole > SIZE_MAX / (size_t)slots ? SIZE_MAX : (size_t)slots * whole;
	return all < limit ? all : limit;
}

size_t
adaptation_grad_dense(const struct model *m, long rows, size_t held)
{
	size_t reach = 0, sum = 0, limit = adaptation_dense_bytes(m, 1);

	for (int i = 0; i < model_matrices(m); i++) {
		const struct weight *w = model_matrix(m, i);

		reach += (size_t)weight_rank(w);
		if (reach * (size_t)rows * sizeof(float) > held)
			sum += copy_bytes(w);
	}
	return sum < limit ? sum : limit;
}

enum t2_status
adaptation_new(struct adaptation **out, const struct model *m, const struct factors *f,
	       struct pool *pool, int slots, enum form form, struct t2_err *err)
{
	struct adaptation *a;
	size_t need = adaptation_bytes(m, f ? slots : 0);

	*out = NULL;
	if (slots < 1)
		return t2_fail(err, T2_EINVAL, "adaptation: %d slots: at least one is needed",
			       slots);
	a = calloc(1, sizeof *a);
	if (!a)
		return t2_nomem(err, "adaptation");
	a->op = (struct linear){.self = a,
				.forward = adaptation_forward,
				.together = adaptation_together,
				.backward = adaptation_backward,
				.recall = adaptation_recall,
				.hold = adaptation_hold};
	a->model = m;
	a->factors = f;
	a->pool = pool;
	a->form = form;
	a->slots = slots;
	a->count = model_matrices(m);
	for (int i = 0; i < a->count; i++) {
		const struct weight *w = model_matrix(m, i);

		if (weight_rank(w) > a->most_rank)
			a->most_rank = weight_rank(w);
		a->dense_most += copy_bytes(w) * (size_t)slots;
	}
	a->dense_limit = adaptation_dense_bytes(m, slots);
	if (!a->dense_limit) { /* the machine has no room: no dense copies, few gathered columns */
		a->mapped_only = true;
		a->dense_limit = dense_least;
	}
	a->held_limit = ADAPTATION_HELD;
	if (need > memory_room(pool_memory(pool))) {
		enum t2_status st =
			memory_short(pool_memory(pool), need, err, "the room for scale vectors");

		adaptation_free(a);
		return st;
	}
	a->taken = need;
	memory_take(pool_memory(pool), need);
	a->scaled = calloc((size_t)slots * (size_t)a->count + 1, sizeof *a->scaled);
	a->grad = calloc((size_t)a->count + 1, sizeof *a->grad);
	a->reach = calloc((size_t)a->count + 1, sizeof *a->reach);
	a->held = calloc((size_t)a->count + 1, sizeof *a->held);
	a->one = malloc((size_t)CHUNK * (size_t)a->most_rank * sizeof *a->one);
	a->two = malloc((size_t)CHUNK * (size_t)a->most_rank * sizeof *a->two);
	if (!a->scaled || !a->grad || !a->reach || !a->held || !a->one || !a->two) {
		adaptation_free(a);
		return t2_nomem(err, "adaptation");
	}
	*out = a;
	return T2_OK;
}

static void
drop_gathered(struct adaptation *a, int mat, struct scaled *sc)
{
	const struct weight *w = model_matrix(a->model, mat);
	size_t bytes = ((size_t)w->m + (size_t)w->n) * (size_t)sc->nk * sizeof *sc->Uk;

	if (!sc->Uk)
		return;
	adaptation_give(a, bytes);
	free(sc->Uk);
	free(sc->Vk);
	sc->Uk = sc->Vk = NULL;
}

void
adaptation_free(struct adaptation *a)
{
	if (!a)
		return;
	for (size_t i = 0; a->scaled && i < (size_t)a->slots * (size_t)a->count; i++) {
		drop_gathered(a, (int)(i % (size_t)a->count), &a->scaled[i]);
		free(a->scaled[i].s);
		free(a->scaled[i].change);
		free(a->scaled[i].changed);
		free(a->scaled[i].dense);
	}
	for (int i = 0; a->grad && i < a->count; i++)
		free(a->grad[i]);
	for (int i = 0; a->held && i < a->count; i++)
		free(a->held[i].A);
	for (int k = 0; k < MAT_KINDS; k++)
		free(a->near[k].A);
	memory_give(pool_memory(a->pool), a->taken);
	free(a->held);
	free(a->reach);
	free(a->scaled);
	free(a->grad);
	free(a->one);
	free(a->two);
	free(a);
}

static enum t2_status
set_one(struct scaled *sc, const struct factor *f, const float *z, struct t2_err *err)
{
	size_t r = (size_t)f->r;

	if (!sc->s)
		sc->s = malloc(r * sizeof *sc->s);
	if (!sc->change)
		sc->change = malloc(r * sizeof *sc->change);
	if (!sc->changed)
		sc->changed = malloc(r * sizeof *sc->changed);
	if (!sc->s || !sc->change || !sc->changed)
		return t2_nomem(err, "scale vector");
	sc->nk = 0;
	for (int i = 0; i < f->r; i++) {
		sc->s[i] = (float)(f->sigma64[i] * z[i]);
		if (z[i] == 1)
			continue;
		sc->change[sc->nk] = (float)(f->sigma64[i] * ((double)z[i] - 1));
		sc->changed[sc->nk++] = i;
	}
	sc->on = sc->nk > 0;
	return T2_OK;
}

enum t2_status
adaptation_set(struct adaptation *a, int slot, const struct zset *z, struct t2_err *err)
{
	enum t2_status st = T2_OK;

	if (slot < 0 || slot >= a->slots)
		return t2_fail(err, T2_EINVAL, "adaptation: slot %d of %d", slot, a->slots);
	for (int i = 0; i < a->count; i++) {
		struct scaled *sc = adaptation_scaled(a, slot, i);

		drop_gathered(a, i, sc);
		sc->on = sc->dense_ready = false;
		sc->saved = 0;
	}
	if (z && z->count != a->count)
		return t2_fail(err, T2_EMISMATCH,
			       "adaptation: scale vectors of %d matrices, the model has %d",
			       z->count, a->count);
	for (int i = 0; z && i < a->count && !st; i++) {
		const struct factor *f;

		if (!z->z[i])
			continue;
		f = factors_need(a->factors, a->model, i, err);
		if (!f)
			st = T2_ENOTFOUND;
		else if (z->rank[i] != f->r)
			st = t2_fail(err, T2_EMISMATCH,
				     "%s: a scale vector of rank %d, the matrix has %d",
				     model_matrix(a->model, i)->name, z->rank[i], f->r);
		else
			st = set_one(adaptation_scaled(a, slot, i), f, z->z[i], err);
	}
	for (int i = 0; st && i < a->count; i++)
		adaptation_scaled(a, slot, i)->on = false;
	return st;
}

void
adaptation_form(struct adaptation *a, enum form form)
{
	a->form = form;
}

const struct linear *
adaptation_op(const struct adaptation *a)
{
	return &a->op;
}

/* The matrices whose products X V are held first, where not all can be, are those with the longest sums. */
static void
reach_set(struct adaptation *a)
{
	size_t reach = 0;
	int least = 0;

	for (int n = INT_MAX; n > 0; n = least, least = 0)
		for (int i = 0; i < a->count; i++) {
			const struct weight *w = model_matrix(a->model, i);

			if (!a->grad[i])
				continue;
			if (w->n == n)
				a->reach[i] = reach += (size_t)weight_rank(w);
			else if (w->n < n && w->n > least)
				least = w->n;
		}
}

enum t2_status
adaptation_grad_begin(struct adaptation *a, const char *modules, struct t2_err *err)
{
	for (int i = 0; i < a->count; i++) {
		const struct factor *f;

		a->held[i].rows = a->near[i % MAT_KINDS].rows = 0;
		if (!modules || !mat_kind_in((enum mat_kind)(i % MAT_KINDS), modules)) {
			free(a->grad[i]);
			a->grad[i] = NULL;
			continue;
		}
		f = factors_need(a->factors, a->model, i, err);
		if (!f)
			return T2_ENOTFOUND;
		if (!a->grad[i])
			a->grad[i] = malloc((size_t)f->r * sizeof **a->grad);
		if (!a->grad[i])
			return t2_nomem(err, "gradients");
		memset(a->grad[i], 0, (size_t)f->r * sizeof **a->grad);
	}
	reach_set(a);
	return T2_OK;
}

void
adaptation_memory(struct adaptation *a, size_t bytes)
{
	a->held_limit = bytes;
}

void
adaptation_reserve(struct adaptation *a, size_t bytes)
{
	a->dense_limit = bytes < a->dense_limit ? bytes : a->dense_limit;
	a->dense_limit = a->dense_most < a->dense_limit ? a->dense_most : a->dense_limit;
	a->reserved = true;
	a->taken += a->dense_limit;
	memory_take(pool_memory(a->pool), a->dense_limit);
}

const double *
adaptation_grad_s(const struct adaptation *a, int mat)
{
	return a->grad[mat];
}

enum t2_status
adaptation_weight(const struct adaptation *a, int slot, int mat, float *out, struct t2_err *err)
{
	const struct weight *w = model_matrix(a->model, mat);
	const struct scaled *sc = adaptation_scaled(a, slot, mat);
	size_t row = dtype_row_bytes(w->type, (size_t)w->n);
	float *scratch;

	if (!sc->on) {
		for (int i = 0; i < w->m; i++)
			dtype_to_f32(w->type, (const char *)w->data + (size_t)i * row, (size_t)w->n,
				     out + (size_t)i * (size_t)w->n);
		return T2_OK;
	}
	scratch = malloc((size_t)CHUNK * (size_t)weight_rank(w) * sizeof *scratch);
	if (!scratch)
		return t2_nomem(err, w->name);
	adaptation_build(a->pool, factors_get(a->factors, mat), sc->s, scratch, out);
	free(scratch);
	return T2_OK;
}
