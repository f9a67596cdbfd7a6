#include "tui/complete.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

bool
path_ends(const char *path, const char *end)
{
	size_t n = strlen(path), m = strlen(end);

	return n > m && !strcmp(path + n - m, end);
}

bool
path_expand(const char *typed, char *out, size_t size)
{
	const char *home = getenv("HOME");

	if (typed[0] == '~' && (!typed[1] || typed[1] == '/'))
		return home && (size_t)snprintf(out, size, "%s%s", home, typed + 1) < size;
	return (size_t)snprintf(out, size, "%s", typed) < size;
}

const char *
path_short(const char *path, char *out, size_t size)
{
	const char *home = getenv("HOME");
	size_t n = home ? strlen(home) : 0;

	if (n > 1 && !strncmp(path, home, n) && (path[n] == '/' || !path[n]))
		snprintf(out, size, "~%s", path + n);
	else
		snprintf(out, size, "%s", path);
	return out;
}

static bool
is_folder(const char *dir, const struct dirent *e)
{
	char path[4096];
	struct stat sb;

	if (e->d_type != DT_UNKNOWN && e->d_type != DT_LNK)
		return e->d_type == DT_DIR;
	return (size_t)snprintf(path, sizeof path, "%s/%s", dir, e->d_name) < sizeof path &&
	       !stat(path, &sb) && S_ISDIR(sb.st_mode);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool
fits(const struct dirent *e, const char *begin, bool folder, bool models)
{
	const char *s = e->d_name;

	if (!strcmp(s, ".") || !strcmp(s, "..") || strncmp(s, begin, strlen(begin)) ||
	    (s[0] == '.' && begin[0] != '.'))
		return false;
	return !models || folder || path_ends(s, ".gguf") || path_ends(s, ".safetensors");
}

static bool
read_names(struct completion *k, const char *dir, const char *begin, bool models)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	bool ok = true;

	if (!d)
		return true;
	k->name = calloc(COMPLETE_MAX, sizeof *k->name);
	ok = k->name != NULL;
	while (ok && (e = readdir(d))) {
		bool folder = is_folder(dir, e);

		if (!fits(e, begin, folder, models))
			continue;
		if (k->n == COMPLETE_MAX) {
			k->more = true;
			break;
		}
		if (asprintf(&k->name[k->n], "%s%s", e->d_name, folder ? "/" : "") < 0)
			ok = false;
		else
			k->n++;
	}
	closedir(d);
	if (k->n)
		qsort(k->name, (size_t)k->n, sizeof *k->name, by_name);
	return ok;
}

/* Bytes that all names have in common, not ending inside a UTF-8 sequence. */
static size_t
shared(const struct completion *k)
{
	size_t n = strlen(k->name[0]);

	for (int i = 1; i < k->n; i++) {
		size_t same = 0;

		while (same < n && k->name[i][same] == k->name[0][same])
			same++;
		n = same;
	}
	while (n && ((unsigned char)k->name[0][n] & 0xc0) == 0x80)
		n--;
	return n;
}

bool
complete_path(struct completion *k, const char *typed, bool models)
{
	const char *slash = strrchr(typed, '/'), *begin = slash ? slash + 1 : typed;
	char dir[4096];

	memset(k, 0, sizeof *k);
	if (!strcmp(typed, "~")) { /* the home folder itself: its names are what comes next */
		k->stem = strdup("~/");
		begin = "";
	} else {
		k->stem = strndup(typed, (size_t)(begin - typed));
	}
	if (!k->stem)
		return false;
	if (path_expand(*k->stem ? k->stem : ".", dir, sizeof dir) &&
	    !read_names(k, dir, begin, models))
		return false;
	if (!k->n) {
		k->common = strdup(typed);
		return k->common != NULL;
	}
	if (asprintf(&k->common, "%s%.*s", k->stem, (int)shared(k), k->name[0]) < 0)
		k->common = NULL;
	return k->common != NULL;
}

bool
complete_word(struct completion *k, const char *typed, char *const *words, int n)
{
	bool ok = true;

	memset(k, 0, sizeof *k);
	k->stem = strdup("");
	k->name = calloc((size_t)n + 1, sizeof *k->name);
	ok = k->stem && k->name;
	for (int i = 0; i < n && ok && k->n < COMPLETE_MAX; i++) {
		if (strncasecmp(words[i], typed, strlen(typed)))
			continue;
		ok = (k->name[k->n] = strdup(words[i])) != NULL;
		k->n += ok;
	}
	if (ok)
		k->common = k->n ? strndup(k->name[0], shared(k)) : strdup(typed);
	return k->common != NULL;
}

void
completion_free(struct completion *k)
{
	for (int i = 0; i < k->n; i++)
		free(k->name[i]);
	free(k->name);
	free(k->stem);
	free(k->common);
	memset(k, 0, sizeof *k);
}
