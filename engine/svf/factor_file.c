#include "engine/svf/factor_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/strbuf.h"

static const char format[] = "t2-factors", version[] = "1";

char *
factor_file_dir(const struct model *m, const char *cache_dir)
{
	struct strbuf b = {0};

	strbuf_printf(&b, "%s/%s", cache_dir, model_fingerprint(m));
	return strbuf_take(&b);
}

enum t2_status
factor_file_mkdir(const char *dir, struct t2_err *err)
{
	char *path = strdup(dir);
	enum t2_status st = T2_OK;

	if (!path)
		return t2_nomem(err, dir);
	for (char *p = path + 1;; p++) {
		char c = *p;

		if (c && c != '/')
			continue;
		*p = 0;
		if (mkdir(path, 0777) && errno != EEXIST)
			st = t2_fail(err, T2_EIO, "%s: cannot create the cache folder: %s", path,
				     strerror(errno));
		*p = c;
		if (!c || st)
			break;
	}
	free(path);
	return st;
}

static char *
file_path(const struct model *m, int mat, const char *dir)
{
	struct strbuf b = {0};

	strbuf_printf(&b, "%s/%s.safetensors", dir, model_matrix(m, mat)->name);
	return strbuf_take(&b);
}

static enum t2_status
check_meta(const struct safetensors *s, const struct model *m, const char *path, struct t2_err *err)
{
	const char *f = safetensors_meta(s, "format"), *v = safetensors_meta(s, "version");
	const char *print = safetensors_meta(s, "fingerprint");

	if (!f || strcmp(f, format) || !v || strcmp(v, version))
		return t2_fail(err, T2_EFORMAT,
			       "%s: not a factor file of this version: delete it, or decompose "
			       "with --force",
			       path);
	if (!print || strcmp(print, model_fingerprint(m)))
		return t2_fail(err, T2_EMISMATCH,
			       "%s: factors of another model: delete it, or decompose with --force",
			       path);
	return T2_OK;
}

/* Tensor name of type dtype and shape [rows][cols] (cols 0: one dimension). */
static const void *
want(const struct safetensors *s, const char *name, const char *dtype, int rows, int cols,
     const char *path, struct t2_err *err)
{
	const struct st_tensor *t = safetensors_find(s, name);
	int ndim = cols ? 2 : 1;

	if (t && !strcmp(t->dtype, dtype) && t->ndim == ndim && t->shape[0] == rows &&
	    (!cols || t->shape[1] == cols))
		return t->data;
	t2_fail(err, T2_EMISMATCH,
		"%s: %s is absent or does not fit the matrix: delete the file, or decompose with "
		"--force",
		path, name);
	return NULL;
}

enum t2_status
factor_file_open(struct safetensors **file, struct factor *out, const struct model *m, int mat,
		 const char *dir, struct t2_err *err)
{
	const struct weight *w = model_matrix(m, mat);
	struct factor a = {.m = w->m, .n = w->n, .r = weight_rank(w)};
	struct safetensors *s = NULL;
	char *path = file_path(m, mat, dir);
	enum t2_status st;

	*file = NULL;
	if (!path)
		return t2_nomem(err, w->name);
	st = safetensors_open(&s, path, err);
	if (!st)
		st = check_meta(s, m, path, err);
	if (!st && (!(a.U = want(s, "U", "F32", a.m, a.r, path, err)) ||
		    !(a.sigma = want(s, "sigma", "F32", a.r, 0, path, err)) ||
		    !(a.Vt = want(s, "Vt", "F32", a.r, a.n, path, err)) ||
		    !(a.sigma64 = want(s, "sigma64", "F64", a.r, 0, path, err))))
		st = T2_EMISMATCH;
	free(path);
	if (st) {
		safetensors_free(s);
		return st;
	}
	*file = s;
	*out = a;
	return T2_OK;
}

enum t2_status
factor_file_write(const struct factor *a, const struct model *m, int mat, const char *dir,
		  struct t2_err *err)
{
	size_t r = (size_t)a->r;
	const struct st_write list[] = {
		{"sigma64", "F64", 1, {a->r}, a->sigma64, r * sizeof(double)},
		{"U", "F32", 2, {a->m, a->r}, a->U, (size_t)a->m * r * sizeof(float)},
		{"Vt", "F32", 2, {a->r, a->n}, a->Vt, (size_t)a->n * r * sizeof(float)},
		{"sigma", "F32", 1, {a->r}, a->sigma, r * sizeof(float)},
	};
	const char *meta[10] = {"format", format,	 "version",
				version,  "fingerprint", model_fingerprint(m),
				"m",	  NULL,		 "n"};
	char *path = file_path(m, mat, dir), rows[16], cols[16];
	enum t2_status st;

	if (!path)
		return t2_nomem(err, model_matrix(m, mat)->name);
	snprintf(rows, sizeof rows, "%d", a->m);
	snprintf(cols, sizeof cols, "%d", a->n);
	meta[7] = rows;
	meta[9] = cols;
	st = safetensors_write(path, list, sizeof list / sizeof *list, meta, 5, err);
	free(path);
	return st;
}
