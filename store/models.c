#include "store/models.h"

#include <stdlib.h>

#include "engine/model/model.h"
#include "engine/svf/spectrum.h"
#include "store/db.h"

enum t2_status
store_model_register(struct store *s, const struct model *m, const char *name, bool shipped,
		     int64_t *id, struct t2_err *err)
{
	const struct config *c = model_config(m);
	double now = store_now();
	sqlite3_stmt *q =
		db_stmt(s,
			"INSERT INTO model(fingerprint,name,path,arch,parameters,layers,hidden,"
			"vocab,shipped,added,opened) VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?10) "
			"ON CONFLICT(fingerprint) DO UPDATE SET opened=?10,shipped=max(shipped,?9),"
			"name=CASE WHEN shipped>?9 THEN name ELSE ?2 END,"
			"path=CASE WHEN shipped>?9 THEN path ELSE ?3 END RETURNING id",
			err);

	if (!q)
		return T2_EDB;
	db_text(q, 1, model_fingerprint(m));
	db_text(q, 2, name ? name : model_name(m));
	db_text(q, 3, model_path(m));
	db_text(q, 4, c->arch);
	sqlite3_bind_int64(q, 5, model_parameters(m));
	sqlite3_bind_int(q, 6, c->layers);
	sqlite3_bind_int(q, 7, c->hidden);
	sqlite3_bind_int(q, 8, c->vocab);
	sqlite3_bind_int(q, 9, shipped);
	sqlite3_bind_double(q, 10, now);
	if (sqlite3_step(q) != SQLITE_ROW) {
		enum t2_status st = db_fail(s, err, "register model");

		sqlite3_reset(q);
		return st;
	}
	*id = sqlite3_column_int64(q, 0);
	return db_done(s, q, "register model", err);
}

#define RETIRED "(SELECT id FROM model WHERE shipped AND fingerprint<>?1)"

enum t2_status
store_model_retire(struct store *s, const char *fingerprint, struct t2_err *err)
{
	static const char *const steps[] = {
		"DELETE FROM expert WHERE shipped AND model IN " RETIRED
		" AND id NOT IN (SELECT expert FROM mixture_part)",
		"DELETE FROM run WHERE shipped AND model IN " RETIRED,
		"DELETE FROM evaluation WHERE seconds=0 AND tokens=0 AND model IN " RETIRED,
		"UPDATE expert SET shipped=0 WHERE shipped AND model IN " RETIRED,
		"DELETE FROM model WHERE id IN " RETIRED
		" AND id NOT IN (SELECT model FROM expert UNION SELECT model FROM run"
		" UNION SELECT model FROM mixture UNION SELECT model FROM decision"
		" UNION SELECT model FROM evaluation)",
		"UPDATE model SET shipped=0,name='old sample' WHERE id IN " RETIRED,
	};
	enum t2_status st = T2_OK;

	for (size_t i = 0; i < sizeof steps / sizeof *steps && !st; i++) {
		sqlite3_stmt *q = db_stmt(s, steps[i], err);

		if (!q)
			return T2_EDB;
		db_text(q, 1, fingerprint);
		st = db_done(s, q, "retire the old sample", err);
	}
	return st;
}

#define MODEL_COLUMNS                                                                              \
	"id,fingerprint,name,path,arch,parameters,layers,hidden,vocab,shipped,added,opened"

static void
model_read(sqlite3_stmt *q, void *row, struct arena *a)
{
	struct model_row *r = row;

	r->id = sqlite3_column_int64(q, 0);
	r->fingerprint = db_column_text(q, 1, a);
	r->name = db_column_text(q, 2, a);
	r->path = db_column_text(q, 3, a);
	r->arch = db_column_text(q, 4, a);
	r->parameters = sqlite3_column_int64(q, 5);
	r->layers = sqlite3_column_int(q, 6);
	r->hidden = sqlite3_column_int(q, 7);
	r->vocab = sqlite3_column_int(q, 8);
	r->shipped = sqlite3_column_int(q, 9);
	r->added = sqlite3_column_double(q, 10);
	r->opened = sqlite3_column_double(q, 11);
}

enum t2_status
store_model_list(struct store *s, struct model_list *out, struct t2_err *err)
{
	sqlite3_stmt *q = db_stmt(
		s, "SELECT " MODEL_COLUMNS " FROM model ORDER BY opened DESC, id DESC", err);

	memset(out, 0, sizeof *out);
	if (!q)
		return T2_EDB;
	return DB_LIST(s, q, model_read, out, "list models", err);
}

void
model_list_free(struct model_list *l)
{
	DB_LIST_FREE(l);
}

enum t2_status
store_model_find(struct store *s, const char *name, struct model_row *out, struct arena *a,
		 struct t2_err *err)
{
	sqlite3_stmt *q =
		db_stmt(s,
			"SELECT " MODEL_COLUMNS " FROM model WHERE name=?1 OR fingerprint=?1 "
			"ORDER BY name=?1 DESC, opened DESC LIMIT 1",
			err);
	enum t2_status st;

	memset(out, 0, sizeof *out);
	if (!q)
		return T2_EDB;
	db_text(q, 1, name);
	st = db_one(s, q, model_read, out, a, "find model", err);
	return st != T2_ENOTFOUND ? st
				  : t2_fail(err, T2_ENOTFOUND,
					    "%s: no such file, folder or model of the store; "
					    "\"sample\" is always there",
					    name);
}

enum t2_status
store_matrix_put(struct store *s, int64_t model, int idx, const char *name, int layer,
		 const char *kind, int m, int n, const float *sigma,
		 const struct spectrum_stats *st, struct t2_err *err)
{
	sqlite3_stmt *q = db_stmt(
		s, "INSERT OR REPLACE INTO matrix VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", err);
	int r = m < n ? m : n;

	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, model);
	sqlite3_bind_int(q, 2, idx);
	db_text(q, 3, name);
	sqlite3_bind_int(q, 4, layer);
	db_text(q, 5, kind);
	sqlite3_bind_int(q, 6, m);
	sqlite3_bind_int(q, 7, n);
	sqlite3_bind_int(q, 8, r);
	sqlite3_bind_blob(q, 9, sigma, r * (int)sizeof *sigma, SQLITE_TRANSIENT);
	db_real(q, 10, st->spectral_norm);
	db_real(q, 11, st->frobenius_norm);
	db_real(q, 12, st->stable_rank);
	db_real(q, 13, st->effective_rank);
	db_real(q, 14, st->tail_exponent);
	db_real(q, 15, st->noise_edge);
	sqlite3_bind_int(q, 16, st->above_edge);
	return db_done(s, q, "keep matrix", err);
}
