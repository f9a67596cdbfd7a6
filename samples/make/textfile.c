#include "samples/make/textfile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum t2_status
folder_make(const char *dir, struct t2_err *err)
{
	char path[4096];

	if (strlen(dir) >= sizeof path)
		return t2_fail(err, T2_EINVAL, "%.40s...: folder name is too long", dir);
	strcpy(path, dir);
	for (char *p = path + 1;; p++) {
		char c = *p;

		if (c && c != '/')
			continue;
		*p = 0;
		if (mkdir(path, 0777) && errno != EEXIST)
			return t2_fail(err, T2_EIO, "%s: cannot make folder: %s", path,
				       strerror(errno));
		if (!c)
			return T2_OK;
		*p = c;
	}
}

enum t2_status
textfile_write(const char *dir, const char *name, const struct strbuf *text, struct t2_err *err)
{
	char path[4096];
	FILE *f;
	int failed;

	if (text->failed)
		return t2_nomem(err, name);
	if ((size_t)snprintf(path, sizeof path, "%s/%s", dir, name) >= sizeof path)
		return t2_fail(err, T2_EINVAL, "%.40s...: file name is too long", dir);
	f = fopen(path, "w");
	if (!f)
		return t2_fail(err, T2_EIO, "%s: cannot write: %s", path, strerror(errno));
	failed = fwrite(text->s, 1, text->len, f) != text->len;
	failed |= fclose(f) != 0;
	return failed ? t2_fail(err, T2_EIO, "%s: cannot write: %s", path, strerror(errno)) : T2_OK;
}

enum t2_status
textfile_write_json(const char *dir, const char *name, json_t *obj, struct t2_err *err)
{
	char *s = obj ? json_dumps(obj, JSON_INDENT(1) | JSON_REAL_PRECISION(15)) : NULL;
	struct strbuf text = {0};
	enum t2_status st;

	json_decref(obj);
	if (!s)
		return t2_nomem(err, name);
	strbuf_str(&text, s);
	strbuf_char(&text, '\n');
	free(s);
	st = textfile_write(dir, name, &text, err);
	strbuf_free(&text);
	return st;
}
