/* Products under scale vectors.
 *
 * The cost model.  A product of rows inputs with w weights of b bytes takes the time of max(rows w, BALANCE b) multiply-adds:
 * few rows are bound by reading the weights, many by arithmetic.  With r = min(m, n), k changed components:
 *	base		cost(rows, m n, bytes as stored)
 *	dense		cost(rows, m n, 4 m n), and m n r once to build W'
 *	factored	cost(rows, r (m + n), 4 r (m + n))
 *	delta		base + cost(rows, k (m + n), 4 k (m + n))
 * W' is built when the rows seen since z was set would have saved its price (at worst twice the cost of having known).
 * Rows of several slots share the factored form's products, or run slot by slot, whichever is cheaper. */
#include <stdlib.h>
#include <string.h>

#include "engine/linalg/blas.h"
#include "engine/linalg/kern.h"
#include "engine/base/memory.h"
#include "engine/svf/adaptation_impl.h"

#define BALANCE                                                                                    \
	6.0 /* multiply-adds in the time of reading a byte: 240 G/s and 40 GB/s on two threads (PERF) */

enum {
	SCALE_TASK = 16384, /* numbers that one task scales */
	COLUMNS = 64,	    /* components that one task sums over all rows */
};

/* Whether a z changes this matrix. */
static bool
active(const struct adaptation *a, const struct scaled *sc)
{
	return sc->on && a->form != FORM_BASE;
}

static double
cost(int rows, double weights, double bytes)
{
	double work = rows * weights, read = BALANCE * bytes;

	return work > read ? work : read;
}

static double
cost_base(const struct weight *w, int rows)
{
	return cost(rows, (double)w->m * w->n,
		    (double)dtype_row_bytes(w->type, (size_t)w->n) * w->m);
}

static double
cost_floats(double weights, int rows)
{
	return cost(rows, weights, weights * sizeof(float));
}

static double
cost_form(const struct adaptation *a, int mat, const struct scaled *sc, int rows, enum form form)
{
	const struct weight *w = model_matrix(a->model, mat);
	double ends = (double)w->m + w->n;

	switch (form) {
	case FORM_DENSE:
		return cost_floats((double)w->m * w->n, rows);
	case FORM_FACTORED:
		return cost_floats(ends * weight_rank(w), rows);
	case FORM_DELTA:
		return cost_base(w, rows) + cost_floats(ends * sc->nk, rows);
	default:
		return cost_base(w, rows);
	}
}

/* The cheapest form without a dense copy, and its cost. */
static enum form
light_form(const struct adaptation *a, int mat, const struct scaled *sc, int rows, double *price)
{
	double factored = cost_form(a, mat, sc, rows, FORM_FACTORED),
	       delta = cost_form(a, mat, sc, rows, FORM_DELTA);

	*price = delta < factored ? delta : factored;
	return delta < factored ? FORM_DELTA : FORM_FACTORED;
}

/* What these rows would save on a dense copy; above 0 only. */
static double
dense_gain(const struct adaptation *a, int mat, const struct scaled *sc, int rows)
{
	double light, gain;

	light_form(a, mat, sc, rows, &light);
	gain = light - cost_form(a, mat, sc, rows, FORM_DENSE);
	return gain > 0 ? gain : 0;
}

static bool
dense_fits(const struct adaptation *a, int mat, const struct scaled *sc)
{
	const struct weight *w = model_matrix(a->model, mat);
	size_t bytes = (size_t)w->m * (size_t)w->n * sizeof(float);

	return sc->dense || (!a->mapped_only && a->dense_bytes + bytes <= a->dense_limit &&
			     (a->reserved || bytes <= memory_room(pool_memory(a->pool))));
}

static bool
dense_pays(const struct adaptation *a, int mat, const struct scaled *sc, int rows)
{
	const struct weight *w = model_matrix(a->model, mat);
	double gain = dense_gain(a, mat, sc, rows);

	if (gain <= 0)
		return false;
	return sc->dense_ready ||
	       (sc->saved + gain >= (double)w->m * w->n * weight_rank(w) && dense_fits(a, mat, sc));
}

static enum form
choose(const struct adaptation *a, int mat, const struct scaled *sc, int rows)
{
	double price;

	if (!active(a, sc))
		return FORM_BASE;
	if (a->form != FORM_AUTO)
		return a->form;
	return dense_pays(a, mat, sc, rows) ? FORM_DENSE : light_form(a, mat, sc, rows, &price);
}

enum form
adaptation_choice(const struct adaptation *a, int slot, int mat, int rows)
{
	return choose(a, mat, adaptation_scaled(a, slot, mat), rows);
}

/* dst[row] = src[row] * s of the row's slot, rows of r numbers; dst may be src. */
struct scale_work {
	float *dst;
	const float *src;
	const struct adaptation *a; /* for several slots */
	const float *s;		    /* one vector for all rows; NULL: by slot */
	const float *sigma;	    /* of slots without a z */
	const int *slot;
	int mat, rows, r, per_task;
};

static const float *
row_scale(const struct scale_work *w, int row)
{
	const struct scaled *sc;

	if (w->s)
		return w->s;
	sc = adaptation_scaled(w->a, w->slot ? w->slot[row] : 0, w->mat);
	return active(w->a, sc) ? sc->s : w->sigma;
}

/* scale[rows]: of each row. */
static void
row_scales(const struct scale_work *w, const float **scale)
{
	for (int i = 0; i < w->rows; i++)
		scale[i] = row_scale(w, i);
}

static void
scale_task(void *arg, int task, int worker)
{
	const struct scale_work *w = arg;
	int from = task * w->per_task,
	    to = from + w->per_task < w->rows ? from + w->per_task : w->rows;

	(void)worker;
	for (int i = from; i < to; i++)
		kern_scale_mul(w->dst + (size_t)i * (size_t)w->r, w->src + (size_t)i * (size_t)w->r,
			       row_scale(w, i), w->r);
}

static void
scale_rows(struct pool *pool, struct scale_work *w)
{
	w->per_task = SCALE_TASK / w->r + 1;
	pool_run(pool, (w->rows + w->per_task - 1) / w->per_task, scale_task, w);
}

/* W' = (U * s) Vt; scratch[CHUNK][r]. */
void
adaptation_build(struct pool *pool, const struct factor *f, const float *s, float *scratch,
		 float *out)
{
	for (int i = 0; i < f->m; i += CHUNK) {
		int rows = f->m - i < CHUNK ? f->m - i : CHUNK;
		struct scale_work w = {.dst = scratch,
				       .src = f->U + (size_t)i * (size_t)f->r,
				       .s = s,
				       .rows = rows,
				       .r = f->r};

		scale_rows(pool, &w);
		gemm_nn(pool, rows, f->n, f->r, scratch, f->r, f->Vt, f->n,
			out + (size_t)i * (size_t)f->n, f->n, false);
	}
}

/* Room for a form that wants more than the factored one, in what is reserved or else in the pool's memory; false: there is
 * none. */
static bool
taken(struct adaptation *a, size_t bytes, const char *form)
{
	struct memory *m = pool_memory(a->pool);
	size_t own = a->dense_bytes < a->dense_limit ? a->dense_limit - a->dense_bytes : 0,
	       room = a->reserved ? own : memory_room(m);

	if (a->mapped_only && a->form == FORM_AUTO && own < room)
		room = own;
	if (bytes > room) {
		memory_tell(m, "experts in factored form, no room for the %s one", form);
		return false;
	}
	if (a->reserved || a->mapped_only)
		a->dense_bytes += bytes;
	if (!a->reserved) {
		memory_take(m, bytes);
		a->taken += bytes;
	}
	return true;
}

void
adaptation_give(struct adaptation *a, size_t bytes)
{
	if (a->reserved || a->mapped_only)
		a->dense_bytes -= bytes;
	if (!a->reserved) {
		memory_give(pool_memory(a->pool), bytes);
		a->taken -= bytes;
	}
}

/* W' of this slot is there afterwards; false: no memory for it. */
static bool
make_dense(struct adaptation *a, int mat, struct scaled *sc)
{
	const struct factor *f = factors_get(a->factors, mat);
	size_t bytes = (size_t)f->m * (size_t)f->n * sizeof(float);

	if (sc->dense_ready)
		return true;
	if (!sc->dense) {
		if (!taken(a, bytes, "dense"))
			return false;
		sc->dense = malloc(bytes);
		if (!sc->dense) {
			adaptation_give(a, bytes);
			return false;
		}
		if (!a->reserved && !a->mapped_only)
			a->dense_bytes += bytes;
	}
	adaptation_build(a->pool, f, sc->s, a->two, sc->dense);
	sc->dense_ready = true;
	return true;
}

/* The changed components' columns of U and rows of Vt, packed; false: no memory for them. */
static bool
gather(struct adaptation *a, const struct factor *f, struct scaled *sc)
{
	size_t nk = (size_t)sc->nk, n = (size_t)f->n,
	       bytes = ((size_t)f->m + n) * nk * sizeof *sc->Uk;

	if (sc->Uk)
		return true;
	if (!taken(a, bytes, "delta"))
		return false;
	sc->Uk = malloc((size_t)f->m * nk * sizeof *sc->Uk);
	sc->Vk = malloc(nk * n * sizeof *sc->Vk);
	if (!sc->Uk || !sc->Vk) {
		free(sc->Uk);
		free(sc->Vk);
		sc->Uk = sc->Vk = NULL;
		adaptation_give(a, bytes);
		return false;
	}
	for (size_t i = 0; i < (size_t)f->m; i++)
		for (size_t k = 0; k < nk; k++)
			sc->Uk[i * nk + k] = f->U[i * (size_t)f->r + (size_t)sc->changed[k]];
	for (size_t k = 0; k < nk; k++)
		memcpy(sc->Vk + k * n, f->Vt + (size_t)sc->changed[k] * n, n * sizeof *sc->Vk);
	return true;
}

static void
apply_base(const struct adaptation *a, int mat, const float *x, int rows, float *y)
{
	const struct weight *w = model_matrix(a->model, mat);

	gemm_weight_nt(a->pool, w->type, w->data, w->m, w->n, x, rows, y);
}

/* Y += (X V_K * change) U_K^T */
static void
add_delta(struct adaptation *a, const struct factor *f, const struct scaled *sc, const float *x,
	  int rows, float *y)
{
	for (int i = 0; i < rows; i += CHUNK) {
		int n = rows - i < CHUNK ? rows - i : CHUNK;
		struct scale_work w = {
			.dst = a->one, .src = a->one, .s = sc->change, .rows = n, .r = sc->nk};

		gemm_nt(a->pool, n, sc->nk, f->n, x + (size_t)i * (size_t)f->n, f->n, sc->Vk, f->n,
			a->one, sc->nk, false);
		scale_rows(a->pool, &w);
		gemm_nt(a->pool, n, f->m, sc->nk, a->one, sc->nk, sc->Uk, sc->nk,
			y + (size_t)i * (size_t)f->m, f->m, true);
	}
}

/* Y = ((X V) * s) U^T, every row under its own s where s is NULL.  kept (may be NULL): X V of all rows. */
static void
apply_factored(struct adaptation *a, int mat, const float *x, int rows, const int *slot,
	       const float *s, float *y, float *kept)
{
	const struct factor *f = factors_get(a->factors, mat);
	size_t m = (size_t)f->m, n = (size_t)f->n, r = (size_t)f->r;

	for (int i = 0; i < rows; i += CHUNK) {
		int part = rows - i < CHUNK ? rows - i : CHUNK;
		float *A = kept ? kept + (size_t)i * r : a->one;
		struct scale_work w = {.dst = a->one,
				       .src = A,
				       .a = a,
				       .s = s,
				       .sigma = f->sigma,
				       .slot = slot ? slot + i : NULL,
				       .mat = mat,
				       .rows = part,
				       .r = f->r};

		struct gemm_weight first = {T2_F32,
					    f->Vt,
					    f->r,
					    f->n,
					    x + (size_t)i * n,
					    A,
					    kept ? NULL : a->row_scale};

		if (!kept)
			row_scales(&w, a->row_scale);
		gemm_weights_nt(a->pool, &first, 1, part);
		if (kept)
			scale_rows(a->pool, &w);
		gemm_nt(a->pool, part, f->m, f->r, a->one, f->r, f->U, f->r, y + (size_t)i * m,
			f->m, false);
	}
}

/* The form for rows of one slot, ready to run.  A dense copy or gathered columns without memory for them run factored: slower,
 * not wrong. */
static enum form
prepare(struct adaptation *a, int mat, struct scaled *sc, int rows)
{
	enum form form = choose(a, mat, sc, rows);

	if (sc->on && a->form == FORM_AUTO && !sc->dense_ready)
		sc->saved += dense_gain(a, mat, sc, rows);
	if ((form == FORM_DENSE && !make_dense(a, mat, sc)) ||
	    (form == FORM_DELTA && !gather(a, factors_get(a->factors, mat), sc)))
		return FORM_FACTORED;
	return form;
}

static void
apply_form(struct adaptation *a, int mat, const struct scaled *sc, enum form form, const float *x,
	   int rows, float *y)
{
	const struct weight *w = model_matrix(a->model, mat);

	switch (form) {
	case FORM_DENSE:
		gemm_nt(a->pool, rows, w->m, w->n, x, w->n, sc->dense, w->n, y, w->m, false);
		return;
	case FORM_DELTA:
		apply_base(a, mat, x, rows, y);
		add_delta(a, factors_get(a->factors, mat), sc, x, rows, y);
		return;
	case FORM_FACTORED:
		apply_factored(a, mat, x, rows, NULL, sc->s, y, NULL);
		return;
	default:
		apply_base(a, mat, x, rows, y);
	}
}

static void
apply_slot(struct adaptation *a, int mat, int slot, const float *x, int rows, float *y)
{
	struct scaled *sc = adaptation_scaled(a, slot, mat);

	apply_form(a, mat, sc, prepare(a, mat, sc, rows), x, rows, y);
}

/* Neighbouring rows of one slot, from row i on: how many. */
static int
run_length(const int *slot, int i, int rows)
{
	int n = 1;

	while (i + n < rows && slot[i + n] == slot[i])
		n++;
	return n;
}

/* Whether rows of several slots are better off in one factored pass, each under its own s, than slot by slot. */
static bool
better_shared(const struct adaptation *a, int mat, int rows, const int *slot)
{
	double apart = 0;
	bool any = false;

	for (int i = 0; i < rows; i += run_length(slot, i, rows)) {
		const struct scaled *sc = adaptation_scaled(a, slot[i], mat);
		int n = run_length(slot, i, rows);

		any = any || active(a, sc);
		apart += cost_form(a, mat, sc, n, choose(a, mat, sc, n));
	}
	if (!any || a->form == FORM_DENSE || a->form == FORM_DELTA)
		return false;
	return a->form == FORM_FACTORED || cost_form(a, mat, NULL, rows, FORM_FACTORED) < apart;
}

/* By shapes only: what is held must not depend on what was held before. */
bool
adaptation_hold(void *self, int mat, int rows)
{
	const struct adaptation *a = self;

	return a->grad[mat] && a->reach[mat] * (size_t)rows * sizeof(float) <= a->held_limit;
}

/* Room for X V of all rows until backward; NULL: backward computes it again. */
static float *
hold(struct adaptation *a, int mat, int rows)
{
	struct held *h = adaptation_hold(a, mat, rows) ? &a->held[mat] : &a->near[mat % MAT_KINDS];
	size_t n = (size_t)rows * (size_t)weight_rank(model_matrix(a->model, mat));

	h->rows = 0;
	if (n > h->cap) {
		free(h->A);
		h->A = malloc(n * sizeof *h->A);
		h->cap = h->A ? n : 0;
	}
	if (!h->A)
		return NULL;
	h->mat = mat;
	h->rows = rows;
	return h->A;
}

/* X V of this matrix where it waits; what waits is used once. */
static const float *
take(struct adaptation *a, int mat, int rows)
{
	struct held *both[] = {&a->held[mat], &a->near[mat % MAT_KINDS]};
	const float *found = NULL;

	for (int i = 0; i < 2; i++) {
		if (both[i]->mat != mat || !both[i]->rows)
			continue;
		if (both[i]->rows == rows)
			found = both[i]->A;
		both[i]->rows = 0;
	}
	return found;
}

void
adaptation_forward(void *self, int mat, const float *x, int rows, const int *slot, float *y,
		   bool keep)
{
	struct adaptation *a = self;
	const struct weight *w = model_matrix(a->model, mat);
	bool mixed = slot && run_length(slot, 0, rows) < rows;

	if (rows < 1)
		return;
	take(a, mat, 0); /* what an earlier forward left is of another x */
	if (keep && a->grad[mat]) {
		const struct scaled *sc = adaptation_scaled(a, slot ? slot[0] : 0, mat);
		const float *s = mixed		 ? NULL
				 : active(a, sc) ? sc->s
						 : factors_get(a->factors, mat)->sigma;

		apply_factored(a, mat, x, rows, slot, s, y, hold(a, mat, rows));
	} else if (!mixed) {
		apply_slot(a, mat, slot ? slot[0] : 0, x, rows, y);
	} else if (better_shared(a, mat, rows, slot)) {
		apply_factored(a, mat, x, rows, slot, NULL, y, NULL);
	} else {
		for (int i = 0, n; i < rows; i += n) {
			n = run_length(slot, i, rows);
			apply_slot(a, mat, slot[i], x + (size_t)i * (size_t)w->n, n,
				   y + (size_t)i * (size_t)w->m);
		}
	}
}

/* The form under which this matrix joins the others of a call, or FORM_AUTO: it cannot, and its product is done here. */
static enum form
join(struct adaptation *a, int mat, const float *x, int rows, const int *slot, float *y, bool few)
{
	bool mixed = slot && run_length(slot, 0, rows) < rows;
	struct scaled *sc = adaptation_scaled(a, slot ? slot[0] : 0, mat);
	enum form form;

	if (!few || (mixed && !better_shared(a, mat, rows, slot))) {
		adaptation_forward(a, mat, x, rows, slot, y, false);
		return FORM_AUTO;
	}
	take(a, mat, 0);
	form = mixed ? FORM_FACTORED : prepare(a, mat, sc, rows);
	if (form != FORM_DELTA)
		return form;
	apply_form(a, mat, sc, form, x, rows, y);
	return FORM_AUTO;
}

/* All products with x in one piece of parallel work, then all that wait for an X V: a matrix's own two would have the
 * threads meet twice for each.  Those that cannot join come first: they use the same scratch. */
void
adaptation_together(void *self, const int *mat, int count, const float *x, int rows,
		    const int *slot, float *const *y)
{
	struct adaptation *a = self;
	struct gemm_weight first[GEMM_TOGETHER] = {{0}}, second[GEMM_TOGETHER] = {{0}};
	enum form form[GEMM_TOGETHER];
	int firsts = 0, seconds = 0;
	float *A = a->one;

	for (int i = 0; i < count; i++)
		form[i] = join(a, mat[i], x, rows, slot, y[i], rows * count <= CHUNK);
	for (int i = 0; i < count; i++) {
		const struct weight *w = model_matrix(a->model, mat[i]);
		struct scaled *sc = adaptation_scaled(a, slot ? slot[0] : 0, mat[i]);

		if (form[i] == FORM_FACTORED) {
			const struct factor *f = factors_get(a->factors, mat[i]);
			const float **scale = a->row_scale + (size_t)seconds * (size_t)rows;

			row_scales(&(struct scale_work){.a = a,
							.sigma = f->sigma,
							.slot = slot,
							.mat = mat[i],
							.rows = rows},
				   scale);
			first[firsts++] =
				(struct gemm_weight){T2_F32, f->Vt, f->r, f->n, x, A, scale};
			second[seconds++] =
				(struct gemm_weight){T2_F32, f->U, f->m, f->r, A, y[i], NULL};
			A += (size_t)rows * (size_t)f->r;
		} else if (form[i] == FORM_DENSE) {
			first[firsts++] =
				(struct gemm_weight){T2_F32, sc->dense, w->m, w->n, x, y[i], NULL};
		} else if (form[i] == FORM_BASE) {
			first[firsts++] =
				(struct gemm_weight){w->type, w->data, w->m, w->n, x, y[i], NULL};
		}
	}
	gemm_weights_nt(a->pool, first, firsts, rows);
	gemm_weights_nt(a->pool, second, seconds, rows);
}

void
adaptation_recall(void *self, int mat, const float *x, int rows, const int *slot)
{
	(void)self; /* backward has x: it computes X V where nothing is held */
	(void)mat;
	(void)x;
	(void)rows;
	(void)slot;
}

/* ds_i += sum over rows of A[row][i] B[row][i]: every task has its own components and takes the rows in order. */
struct sum_work {
	const float *A, *B;
	const int *slot; /* rows of other slots than 0 do not count; NULL: all are 0 */
	int rows, r;
	double *ds;
};

static void
sum_task(void *arg, int task, int worker)
{
	const struct sum_work *w = arg;
	int from = task * COLUMNS, n = w->r - from < COLUMNS ? w->r - from : COLUMNS;
	double sum[COLUMNS] = {0};

	(void)worker;
	for (int i = 0; i < w->rows; i++) {
		const float *A = w->A + (size_t)i * (size_t)w->r + from,
			    *B = w->B + (size_t)i * (size_t)w->r + from;

		if (w->slot && w->slot[i])
			continue;
		for (int c = 0; c < n; c++)
			sum[c] += (double)A[c] * B[c];
	}
	for (int c = 0; c < n; c++)
		w->ds[from + c] += sum[c];
}

/* dX += ((G U) * s) Vt, and the gradient of s where one is wanted. */
static void
back_factored(struct adaptation *a, int mat, const float *x, const float *g, int rows,
	      const int *slot, const float *s, float *dx)
{
	const struct factor *f = factors_get(a->factors, mat);
	const float *held = a->grad[mat] ? take(a, mat, rows) : NULL;
	size_t m = (size_t)f->m, n = (size_t)f->n, r = (size_t)f->r;

	for (int i = 0; i < rows; i += CHUNK) {
		int part = rows - i < CHUNK ? rows - i : CHUNK;
		struct sum_work sum = {.A = held ? held + (size_t)i * r : a->one,
				       .B = a->two,
				       .slot = slot ? slot + i : NULL,
				       .rows = part,
				       .r = f->r,
				       .ds = a->grad[mat]};
		struct scale_work w = {.dst = a->two,
				       .src = a->two,
				       .a = a,
				       .s = s,
				       .sigma = f->sigma,
				       .slot = slot ? slot + i : NULL,
				       .mat = mat,
				       .rows = part,
				       .r = f->r};

		gemm_nn(a->pool, part, f->r, f->m, g + (size_t)i * m, f->m, f->U, f->r, a->two,
			f->r, false);
		if (sum.ds && !held)
			gemm_nt(a->pool, part, f->r, f->n, x + (size_t)i * n, f->n, f->Vt, f->n,
				a->one, f->r, false);
		if (sum.ds)
			pool_run(a->pool, (f->r + COLUMNS - 1) / COLUMNS, sum_task, &sum);
		scale_rows(a->pool, &w);
		gemm_nn(a->pool, part, f->n, f->r, a->two, f->r, f->Vt, f->n, dx + (size_t)i * n,
			f->n, true);
	}
}

static void
back_slot(struct adaptation *a, int mat, int slot, const float *x, const float *g, int rows,
	  float *dx)
{
	const struct weight *w = model_matrix(a->model, mat);
	const struct scaled *sc = adaptation_scaled(a, slot, mat);
	bool on = active(a, sc);

	if (a->grad[mat])
		back_factored(a, mat, x, g, rows, NULL,
			      on ? sc->s : factors_get(a->factors, mat)->sigma, dx);
	else if (!on)
		gemm_weight_nn(a->pool, w->type, w->data, w->m, w->n, g, rows, dx, true);
	else if (sc->dense_ready)
		gemm_nn(a->pool, rows, w->n, w->m, g, w->m, sc->dense, w->n, dx, w->n, true);
	else
		back_factored(a, mat, x, g, rows, NULL, sc->s, dx);
}

void
adaptation_backward(void *self, int mat, const float *x, const float *g, int rows, const int *slot,
		    float *dx)
{
	struct adaptation *a = self;
	const struct weight *w = model_matrix(a->model, mat);

	if (rows < 1)
		return;
	if (!slot || (run_length(slot, 0, rows) == rows && (slot[0] == 0 || !a->grad[mat]))) {
		back_slot(a, mat, slot ? slot[0] : 0, x, g, rows, dx);
	} else if (a->grad[mat]) {
		back_factored(a, mat, x, g, rows, slot, NULL, dx);
	} else {
		for (int i = 0, n; i < rows; i += n) {
			size_t at = (size_t)i;

			n = run_length(slot, i, rows);
			back_slot(a, mat, slot[i], x + at * (size_t)w->n, g + at * (size_t)w->m, n,
				  dx + at * (size_t)w->n);
		}
	}
}
