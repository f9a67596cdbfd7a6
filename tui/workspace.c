#include "tui/workspace.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/svf/expert.h"
#include "engine/base/memory.h"
#include "engine/svf/spectrum.h"
#include "store/models.h"
#include "store/runs.h"
#include "tui/paths.h"
#include "tui/shipped.h"

#define WS_BYTES	((size_t)1 << 20)
#define WS_MATRIX_BYTES ((size_t)8 << 10)
#define WS_TOKEN_BYTES	192

static enum t2_status
start_threads(struct workspace *ws, int threads, struct t2_err *err)
{
	if (!ws->pool && !(ws->pool = pool_new(threads)))
		return t2_nomem(err, "threads");
	pool_use_memory(ws->pool, ws->memory);
	return ws->cache[0] ? T2_OK : store_cache_dir(ws->cache, sizeof ws->cache, err);
}

enum t2_status
workspace_join(struct workspace *ws, int threads, const struct store_place *place,
	       struct t2_err *err)
{
	enum t2_status st = start_threads(ws, threads, err);

	return st || ws->store ? st : store_open_again(&ws->store, place, err);
}

enum t2_status
workspace_start(struct workspace *ws, int threads, const char *store_path, struct t2_err *err)
{
	enum t2_status st = start_threads(ws, threads, err);

	if (st)
		return st;
	if (!ws->store) {
		if ((st = store_open(&ws->store, store_path, err)))
			return st;
		if (!store_readonly(ws->store) && (st = shipped_register(ws->store, err)))
			return st;
	}
	return T2_OK;
}

static void
close_model(struct workspace *ws)
{
	memory_give(ws->memory, ws->taken);
	ws->taken = 0;
	factors_free(ws->factors);
	chat_free(ws->chat);
	tokenizer_free(ws->tok);
	model_free(ws->model);
	ws->factors = NULL;
	ws->chat = NULL;
	ws->tok = NULL;
	ws->model = NULL;
	ws->model_id = 0;
}

void
workspace_stop(struct workspace *ws)
{
	close_model(ws);
	store_close(ws->store);
	pool_free(ws->pool);
	memset(ws, 0, sizeof *ws);
}

/* A path wins over a name, "sample" over the store: what is on disk is what the user sees. */
enum t2_status
workspace_path(struct workspace *ws, const char *name, char *path, size_t size, bool *shipped,
	       struct t2_err *err)
{
	struct arena a = {0};
	struct model_row row;
	enum t2_status st = T2_OK;

	*shipped = false;
	if (!*name)
		return t2_fail(err, T2_EINVAL,
			       "the model's name is empty: name a folder, a file or a model of the "
			       "store; \"sample\" is always there");
	if (!strcmp(name, "sample")) {
		*shipped = true;
		if (!paths_share("samples/model", path, (int)size))
			return t2_fail(err, T2_ENOTFOUND,
				       "sample: the shipped files are not here; set T2TUI_SHARE to "
				       "their folder");
		return T2_OK;
	}
	if (!access(name, F_OK)) {
		if ((size_t)snprintf(path, size, "%s", name) >= size)
			return t2_fail(err, T2_EINVAL, "%.40s...: path too long", name);
		return T2_OK;
	}
	if (strchr(name, '/') || !ws->store)
		return t2_fail(err, T2_ENOTFOUND, "%s: no such file or folder", name);
	st = store_model_find(ws->store, name, &row, &a, err);
	if (!st && row.shipped) {
		*shipped = true;
		if (!paths_share("samples/model", path, (int)size))
			st = t2_fail(err, T2_ENOTFOUND, "sample: the shipped files are not here");
	} else if (!st) {
		snprintf(path, size, "%s", row.path);
		if (access(path, R_OK))
			st = t2_fail(err, T2_ENOTFOUND,
				     "model %s: its file %s is gone; open it from its new place",
				     name, path);
	}
	arena_free(&a);
	return st;
}

/* The disk is full, somebody else holds it: what only reads goes on with a store that cannot be written. */
static bool
refused(enum t2_status st)
{
	return st == T2_EIO || st == T2_EBUSY;
}

/* A store that may only be read, or cannot be written now, may not know the model: it then has no experts of it, nor anything
 * else.  Where it does know it, only the time of this opening is not noted: nothing that anybody has to be told of. */
static enum t2_status
register_model(struct workspace *ws, bool shipped, int what, struct t2_err *err)
{
	struct arena a = {0};
	struct model_row row;
	struct t2_err none;
	enum t2_status st;

	if (!store_readonly(ws->store)) {
		st = store_model_register(ws->store, ws->model, NULL, shipped, &ws->model_id,
					  &ws->lost);
		if (st && (!refused(st) || !(what & WS_UNKEPT)))
			return t2_fail(err, st, "%s", ws->lost.msg);
		if (!st)
			return T2_OK;
	} else {
		store_begin(ws->store, &ws->lost); /* fails, and says why */
	}
	st = store_model_find(ws->store, model_fingerprint(ws->model), &row, &a, &none);
	ws->model_id = st ? -1 : row.id;
	arena_free(&a);
	if (st && st != T2_ENOTFOUND)
		return t2_fail(err, st, "%s", none.msg);
	return T2_OK;
}

/* About what a model's tokenizer, templates, norms and names come to: by measurement, generously. */
static enum t2_status
take_memory(struct workspace *ws, int what, struct t2_err *err)
{
	const struct config *c = model_config(ws->model);
	size_t bytes = WS_BYTES + (size_t)model_matrices(ws->model) * WS_MATRIX_BYTES;

	if (what & WS_TEXT)
		bytes += (size_t)c->vocab * WS_TOKEN_BYTES;
	if (bytes > memory_room(ws->memory))
		return memory_short(ws->memory, bytes, err, ws->name);
	memory_take(ws->memory, bytes);
	ws->taken = bytes;
	return T2_OK;
}

enum t2_status
workspace_model(struct workspace *ws, const char *name, int what, struct job *job,
		struct t2_err *err)
{
	char path[1024], real[4096];
	bool shipped;
	enum t2_status st = workspace_path(ws, name, path, sizeof path, &shipped, err);

	if (st)
		return st;
	close_model(ws);
	if ((st = model_open(&ws->model, realpath(path, real) ? real : path, err)))
		return st;
	if (shipped && (st = model_call(ws->model, "sample", err)))
		return st;
	snprintf(ws->name, sizeof ws->name, "%s", model_name(ws->model));
	if (ws->store && (st = register_model(ws, shipped, what, err)))
		return st;
	if ((st = take_memory(ws, what, err)))
		return st;
	if (what & WS_TEXT) {
		const char *p = model_path(ws->model);

		if ((st = tokenizer_open(&ws->tok, p, err)) ||
		    (st = chat_open(&ws->chat, p, ws->tok, err)))
			return st;
		if (tokenizer_size(ws->tok) > model_config(ws->model)->vocab)
			return t2_fail(
				err, T2_EMISMATCH,
				"%s: the tokenizer has %d entries, the model's embedding only %d",
				p, tokenizer_size(ws->tok), model_config(ws->model)->vocab);
	}
	if (what & WS_FACTORS) {
		st = workspace_decompose(ws, "all", false, false, job, NULL, err);
		/* the factors are here and cached; their figures in the store are for other programs' questions */
		return ws->factors && refused(st) && (what & WS_UNKEPT) ? T2_OK : st;
	}
	if (what & WS_CACHED)
		return factors_open(&ws->factors, ws->model, ws->cache, err);
	return T2_OK;
}

static enum t2_status
keep_spectra(struct workspace *ws, struct t2_err *err)
{
	enum t2_status st = store_begin(ws->store, err);

	for (int i = 0; i < model_matrices(ws->model) && !st; i++) {
		const struct factor *f = factors_get(ws->factors, i);
		const struct weight *w = model_matrix(ws->model, i);
		struct spectrum_stats stats;

		if (!f)
			continue;
		if ((st = spectrum_compute(&stats, f->sigma, f->m, f->n, err)))
			break;
		st = store_matrix_put(ws->store, ws->model_id, i, w->name, i / MAT_KINDS,
				      mat_kind_name(i % MAT_KINDS), f->m, f->n, f->sigma, &stats,
				      err);
	}
	if (!st)
		st = store_commit(ws->store, err);
	if (st)
		store_rollback(ws->store);
	return st;
}

enum t2_status
workspace_decompose(struct workspace *ws, const char *modules, bool check, bool force,
		    struct job *job, struct decompose_report *report, struct t2_err *err)
{
	struct decompose_report mine;
	enum t2_status st;

	if (!report)
		report = &mine;
	factors_free(ws->factors);
	ws->factors = NULL;
	st = factors_decompose(ws->model, ws->cache, modules, check, force, ws->pool, job, NULL,
			       NULL, report, err);
	if (!st)
		st = factors_open(&ws->factors, ws->model, ws->cache, err);
	if (!st && report->computed && ws->store && ws->model_id >= 0 && !store_readonly(ws->store))
		st = keep_spectra(ws, err);
	return st;
}

static bool
is_task(const char *dir)
{
	char p[1200];

	return snprintf(p, sizeof p, "%s/task.json", dir) < (int)sizeof p && !access(p, R_OK);
}

enum t2_status
workspace_task(const char *name, struct task **out, struct t2_err *err)
{
	char rel[300], dir[1100], data[1000];
	bool own;

	*out = NULL;
	if (strchr(name, '/') || is_task(name))
		return task_open(out, name, err);
	if (snprintf(rel, sizeof rel, "samples/tasks/%s", name) < (int)sizeof rel &&
	    paths_share(rel, dir, sizeof dir) && is_task(dir))
		return task_open(out, dir, err);
	/* there may be no folder of the user's own: the message says where it would be */
	own = !store_data_dir(data, sizeof data, NULL);
	if (own && snprintf(dir, sizeof dir, "%s/tasks/%s", data, name) < (int)sizeof dir &&
	    is_task(dir))
		return task_open(out, dir, err);
	return t2_fail(
		err, T2_ENOTFOUND,
		"task %s: neither a folder with task.json nor a task in samples/tasks or %s/tasks",
		name, own ? data : "$XDG_DATA_HOME/t2tui");
}

void
workspace_task_spec(const char *name, char *out, size_t size)
{
	char real[4096];

	snprintf(out, size, "%s",
		 (strchr(name, '/') || is_task(name)) && realpath(name, real) ? real : name);
}

enum t2_status
workspace_expert_zset(struct workspace *ws, int64_t expert, struct zset **out, struct t2_err *err)
{
	struct expert *e;
	enum t2_status st = store_expert_load(ws->store, expert, ws->model, &e, err);

	*out = NULL;
	if (st)
		return st;
	*out = expert_take_z(e);
	return T2_OK;
}

/* A name of the store wins where both exist, unless it looks like a path. */
static bool
is_expert_file(struct workspace *ws, const char *name)
{
	struct arena a = {0};
	struct expert_row row;
	bool file;

	if (strchr(name, '/'))
		return true;
	/* a store that cannot be asked makes it a name: looking that up says what is wrong with the store */
	file = !access(name, R_OK) &&
	       store_expert_find(ws->store, 0, name, &row, &a, NULL) == T2_ENOTFOUND;
	arena_free(&a);
	return file;
}

enum t2_status
workspace_expert(struct workspace *ws, const char *name, bool transfer, struct expert **out,
		 char *note, struct t2_err *err)
{
	struct arena a = {0};
	struct expert_row row;
	enum t2_status st;

	*out = NULL;
	if (is_expert_file(ws, name)) {
		if (!ws->factors && (st = factors_open(&ws->factors, ws->model, ws->cache, err)))
			return st;
		st = expert_load(out, name, ws->model, ws->factors, transfer, err);
		if (!st && note)
			snprintf(note, 256, "%s", (*out)->note);
		return st;
	}
	st = store_expert_find(ws->store, ws->model_id, name, &row, &a, err);
	if (st == T2_ENOTFOUND && transfer)
		st = store_expert_find(ws->store, 0, name, &row, &a, err);
	if (!st && row.model != ws->model_id && note)
		snprintf(note, 256, "expert %s was trained on %s", row.name, row.model_name);
	if (!st)
		st = store_expert_load(ws->store, row.id, ws->model, out, err);
	arena_free(&a);
	return st;
}

static enum t2_status
expert_zset(struct workspace *ws, const char *name, bool transfer, struct zset **out, char *note,
	    struct t2_err *err)
{
	struct expert *e;
	enum t2_status st = workspace_expert(ws, name, transfer, &e, note, err);

	*out = NULL;
	if (st)
		return st;
	*out = expert_take_z(e);
	return T2_OK;
}

enum t2_status
workspace_mixture_zset(struct workspace *ws, const struct mixture_row *m, struct zset **out,
		       struct t2_err *err)
{
	int k = m->parts, count = model_matrices(ws->model);
	struct zset **z = calloc((size_t)k + 1, sizeof *z);
	double *alpha = calloc((size_t)k * (size_t)count + 1, sizeof *alpha);
	enum t2_status st = T2_OK;
	bool per = false;

	*out = NULL;
	if (!z || !alpha)
		st = t2_nomem(err, "mixture");
	for (int i = 0; i < k; i++)
		per = per || m->part[i].alphas;
	for (int i = 0; i < k && !st; i++) {
		const struct mixture_part *p = &m->part[i];

		if (p->alphas && p->count != count)
			st = t2_fail(err, T2_EMISMATCH,
				     "mixture %s: %d alphas, the model has %d matrices", m->name,
				     p->count, count);
		for (int j = 0; j < count && !st && per; j++)
			alpha[(size_t)i * (size_t)count + (size_t)j] =
				p->alphas ? (double)p->alphas[j] : p->alpha;
		if (!per)
			alpha[i] = p->alpha;
		if (!st)
			st = workspace_expert_zset(ws, p->expert, &z[i], err);
	}
	if (!st)
		st = zset_new(out, ws->model, err);
	if (!st)
		st = zset_mix(*out, (const struct zset *const *)z, alpha, k, per, m->normalised,
			      err);
	for (int i = 0; z && i < k; i++)
		zset_free(z[i]);
	free(z);
	free(alpha);
	if (st) {
		zset_free(*out);
		*out = NULL;
	}
	return st;
}

/* Which expert a name of a written mixture is, however it is written: the store's number, or the file's real path. */
static enum t2_status
identity(struct workspace *ws, const char *name, char *out, size_t size, struct t2_err *err)
{
	struct arena a = {0};
	struct expert_row row;
	char real[PATH_MAX];
	enum t2_status st;

	if (is_expert_file(ws, name)) {
		snprintf(out, size, "%s", realpath(name, real) ? real : name);
		return T2_OK;
	}
	st = store_expert_find(ws->store, ws->model_id, name, &row, &a, err);
	if (st == T2_ENOTFOUND) /* with --transfer it may be another model's */
		st = store_expert_find(ws->store, 0, name, &row, &a, err);
	if (!st)
		snprintf(out, size, "%lld", (long long)row.id);
	arena_free(&a);
	return st;
}

/* "A=0.6,B=0.4" */
static enum t2_status
written_mixture(struct workspace *ws, const char *text, bool transfer, struct zset **out,
		char *note, struct t2_err *err)
{
	enum { MOST = 64 };
	struct zset *z[MOST] = {NULL};
	char *id[MOST] = {NULL}, mine[PATH_MAX];
	double alpha[MOST];
	int k = 0;
	enum t2_status st = T2_OK;

	for (const char *p = text; *p && !st;) {
		size_t n = strcspn(p, ",");
		const char *eq = memchr(p, '=', n);
		char name[300], *end;

		if (!eq || k == MOST || (size_t)(eq - p) >= sizeof name) {
			st = t2_fail(err, T2_EINVAL, "mixture \"%s\": A=0.6,B=0.4 is wanted", text);
			break;
		}
		memcpy(name, p, (size_t)(eq - p));
		name[eq - p] = 0;
		alpha[k] = strtod(eq + 1, &end);
		if (end == eq + 1 || end != p + n || !isfinite(alpha[k]))
			st = t2_fail(err, T2_EINVAL,
				     "mixture \"%s\": the weight of %s is not a number", text,
				     name);
		else if (fabs(alpha[k]) >= 1e6)
			st = t2_fail(err, T2_EINVAL,
				     "mixture \"%s\": the weight of %s is not between -1e6 and 1e6",
				     text, name);
		else
			st = expert_zset(ws, name, transfer, &z[k], note, err);
		if (!st && !(st = identity(ws, name, mine, sizeof mine, err)) &&
		    !(id[k] = strdup(mine)))
			st = t2_nomem(err, "mixture");
		/* a slip of the pen: nobody means the sum of two weights */
		for (int i = 0; i < k && !st; i++)
			if (!strcmp(id[i], id[k]))
				st = t2_fail(
					err, T2_EINVAL,
					"mixture \"%s\": %s is named twice; give it one weight",
					text, name);
		k++;
		p += n + (p[n] == ',');
	}
	if (!st && !k)
		st = t2_fail(err, T2_EINVAL, "mixture \"%s\": nothing in it", text);
	if (!st)
		st = zset_new(out, ws->model, err);
	if (!st)
		st = zset_mix(*out, (const struct zset *const *)z, alpha, k, false, false, err);
	for (int i = 0; i < k; i++) {
		zset_free(z[i]);
		free(id[i]);
	}
	return st;
}

enum t2_status
workspace_zset(struct workspace *ws, const char *spec, bool transfer, struct zset **out, char *note,
	       struct t2_err *err)
{
	enum t2_status st;

	*out = NULL;
	if (note)
		note[0] = 0;
	if (!strcmp(spec, "none"))
		return T2_OK;
	if (!strncmp(spec, "expert:", 7))
		return expert_zset(ws, spec + 7, transfer, out, note, err);
	if (!strncmp(spec, "mix:", 4)) {
		struct arena a = {0};
		struct mixture_row row;

		if (strchr(spec + 4, '=')) {
			st = written_mixture(ws, spec + 4, transfer, out, note, err);
		} else {
			st = store_mixture_find(ws->store, ws->model_id, spec + 4, &row, &a, err);
			if (!st)
				st = workspace_mixture_zset(ws, &row, out, err);
		}
		arena_free(&a);
		if (st) {
			zset_free(*out);
			*out = NULL;
		}
		return st;
	}
	return t2_fail(err, T2_EINVAL, "\"%s\": none, expert:NAME or mix:NAME is wanted", spec);
}

enum t2_status
workspace_spoken_for(const char *what, const struct run_row *by, struct t2_err *err)
{
	return t2_fail(err, T2_EINVAL,
		       "%s %s: run %lld of that name is %s at step %d of %d; \"t2tui run resume "
		       "%lld\" goes on with a run that is left; else choose another name",
		       what, by->name, (long long)by->id,
		       !strcmp(by->status, "running") ? "at work" : "left", by->step, by->steps,
		       (long long)by->id);
}
