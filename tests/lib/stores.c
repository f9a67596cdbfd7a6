#include "tests/lib/stores.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/model/model.h"
#include "engine/svf/expert.h"
#include "store/experts.h"
#include "store/models.h"
#include "store/runs.h"
#include "tests/lib/golden.h"
#include "tests/lib/tinymodel.h"

struct t2_err err;

void
ok(enum t2_status st, const char *what)
{
	if (st)
		fail_msg("%s: %s", what, err.msg);
}

void
says(enum t2_status got, enum t2_status want, const char *text)
{
	if (got != want || !strstr(err.msg, text))
		fail_msg("status %d, \"%s\"; wanted %d and \"%s\"", got, err.msg, want, text);
	assert_null(strchr(err.msg, '\n'));
}

const char *
new_path(void)
{
	static char p[8][700];
	static int next;
	char *out = p[next = (next + 1) % 8];

	snprintf(out, sizeof p[0], "%s/t2.db", temp_dir());
	return out;
}

struct store *
opened(const char *path)
{
	struct store *s;

	OK(store_open(&s, path, &err));
	return s;
}

void
sqlite(const char *path, const char *sql, char *out, size_t size)
{
	char cmd[2000];
	FILE *f;
	size_t n;

	snprintf(cmd, sizeof cmd, "sqlite3 '%s' \"%s\" 2>&1", path, sql);
	f = popen(cmd, "r");
	assert_non_null(f);
	n = fread(out, 1, size - 1, f);
	out[n] = 0;
	while (n && out[n - 1] == '\n')
		out[--n] = 0;
	if (pclose(f))
		fail_msg("%s: %s", sql, out);
}

void
expect_sql(const char *path, const char *sql, const char *want)
{
	char out[4000];

	sqlite(path, sql, out, sizeof out);
	assert_string_equal(out, want);
}

struct model *tiny;

int
open_tiny(void **state)
{
	const char *folder = new_folder();

	(void)state;
	write_config(folder, "{}");
	write_tensors(folder, NULL, NULL, 0);
	return model_open(&tiny, folder, &err);
}

int
close_tiny(void **state)
{
	(void)state;
	model_free(tiny);
	return 0;
}

struct expert *
an_expert(const char *name, float first)
{
	struct expert *e;
	float *v;
	int r;

	OK(expert_new(&e, tiny, &err));
	r = e->z->rank[0];
	v = malloc((size_t)r * sizeof *v);
	for (int i = 0; i < r; i++)
		v[i] = first + (float)i / 3;
	OK(zset_set(e->z, 0, v, &err));
	free(v);
	snprintf(e->name, sizeof e->name, "%s", name);
	snprintf(e->task, sizeof e->task, "sums");
	return e;
}

int64_t
add_expert(struct store *s, int64_t model, const char *name, float first)
{
	struct expert *e = an_expert(name, first);
	int64_t id = 0;

	OK(store_expert_add(s, model, tiny, e, NULL, &id, &err));
	expert_free(e);
	return id;
}

int64_t
add_model(struct store *s)
{
	int64_t id;

	OK(store_model_register(s, tiny, "tiny", false, &id, &err));
	return id;
}

int64_t
add_run(struct store *s, int64_t model, const char *name)
{
	struct run_row row = {.kind = "train",
			      .model = model,
			      .name = (char *)name,
			      .task = "sums",
			      .settings = "{}",
			      .steps = 10};
	int64_t id;

	OK(store_run_start(s, &row, &id, &err));
	return id;
}

void
count_problem(void *arg, const char *text)
{
	(void)text;
	++*(int *)arg;
}
