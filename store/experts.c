#include "store/experts.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/base/date.h"
#include "engine/model/model.h"
#include "engine/svf/expert.h"
#include "store/db.h"
#include "store/sound.h"

#define EXPERT_COLUMNS                                                                             \
	"expert.id,model,coalesce(run,0),expert.name,task,method,scale,modules,model.name,expert." \
	"parameters,"                                                                              \
	"base_accuracy,accuracy,accuracy_n,dispatch,expert.shipped,created,model.fingerprint"
#define EXPERT_FROM " FROM expert JOIN model ON model.id=expert.model "

static void
expert_read(sqlite3_stmt *q, void *row, struct arena *a)
{
	struct expert_row *r = row;

	r->id = sqlite3_column_int64(q, 0);
	r->model = sqlite3_column_int64(q, 1);
	r->run = sqlite3_column_int64(q, 2);
	r->name = db_column_text(q, 3, a);
	r->task = db_column_text(q, 4, a);
	r->method = db_column_text(q, 5, a);
	r->scale = db_column_text(q, 6, a);
	r->modules = db_column_text(q, 7, a);
	r->model_name = db_column_text(q, 8, a);
	r->parameters = sqlite3_column_int64(q, 9);
	r->base_accuracy = sound_share(db_column_real(q, 10), 0);
	r->accuracy = sound_share(db_column_real(q, 11), 0);
	r->accuracy_n = sound_count(sqlite3_column_int64(q, 12));
	r->dispatch = sqlite3_column_int(q, 13);
	r->shipped = sqlite3_column_int(q, 14);
	r->created = sqlite3_column_double(q, 15);
	r->fingerprint = db_column_text(q, 16, a);
}

enum t2_status
store_expert_list(struct store *s, int64_t model, struct expert_list *out, struct t2_err *err)
{
	sqlite3_stmt *q = db_stmt(s,
				  "SELECT " EXPERT_COLUMNS EXPERT_FROM
				  "WHERE ?1=0 OR model=?1 ORDER BY created,expert.id",
				  err);

	memset(out, 0, sizeof *out);
	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, model);
	return DB_LIST(s, q, expert_read, out, "list experts", err);
}

void
expert_list_free(struct expert_list *l)
{
	DB_LIST_FREE(l);
}

enum t2_status
store_expert_find(struct store *s, int64_t model, const char *name, struct expert_row *out,
		  struct arena *a, struct t2_err *err)
{
	sqlite3_stmt *q =
		db_stmt(s,
			"SELECT " EXPERT_COLUMNS EXPERT_FROM "WHERE (?1=0 OR model=?1) AND "
			"(expert.name=?2 OR model.name||':'||expert.name=?2 OR "
			"model.fingerprint||':'||expert.name=?2) ORDER BY model.opened DESC",
			err);
	int rc, found = 0;

	memset(out, 0, sizeof *out);
	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, model);
	db_text(q, 2, name);
	while ((rc = sqlite3_step(q)) == SQLITE_ROW)
		if (!found++)
			expert_read(q, out, a);
	sqlite3_reset(q);
	if (rc != SQLITE_DONE)
		return db_fail(s, err, "find expert");
	if (!found)
		return t2_fail(err, T2_ENOTFOUND,
			       "expert %s: none of that name%s; \"t2tui expert list\" shows them",
			       name, model ? " for this model" : "");
	if (found > 1)
		return t2_fail(
			err, T2_EINVAL,
			"expert %s: several models have one; say MODEL:NAME, e.g. %s:%s or %s:%s",
			name, out->model_name, out->name, out->fingerprint, out->name);
	return a->failed ? t2_nomem(err, "expert") : T2_OK;
}

enum t2_status
store_expert_dispatcher(struct store *s, int64_t model, struct expert_row *out, struct arena *a,
			struct t2_err *err)
{
	sqlite3_stmt *q =
		db_stmt(s,
			"SELECT " EXPERT_COLUMNS EXPERT_FROM "WHERE model=?1 AND dispatch=1 "
			"ORDER BY created DESC,expert.id DESC LIMIT 1",
			err);
	enum t2_status st;

	memset(out, 0, sizeof *out);
	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, model);
	st = db_one(s, q, expert_read, out, a, "find classifier expert", err);
	return st != T2_ENOTFOUND ? st
				  : t2_fail(err, T2_ENOTFOUND,
					    "no classifier expert: train one on a dispatch task");
}

static enum t2_status
vectors_add(struct store *s, int64_t id, const struct model *m, const struct expert *e,
	    struct t2_err *err)
{
	for (int i = 0; i < e->z->count; i++) {
		int bytes = e->z->rank[i] * (int)sizeof(float);
		sqlite3_stmt *q;
		enum t2_status st;

		if (!e->z->z[i])
			continue;
		q = db_stmt(s, "INSERT INTO expert_vector VALUES(?,?,?,?)", err);
		if (!q)
			return T2_EDB;
		sqlite3_bind_int64(q, 1, id);
		db_text(q, 2, model_matrix(m, i)->name);
		sqlite3_bind_blob(q, 3, e->z->z[i], bytes, SQLITE_TRANSIENT);
		if (e->p && e->p[i])
			sqlite3_bind_blob(q, 4, e->p[i], bytes, SQLITE_TRANSIENT);
		st = db_done(s, q, "keep expert vector", err);
		if (st)
			return st;
	}
	return T2_OK;
}

static enum t2_status
expert_insert(struct store *s, int64_t model, const struct model *m, const struct expert *e,
	      const struct expert_row *row, int64_t *id, struct t2_err *err)
{
	sqlite3_stmt *q =
		db_stmt(s,
			"INSERT INTO expert(model,name,task,method,scale,modules,parameters,"
			"base_accuracy,accuracy,accuracy_n,run,dispatch,shipped,created) "
			"VALUES(?,?,?,?,?,?,?,?,?,?,nullif(?,0),?,?,?)",
			err);
	int rc;

	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, model);
	db_text(q, 2, e->name);
	db_text(q, 3, e->task);
	db_text(q, 4, e->method[0] ? e->method : "svf");
	db_text(q, 5, e->scale[0] ? e->scale : "plain");
	db_text(q, 6, e->modules[0] ? e->modules : "all");
	sqlite3_bind_int64(q, 7, zset_values(e->z));
	db_real(q, 8, row ? row->base_accuracy : NAN);
	db_real(q, 9, row ? row->accuracy : e->accuracy[0] ? atof(e->accuracy) : NAN);
	sqlite3_bind_int(q, 10, row ? row->accuracy_n : 0);
	sqlite3_bind_int64(q, 11, row ? row->run : 0);
	sqlite3_bind_int(q, 12, row ? row->dispatch : 0);
	sqlite3_bind_int(q, 13, row ? row->shipped : 0);
	sqlite3_bind_double(q, 14, row && row->created > 0 ? row->created : store_now());
	rc = sqlite3_step(q);
	if (rc != SQLITE_DONE) {
		enum t2_status st = sqlite3_extended_errcode(s->db) == SQLITE_CONSTRAINT_UNIQUE
					    ? t2_fail(err, T2_EINVAL,
						      "expert %s: the name is taken; choose "
						      "another, or \"t2tui expert rm\" first",
						      e->name)
					    : db_fail(s, err, "keep expert");

		sqlite3_reset(q);
		return st;
	}
	sqlite3_reset(q);
	*id = sqlite3_last_insert_rowid(s->db);
	return vectors_add(s, *id, m, e, err);
}

enum t2_status
store_expert_add(struct store *s, int64_t model, const struct model *m, const struct expert *e,
		 const struct expert_row *row, int64_t *id, struct t2_err *err)
{
	bool own = sqlite3_get_autocommit(s->db);
	enum t2_status st = T2_OK;

	if ((st = store_name_check("expert", e->name, err)))
		return st;
	if (own && (st = store_begin(s, err)))
		return st;
	st = expert_insert(s, model, m, e, row, id, err);
	if (!own)
		return st;
	if (!st)
		st = store_commit(s, err);
	if (st)
		store_rollback(s);
	return st;
}

static enum t2_status
vector_read(sqlite3_stmt *q, const struct model *m, struct expert *e, struct t2_err *err)
{
	const char *name = (const char *)sqlite3_column_text(q, 0);
	int mat = model_matrix_find(m, name ? name : "");
	int bytes = sqlite3_column_bytes(q, 1);

	if (mat < 0)
		return t2_fail(err, T2_EMISMATCH,
			       "expert %s: matrix %s: the model has none of that name", e->name,
			       name ? name : "?");
	if (bytes != e->z->rank[mat] * (int)sizeof(float))
		return t2_fail(err, T2_EMISMATCH,
			       "expert %s: %s: %d numbers, the model's rank is %d", e->name, name,
			       bytes / 4, e->z->rank[mat]);
	if (sqlite3_column_type(q, 2) != SQLITE_NULL && sqlite3_column_bytes(q, 2) == bytes) {
		if (!e->p && !(e->p = calloc((size_t)e->z->count, sizeof *e->p)))
			return t2_nomem(err, "expert");
		e->p[mat] = malloc((size_t)bytes);
		if (!e->p[mat])
			return t2_nomem(err, "expert");
		memcpy(e->p[mat], sqlite3_column_blob(q, 2), (size_t)bytes);
	}
	return zset_set(e->z, mat, sqlite3_column_blob(q, 1), err);
}

enum t2_status
store_expert_load(struct store *s, int64_t id, const struct model *m, struct expert **out,
		  struct t2_err *err)
{
	struct arena a = {0};
	struct expert_row row = {0};
	struct expert *e = NULL;
	sqlite3_stmt *q = db_stmt(s, "SELECT " EXPERT_COLUMNS EXPERT_FROM "WHERE expert.id=?", err);
	enum t2_status st = T2_EDB;
	int rc;

	*out = NULL;
	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, id);
	rc = sqlite3_step(q);
	if (rc == SQLITE_ROW)
		expert_read(q, &row, &a);
	sqlite3_reset(q);
	if (rc != SQLITE_ROW) {
		st = rc == SQLITE_DONE
			     ? t2_fail(err, T2_ENOTFOUND, "expert %lld: no longer in the store",
				       (long long)id)
			     : db_fail(s, err, "read expert");
		goto fail;
	}
	if ((st = expert_new(&e, m, err)))
		goto fail;
	snprintf(e->name, sizeof e->name, "%s", row.name);
	snprintf(e->task, sizeof e->task, "%s", row.task);
	snprintf(e->method, sizeof e->method, "%s", row.method);
	snprintf(e->scale, sizeof e->scale, "%s", row.scale);
	snprintf(e->modules, sizeof e->modules, "%s", row.modules);
	if (!isnan(row.accuracy))
		snprintf(e->accuracy, sizeof e->accuracy, "%.17g", row.accuracy);
	date_text_utc(e->created, sizeof e->created, DATE_ISO, row.created);
	snprintf(e->fingerprint, sizeof e->fingerprint, "%s", model_fingerprint(m));
	if (!(q = db_stmt(s, "SELECT matrix,z,p FROM expert_vector WHERE expert=?", err))) {
		st = T2_EDB;
		goto fail;
	}
	sqlite3_bind_int64(q, 1, id);
	while (!st && (rc = sqlite3_step(q)) == SQLITE_ROW)
		st = vector_read(q, m, e, err);
	sqlite3_reset(q);
	if (!st && rc != SQLITE_DONE)
		st = db_fail(s, err, "read expert");
	if (st)
		goto fail;
	arena_free(&a);
	*out = e;
	return T2_OK;
fail:
	expert_free(e);
	arena_free(&a);
	return st;
}

/* Evaluations say "expert:NAME": what was measured of this expert stays its own. */
static enum t2_status
rename_row(struct store *s, int64_t id, const char *to, struct t2_err *err)
{
	sqlite3_stmt *q = db_stmt(s,
				  "UPDATE evaluation SET strategy='expert:'||?2 WHERE "
				  "(model,strategy)=(SELECT model,'expert:'||name FROM expert "
				  "WHERE id=?1)",
				  err);
	enum t2_status st;
	int rc;

	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, id);
	db_text(q, 2, to);
	if ((st = db_done(s, q, "rename expert", err)))
		return st;
	if (!(q = db_stmt(s, "UPDATE expert SET name=?2 WHERE id=?1", err)))
		return T2_EDB;
	sqlite3_bind_int64(q, 1, id);
	db_text(q, 2, to);
	rc = sqlite3_step(q);
	sqlite3_reset(q);
	if (rc == SQLITE_CONSTRAINT)
		return t2_fail(err, T2_EINVAL, "expert %s: the name is taken", to);
	return rc == SQLITE_DONE ? T2_OK : db_fail(s, err, "rename expert");
}

enum t2_status
store_expert_rename(struct store *s, int64_t id, const char *to, struct t2_err *err)
{
	bool own = sqlite3_get_autocommit(s->db);
	enum t2_status st = store_name_check("expert", to, err);

	if (!st && own)
		st = store_begin(s, err);
	if (!st)
		st = rename_row(s, id, to, err);
	if (!own)
		return st;
	if (!st)
		st = store_commit(s, err);
	if (st)
		store_rollback(s);
	return st;
}

enum t2_status
store_expert_remove(struct store *s, int64_t id, struct t2_err *err)
{
	sqlite3_stmt *q =
		db_stmt(s,
			"SELECT mixture.name FROM mixture_part JOIN mixture ON mixture.id=mixture "
			"WHERE expert=? LIMIT 1",
			err);
	enum t2_status st = T2_OK;

	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, id);
	if (sqlite3_step(q) == SQLITE_ROW)
		st = t2_fail(err, T2_EBUSY,
			     "mixture %s uses this expert; \"t2tui mix rm\" it first",
			     (const char *)sqlite3_column_text(q, 0));
	sqlite3_reset(q);
	if (st)
		return st;
	if (!(q = db_stmt(s, "DELETE FROM expert WHERE id=?", err)))
		return T2_EDB;
	sqlite3_bind_int64(q, 1, id);
	return db_done(s, q, "remove expert", err);
}

enum t2_status
store_expert_accuracy(struct store *s, int64_t id, double base, double accuracy, int n,
		      struct t2_err *err)
{
	sqlite3_stmt *q = db_stmt(
		s, "UPDATE expert SET base_accuracy=?2, accuracy=?3, accuracy_n=?4 WHERE id=?1",
		err);

	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, id);
	db_real(q, 2, base);
	db_real(q, 3, accuracy);
	sqlite3_bind_int(q, 4, n);
	return db_done(s, q, "note accuracy", err);
}
