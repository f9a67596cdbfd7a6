#include "store/mixtures.h"

#include <stdlib.h>

#include "store/db.h"

#define MIXTURE_SELECT                                                                             \
	"SELECT mixture.id,model,coalesce(run,0),mixture.name,task,model.name,fitness,created,"    \
	"coalesce((SELECT json_extract(settings,'$.normalise') FROM run WHERE "                    \
	"run.id=mixture.run),0) "                                                                  \
	"FROM mixture JOIN model ON model.id=mixture.model "

static void
mixture_read(sqlite3_stmt *q, void *row, struct arena *a)
{
	struct mixture_row *r = row;

	r->id = sqlite3_column_int64(q, 0);
	r->model = sqlite3_column_int64(q, 1);
	r->run = sqlite3_column_int64(q, 2);
	r->name = db_column_text(q, 3, a);
	r->task = db_column_text(q, 4, a);
	r->model_name = db_column_text(q, 5, a);
	r->fitness = db_column_real(q, 6);
	r->created = sqlite3_column_double(q, 7);
	r->normalised = sqlite3_column_int(q, 8);
}

static enum t2_status
parts_read(struct store *s, struct mixture_row *r, struct arena *a, struct t2_err *err)
{
	sqlite3_stmt *q =
		db_stmt(s,
			"SELECT expert,name,alpha,alphas,(SELECT count(*) FROM mixture_part WHERE "
			"mixture=?1) FROM mixture_part JOIN expert ON expert.id=expert "
			"WHERE mixture=?1 ORDER BY position",
			err);
	int rc;

	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, r->id);
	while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
		struct mixture_part *p;
		int total = sqlite3_column_int(q, 4);

		if (!r->part)
			r->part = arena_alloc(a, (size_t)total * sizeof *r->part);
		if (!r->part || r->parts >= total)
			break;
		p = &r->part[r->parts++];
		p->expert = sqlite3_column_int64(q, 0);
		p->name = db_column_text(q, 1, a);
		p->alpha = sqlite3_column_double(q, 2);
		if (sqlite3_column_type(q, 3) != SQLITE_NULL) {
			size_t bytes = (size_t)sqlite3_column_bytes(q, 3);

			p->count = (int)(bytes / sizeof(float));
			p->alphas = arena_memdup(a, sqlite3_column_blob(q, 3), bytes);
		}
	}
	sqlite3_reset(q);
	if (a->failed)
		return t2_nomem(err, "mixture");
	return rc == SQLITE_DONE ? T2_OK : db_fail(s, err, "read mixture");
}

enum t2_status
store_mixture_list(struct store *s, int64_t model, struct mixture_list *out, struct t2_err *err)
{
	sqlite3_stmt *q = db_stmt(
		s, MIXTURE_SELECT "WHERE ?1=0 OR model=?1 ORDER BY created,mixture.id", err);
	enum t2_status st;

	memset(out, 0, sizeof *out);
	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, model);
	st = DB_LIST(s, q, mixture_read, out, "list mixtures", err);
	for (int i = 0; i < out->n && !st; i++)
		st = parts_read(s, &out->v[i], &out->arena, err);
	if (st)
		mixture_list_free(out);
	return st;
}

void
mixture_list_free(struct mixture_list *l)
{
	DB_LIST_FREE(l);
}

enum t2_status
store_mixture_find(struct store *s, int64_t model, const char *name, struct mixture_row *out,
		   struct arena *a, struct t2_err *err)
{
	sqlite3_stmt *q = db_stmt(s,
				  MIXTURE_SELECT "WHERE (?1=0 OR model=?1) AND (mixture.name=?2 OR "
						 "model.name||':'||mixture.name=?2 OR "
						 "model.fingerprint||':'||mixture.name=?2)",
				  err);
	int rc, found = 0;

	memset(out, 0, sizeof *out);
	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, model);
	db_text(q, 2, name);
	while ((rc = sqlite3_step(q)) == SQLITE_ROW)
		if (!found++)
			mixture_read(q, out, a);
	sqlite3_reset(q);
	if (rc != SQLITE_DONE)
		return db_fail(s, err, "find mixture");
	if (!found)
		return t2_fail(err, T2_ENOTFOUND,
			       "mixture %s: none of that name%s; \"t2tui mix list\" shows them",
			       name, model ? " for this model" : "");
	if (found > 1)
		return t2_fail(err, T2_EINVAL, "mixture %s: several models have one; say MODEL:%s",
			       name, name);
	return parts_read(s, out, a, err);
}

enum t2_status
store_mixture_for_task(struct store *s, int64_t model, const char *task, struct mixture_row *out,
		       struct arena *a, struct t2_err *err)
{
	sqlite3_stmt *q =
		db_stmt(s,
			MIXTURE_SELECT "WHERE model=?1 AND task=?2 AND fitness IS NOT NULL "
				       "ORDER BY created DESC,mixture.id DESC LIMIT 1",
			err);
	enum t2_status st;

	memset(out, 0, sizeof *out);
	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, model);
	db_text(q, 2, task);
	st = db_one(s, q, mixture_read, out, a, "find mixture", err);
	if (st == T2_ENOTFOUND)
		return t2_fail(err, T2_ENOTFOUND,
			       "task %s: no searched mixture yet; \"t2tui search MODEL --task %s "
			       "--experts A,B\" "
			       "makes one",
			       task, task);
	return st ? st : parts_read(s, out, a, err);
}

static enum t2_status
mixture_insert(struct store *s, const struct mixture_row *m, int64_t *id, struct t2_err *err)
{
	sqlite3_stmt *q = db_stmt(s,
				  "INSERT INTO mixture(model,name,task,fitness,run,created) "
				  "VALUES(?,?,?,?,nullif(?,0),?)",
				  err);
	enum t2_status st = T2_OK;
	int rc;

	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, m->model);
	db_text(q, 2, m->name);
	db_text(q, 3, m->task);
	db_real(q, 4, m->fitness);
	sqlite3_bind_int64(q, 5, m->run);
	sqlite3_bind_double(q, 6, m->created > 0 ? m->created : store_now());
	rc = sqlite3_step(q);
	if (rc != SQLITE_DONE)
		st = rc == SQLITE_CONSTRAINT
			     ? t2_fail(err, T2_EINVAL,
				       "mixture %s: the name is taken; choose another", m->name)
			     : db_fail(s, err, "keep mixture");
	sqlite3_reset(q);
	*id = sqlite3_last_insert_rowid(s->db);
	for (int i = 0; i < m->parts && !st; i++) {
		if (!(q = db_stmt(s, "INSERT INTO mixture_part VALUES(?,?,?,?,?)", err)))
			return T2_EDB;
		sqlite3_bind_int64(q, 1, *id);
		sqlite3_bind_int64(q, 2, m->part[i].expert);
		sqlite3_bind_int(q, 3, i);
		sqlite3_bind_double(q, 4, m->part[i].alpha);
		if (m->part[i].alphas)
			sqlite3_bind_blob(q, 5, m->part[i].alphas,
					  m->part[i].count * (int)sizeof(float), SQLITE_TRANSIENT);
		st = db_done(s, q, "keep mixture", err);
	}
	return st;
}

enum t2_status
store_mixture_add(struct store *s, const struct mixture_row *m, int64_t *id, struct t2_err *err)
{
	bool own = sqlite3_get_autocommit(s->db);
	enum t2_status st = T2_OK;

	if ((st = store_name_check("mixture", m->name, err)))
		return st;
	if (own && (st = store_begin(s, err)))
		return st;
	st = mixture_insert(s, m, id, err);
	if (!own)
		return st;
	if (!st)
		st = store_commit(s, err);
	if (st)
		store_rollback(s);
	return st;
}

enum t2_status
store_mixture_remove(struct store *s, int64_t id, struct t2_err *err)
{
	sqlite3_stmt *q = db_stmt(s, "DELETE FROM mixture WHERE id=?", err);

	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, id);
	return db_done(s, q, "remove mixture", err);
}
