#include "tui/places.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tui/complete.h"

enum { ENTRIES_MAX = 20000 }; /* names looked at in all */

static bool
add(struct place_list *l, const char *path, bool there, int64_t bytes)
{
	char *copy;

	if (l->n == l->cap) {
		int cap = l->cap ? 2 * l->cap : 16;
		struct place *v = realloc(l->v, (size_t)cap * sizeof *v);

		if (!v)
			return false;
		l->v = v;
		l->cap = cap;
	}
	copy = arena_strdup(&l->arena, path);
	if (!copy)
		return false;
	l->v[l->n++] = (struct place){copy, there, bytes};
	return true;
}

static bool
known(const struct place_list *l, const char *path)
{
	for (int i = 0; i < l->n; i++)
		if (!strcmp(l->v[i].path, path))
			return true;
	return false;
}

static int64_t
file_bytes(const char *path)
{
	struct stat sb;

	return stat(path, &sb) || !S_ISREG(sb.st_mode) ? -1 : (int64_t)sb.st_size;
}

/* Of the folder's weights; -1: it is not a model's folder. */
static int64_t
folder_bytes(const char *path, int *left)
{
	char p[4400];
	DIR *d;
	struct dirent *e;
	int64_t sum = -1, n;

	snprintf(p, sizeof p, "%s/config.json", path);
	if (access(p, F_OK) || !(d = opendir(path)))
		return -1;
	while ((e = readdir(d)) && (*left)-- > 0) {
		if (!path_ends(e->d_name, ".safetensors"))
			continue;
		snprintf(p, sizeof p, "%s/%s", path, e->d_name);
		n = file_bytes(p);
		if (n >= 0)
			sum = (sum < 0 ? 0 : sum) + n;
	}
	closedir(d);
	return sum;
}

static int64_t
model_bytes(const char *path)
{
	struct stat sb;
	int left = ENTRIES_MAX;

	if (stat(path, &sb))
		return -1;
	return S_ISDIR(sb.st_mode) ? folder_bytes(path, &left) : (int64_t)sb.st_size;
}

/* Adds path where it is a model that is not in the list. */
static bool
consider(struct place_list *l, const char *path, int64_t bytes)
{
	char real[4096];

	if (bytes < 0 || !realpath(path, real) || known(l, real))
		return true;
	return l->n - l->known >= PLACES_MAX || add(l, real, true, bytes);
}

/* The models in a folder; deep: and in its folders, one level down. */
static bool
scan(struct place_list *l, const char *dir, bool deep, int *left, struct job *job)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	bool ok = true;

	while (d && ok && (e = readdir(d)) && (*left)-- > 0 && !job_cancelled(job)) {
		char path[4096];
		struct stat sb;

		if (e->d_name[0] == '.' ||
		    (size_t)snprintf(path, sizeof path, "%s/%s", dir, e->d_name) >= sizeof path ||
		    stat(path, &sb))
			continue;
		if (S_ISREG(sb.st_mode) && path_ends(e->d_name, ".gguf"))
			ok = consider(l, path, (int64_t)sb.st_size);
		else if (S_ISDIR(sb.st_mode))
			ok = consider(l, path, folder_bytes(path, left)) &&
			     (!deep || scan(l, path, false, left, job));
	}
	if (d)
		closedir(d);
	return ok;
}

static int
by_path(const void *a, const void *b)
{
	return strcmp(((const struct place *)a)->path, ((const struct place *)b)->path);
}

/* "/a/b/c" -> "/a/b" */
static void
parent(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash)
		slash[slash == path] = 0;
}

enum t2_status
places_look(struct place_list *out, const char *const *list, int n, const char *beside,
	    struct job *job, struct t2_err *err)
{
	char dir[4096];
	struct stat sb;
	int left = ENTRIES_MAX;
	bool ok = true;

	memset(out, 0, sizeof *out);
	job_stage(job, "looking", 0);
	for (int i = 0; i < n && ok; i++) {
		int64_t bytes = model_bytes(list[i]);

		ok = add(out, list[i], bytes >= 0, bytes);
	}
	out->known = out->n;
	if (ok && beside && realpath(beside, dir) && !stat(dir, &sb)) {
		if (!S_ISDIR(sb.st_mode)) { /* its own folder, then its neighbours */
			parent(dir);
			ok = scan(out, dir, true, &left, job);
		}
		if (strcmp(dir, "/"))
			parent(dir);
		ok = ok && (!strcmp(dir, "/") || scan(out, dir, true, &left, job));
	}
	if (!ok || job_cancelled(job)) {
		places_free(out);
		return ok ? T2_ECANCEL : t2_nomem(err, "models on disk");
	}
	if (out->n > out->known)
		qsort(out->v + out->known, (size_t)(out->n - out->known), sizeof *out->v, by_path);
	return T2_OK;
}

void
places_free(struct place_list *l)
{
	free(l->v);
	arena_free(&l->arena);
	memset(l, 0, sizeof *l);
}
