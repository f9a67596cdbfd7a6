#include "store/trash.h"

#include <stdio.h>
#include <stdlib.h>

#include "engine/base/job.h"
#include "store/db.h"
#include "store/experts.h"
#include "store/runs.h"

enum { TABLES = 5, LINKS = 2 };

/* The row's own table first, then those whose rows refer to it by key and go with it. */
struct plan {
	const char *noun;
	struct {
		const char *name, *key;
	} table[TABLES];
	const char *link[LINKS]; /* tables whose column run becomes NULL */
};

static const struct plan plans[] = {
	[TRASH_EXPERT] = {"expert", {{"expert", "id"}, {"expert_vector", "expert"}}, {NULL}},
	[TRASH_MIXTURE] = {"mixture", {{"mixture", "id"}, {"mixture_part", "mixture"}}, {NULL}},
	[TRASH_RUN] = {"run",
		       {{"run", "id"},
			{"metric", "run"},
			{"validation", "run"},
			{"checkpoint", "run"},
			{"rollout", "run"}},
		       {"expert", "mixture"}},
	[TRASH_DECISION] = {"decision", {{"decision", "id"}}, {NULL}},
	[TRASH_EVALUATION] = {"evaluation",
			      {{"evaluation", "id"}, {"evaluation_item", "evaluation"}},
			      {NULL}},
};

struct cell {
	int type, bytes; /* SQLITE_INTEGER ...; bytes: of a text or blob */
	union {
		sqlite3_int64 i;
		double r;
		const void *p; /* in the arena */
	};
};

struct rows {
	struct cell *v; /* [n][cols] */
	int n, cols, cap;
	int key,
		run; /* columns: the number of the row that all belong to; a run that may be gone (-1: none) */
};

struct trash {
	enum trash_kind kind;
	int64_t id;
	struct rows table[TABLES], link[LINKS];
	struct arena bytes;
};

void
trash_free(struct trash *t)
{
	if (!t)
		return;
	for (int i = 0; i < TABLES; i++)
		free(t->table[i].v);
	for (int i = 0; i < LINKS; i++)
		free(t->link[i].v);
	arena_free(&t->bytes);
	free(t);
}

static size_t
rows_bytes(const struct rows *r)
{
	return (size_t)r->cap * (size_t)r->cols * sizeof *r->v;
}

size_t
trash_bytes(const struct trash *t)
{
	size_t n;

	if (!t)
		return 0;
	n = sizeof *t + arena_bytes(&t->bytes);
	for (int i = 0; i < TABLES; i++)
		n += rows_bytes(&t->table[i]);
	for (int i = 0; i < LINKS; i++)
		n += rows_bytes(&t->link[i]);
	return n;
}

static struct cell
cell_copy(sqlite3_stmt *q, int i, struct arena *bytes)
{
	struct cell c = {.type = sqlite3_column_type(q, i)};

	switch (c.type) {
	case SQLITE_INTEGER:
		c.i = sqlite3_column_int64(q, i);
		break;
	case SQLITE_FLOAT:
		c.r = sqlite3_column_double(q, i);
		break;
	case SQLITE_TEXT:
	case SQLITE_BLOB:
		c.p = c.type == SQLITE_TEXT ? sqlite3_column_text(q, i) : sqlite3_column_blob(q, i);
		c.bytes = sqlite3_column_bytes(q, i);
		c.p = arena_memdup(bytes, c.bytes ? c.p : "", (size_t)c.bytes);
		break;
	}
	return c;
}

static void
cell_bind(sqlite3_stmt *q, int i, const struct cell *c)
{
	switch (c->type) {
	case SQLITE_INTEGER:
		sqlite3_bind_int64(q, i, c->i);
		break;
	case SQLITE_FLOAT:
		sqlite3_bind_double(q, i, c->r);
		break;
	case SQLITE_TEXT:
		sqlite3_bind_text(q, i, c->p, c->bytes, SQLITE_STATIC);
		break;
	case SQLITE_BLOB:
		sqlite3_bind_blob(q, i, c->p, c->bytes, SQLITE_STATIC);
		break;
	default:
		sqlite3_bind_null(q, i);
	}
}

static bool
row_add(struct rows *r, sqlite3_stmt *q, struct arena *bytes)
{
	if (r->n == r->cap) {
		int cap = r->cap ? 2 * r->cap : 16;
		struct cell *v = realloc(r->v, (size_t)cap * (size_t)r->cols * sizeof *v);

		if (!v)
			return false;
		r->v = v;
		r->cap = cap;
	}
	for (int i = 0; i < r->cols; i++)
		r->v[(size_t)r->n * (size_t)r->cols + (size_t)i] = cell_copy(q, i, bytes);
	r->n++;
	return !bytes->failed;
}

/* -- progress and cancel --------------------------------------------------------------------------------------- */

enum {
	TOLD_ROWS = 512,
	STOP_STEPS = 2000
}; /* rows from one report to the next; SQLite's steps between looks */

/* SQLite asks in the middle of a long statement. */
static int
stop(void *job)
{
	return job_cancelled(job);
}

/* One transaction of work on t; a cancelled job leaves the store as it was. */
static enum t2_status
transact(struct trash *t, struct store *s, int64_t *id, struct job *job,
	 enum t2_status (*work)(struct trash *t, struct store *s, int64_t *id, struct job *job,
				struct t2_err *err),
	 struct t2_err *err)
{
	enum t2_status st = store_begin(s, err);

	if (st)
		return st;
	sqlite3_progress_handler(s->db, STOP_STEPS, stop, job);
	st = work(t, s, id, job, err);
	sqlite3_progress_handler(s->db, 0, NULL, NULL);
	if (st && job_cancelled(job))
		st = t2_fail(err, T2_ECANCEL, "cancelled");
	if (!st)
		st = store_commit(s, err);
	if (st)
		store_rollback(s);
	return st;
}

/* -- out ------------------------------------------------------------------------------------------------------- */

/* Counts the rows that go, so that progress has an end. */
static enum t2_status
count(const struct trash *t, struct store *s, long *n, struct t2_err *err)
{
	const struct plan *p = &plans[t->kind];

	*n = 0;
	for (int i = 0; i < TABLES && p->table[i].name; i++) {
		sqlite3_stmt *q = NULL;
		char sql[120];

		snprintf(sql, sizeof sql, "SELECT count(*) FROM %s WHERE %s=?", p->table[i].name,
			 p->table[i].key);
		if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) != SQLITE_OK)
			return db_fail(s, err, "delete");
		sqlite3_bind_int64(q, 1, t->id);
		if (sqlite3_step(q) == SQLITE_ROW)
			*n += (long)sqlite3_column_int64(q, 0);
		sqlite3_finalize(q);
	}
	return T2_OK;
}

static enum t2_status
rows_read(struct rows *r, struct trash *t, struct store *s, const char *what, const char *table,
	  const char *key, struct job *job, struct t2_err *err)
{
	sqlite3_stmt *q = NULL;
	enum t2_status st = T2_OK;
	char sql[160];
	int rc;

	snprintf(sql, sizeof sql, "SELECT %s FROM %s WHERE %s=?", what, table, key);
	if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) != SQLITE_OK)
		return db_fail(s, err, "delete");
	sqlite3_bind_int64(q, 1, t->id);
	r->cols = sqlite3_column_count(q);
	r->run = -1;
	for (int i = 0; i < r->cols; i++) {
		if (!strcmp(sqlite3_column_name(q, i), key))
			r->key = i;
		else if (!strcmp(sqlite3_column_name(q, i), "run"))
			r->run = i;
	}
	while ((rc = sqlite3_step(q)) == SQLITE_ROW && !st) {
		if (!row_add(r, q, &t->bytes))
			st = t2_nomem(err, "what is deleted");
		if (r->n % TOLD_ROWS == 0)
			job_step(job, TOLD_ROWS);
	}
	if (!st && rc != SQLITE_DONE)
		st = db_fail(s, err, "delete");
	sqlite3_finalize(q);
	return st;
}

static enum t2_status
copy(struct trash *t, struct store *s, struct job *job, struct t2_err *err)
{
	const struct plan *p = &plans[t->kind];
	long n;
	enum t2_status st = count(t, s, &n, err);

	job_stage(job, "keeping rows", n);
	for (int i = 0; i < TABLES && p->table[i].name && !st; i++)
		st = rows_read(&t->table[i], t, s, "*", p->table[i].name, p->table[i].key, job,
			       err);
	for (int i = 0; i < LINKS && p->link[i] && !st; i++)
		st = rows_read(&t->link[i], t, s, "id", p->link[i], "run", job, err);
	if (!st && !t->table[0].n)
		st = t2_fail(err, T2_ENOTFOUND, "%s %lld: no longer in the store", p->noun,
			     (long long)t->id);
	return st;
}

static enum t2_status
run_idle(struct store *s, int64_t id, struct t2_err *err)
{
	struct arena a = {0};
	struct run_row row;
	char number[32];
	enum t2_status st;

	snprintf(number, sizeof number, "%lld", (long long)id);
	st = store_run_find(s, number, &row, &a, err);
	if (!st && !strcmp(row.status, "running"))
		st = t2_fail(err, T2_EBUSY, "run %lld is at work; stop it first", (long long)id);
	arena_free(&a);
	return st;
}

static enum t2_status
take_out(const struct trash *t, struct store *s, struct t2_err *err)
{
	sqlite3_stmt *q = NULL;
	enum t2_status st = T2_OK;
	char sql[80];

	if (t->kind == TRASH_EXPERT)
		return store_expert_remove(s, t->id, err);
	if (t->kind == TRASH_RUN && (st = run_idle(s, t->id, err)))
		return st;
	snprintf(sql, sizeof sql, "DELETE FROM %s WHERE id=?", plans[t->kind].table[0].name);
	if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) != SQLITE_OK)
		return db_fail(s, err, "delete");
	sqlite3_bind_int64(q, 1, t->id);
	if (sqlite3_step(q) != SQLITE_DONE)
		st = db_fail(s, err, "delete");
	sqlite3_finalize(q);
	return st;
}

static enum t2_status
put_work(struct trash *t, struct store *s, int64_t *id, struct job *job, struct t2_err *err)
{
	enum t2_status st = copy(t, s, job, err);

	(void)id;
	if (!st) {
		job_stage(job, "deleting", 0);
		st = take_out(t, s, err);
	}
	return st;
}

enum t2_status
trash_put(struct trash **out, struct store *s, enum trash_kind kind, int64_t id, struct job *job,
	  struct t2_err *err)
{
	struct trash *t = calloc(1, sizeof *t);
	enum t2_status st;

	*out = NULL;
	if (!t)
		return t2_nomem(err, "what is deleted");
	t->kind = kind;
	t->id = id;
	if ((st = transact(t, s, NULL, job, put_work, err))) {
		trash_free(t);
		return st;
	}
	*out = t;
	return T2_OK;
}

/* -- back ------------------------------------------------------------------------------------------------------ */

/* Is there a row of that number? */
static enum t2_status
exists(struct store *s, const char *table, int64_t id, bool *yes, struct t2_err *err)
{
	sqlite3_stmt *q = NULL;
	char sql[80];
	int rc;

	snprintf(sql, sizeof sql, "SELECT 1 FROM %s WHERE id=?", table);
	if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) != SQLITE_OK)
		return db_fail(s, err, "restore");
	sqlite3_bind_int64(q, 1, id);
	rc = sqlite3_step(q);
	*yes = rc == SQLITE_ROW;
	sqlite3_finalize(q);
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? T2_OK : db_fail(s, err, "restore");
}

static enum t2_status
row_failed(struct store *s, const char *noun, struct t2_err *err)
{
	switch (sqlite3_extended_errcode(s->db)) {
	case SQLITE_CONSTRAINT_UNIQUE:
		return t2_fail(err, T2_EINVAL,
			       "%s: its name has been taken since; rename the other, then u again",
			       noun);
	case SQLITE_CONSTRAINT_FOREIGNKEY:
		return t2_fail(err, T2_EINVAL, "%s: what it belonged to has been deleted since",
			       noun);
	default:
		return db_fail(s, err, "restore");
	}
}

/* id: of the row that all belong to, 0 while it has none yet. */
static enum t2_status
rows_write(const struct rows *r, struct store *s, const struct plan *p, int table, int64_t id,
	   struct job *job, struct t2_err *err)
{
	sqlite3_stmt *q = NULL;
	enum t2_status st = T2_OK;
	char sql[200];
	int at = snprintf(sql, sizeof sql, "INSERT INTO %s VALUES(", p->table[table].name);

	for (int i = 0; i < r->cols && at < 180; i++)
		at += snprintf(sql + at, sizeof sql - (size_t)at, i ? ",?" : "?");
	snprintf(sql + at, sizeof sql - (size_t)at, ")");
	if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) != SQLITE_OK)
		return db_fail(s, err, "restore");
	for (int row = 0; row < r->n && !st; row++) {
		for (int i = 0; i < r->cols && !st; i++) {
			const struct cell *v = &r->v[(size_t)row * (size_t)r->cols + (size_t)i];
			bool there = true;

			if (i == r->run && v->type != SQLITE_NULL)
				st = exists(s, "run", v->i, &there, err);
			if (i == r->key && id)
				sqlite3_bind_int64(q, i + 1, id);
			else if ((i == r->key && !id) || !there)
				sqlite3_bind_null(q, i + 1);
			else
				cell_bind(q, i + 1, v);
		}
		if (!st && sqlite3_step(q) != SQLITE_DONE)
			st = row_failed(s, p->noun, err);
		sqlite3_reset(q);
		if ((row + 1) % TOLD_ROWS == 0)
			job_step(job, TOLD_ROWS);
	}
	sqlite3_finalize(q);
	return st;
}

static enum t2_status
links_write(const struct rows *r, struct store *s, const char *table, int64_t id,
	    struct t2_err *err)
{
	sqlite3_stmt *q = NULL;
	enum t2_status st = T2_OK;
	char sql[120];

	snprintf(sql, sizeof sql, "UPDATE %s SET run=?1 WHERE id=?2 AND run IS NULL", table);
	if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) != SQLITE_OK)
		return db_fail(s, err, "restore");
	for (int i = 0; i < r->n && !st; i++) {
		sqlite3_bind_int64(q, 1, id);
		cell_bind(q, 2, &r->v[i * r->cols]);
		if (sqlite3_step(q) != SQLITE_DONE)
			st = db_fail(s, err, "restore");
		sqlite3_reset(q);
	}
	sqlite3_finalize(q);
	return st;
}

static enum t2_status
restore_work(struct trash *t, struct store *s, int64_t *id, struct job *job, struct t2_err *err)
{
	const struct plan *p = &plans[t->kind];
	bool taken;
	long n = 0;
	enum t2_status st = exists(s, p->table[0].name, t->id, &taken, err);

	for (int i = 0; i < TABLES; i++)
		n += t->table[i].n;
	job_stage(job, "bringing rows back", n);
	if (!st)
		st = rows_write(&t->table[0], s, p, 0, taken ? 0 : t->id, job, err);
	*id = taken ? sqlite3_last_insert_rowid(s->db) : t->id;
	for (int i = 1; i < TABLES && p->table[i].name && !st; i++)
		st = rows_write(&t->table[i], s, p, i, *id, job, err);
	for (int i = 0; i < LINKS && p->link[i] && !st; i++)
		st = links_write(&t->link[i], s, p->link[i], *id, err);
	return st;
}

enum t2_status
trash_restore(struct trash *t, struct store *s, int64_t *id, struct job *job, struct t2_err *err)
{
	return transact(t, s, id, job, restore_work, err);
}
