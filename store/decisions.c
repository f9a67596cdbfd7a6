#include "store/decisions.h"

#include <stdlib.h>

#include "store/db.h"

enum t2_status
store_decision_add(struct store *s, const struct decision_row *d, int64_t *id, struct t2_err *err)
{
	sqlite3_stmt *q = db_stmt(
		s,
		"INSERT INTO decision(model,created,strategy,prompt,pass1_text,scores,pass1_ms,"
		"decision,mixture,pass2_text,tokens,pass2_ms) VALUES(?,?,?,?,?,?,?,?,?,?,?,?)",
		err);
	enum t2_status st;

	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, d->model);
	sqlite3_bind_double(q, 2, d->created > 0 ? d->created : store_now());
	db_text(q, 3, d->strategy);
	db_text(q, 4, d->prompt);
	db_text(q, 5, d->pass1_text);
	db_text(q, 6, d->scores ? d->scores : "{}");
	sqlite3_bind_double(q, 7, d->pass1_ms);
	db_text(q, 8, d->decision);
	db_text(q, 9, d->mixture ? d->mixture : "{}");
	db_text(q, 10, d->pass2_text);
	sqlite3_bind_int(q, 11, d->tokens);
	sqlite3_bind_double(q, 12, d->pass2_ms);
	st = db_done(s, q, "keep decision", err);
	*id = sqlite3_last_insert_rowid(s->db);
	return st;
}

static void
decision_read(sqlite3_stmt *q, void *row, struct arena *a)
{
	struct decision_row *d = row;

	d->id = sqlite3_column_int64(q, 0);
	d->model = sqlite3_column_int64(q, 1);
	d->created = sqlite3_column_double(q, 2);
	d->strategy = db_column_text(q, 3, a);
	d->prompt = db_column_text(q, 4, a);
	d->pass1_text = db_column_text(q, 5, a);
	d->scores = db_column_text(q, 6, a);
	d->pass1_ms = sqlite3_column_double(q, 7);
	d->decision = db_column_text(q, 8, a);
	d->mixture = db_column_text(q, 9, a);
	d->pass2_text = db_column_text(q, 10, a);
	d->tokens = sqlite3_column_int(q, 11);
	d->pass2_ms = sqlite3_column_double(q, 12);
}

enum t2_status
store_decision_list(struct store *s, int64_t model, int limit, struct decision_list *out,
		    struct t2_err *err)
{
	sqlite3_stmt *q = db_stmt(
		s,
		"SELECT id,model,created,strategy,prompt,pass1_text,scores,pass1_ms,decision,"
		"mixture,pass2_text,tokens,pass2_ms FROM decision WHERE ?1=0 OR model=?1 "
		"ORDER BY created DESC,id DESC LIMIT ?2",
		err);

	memset(out, 0, sizeof *out);
	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, model);
	sqlite3_bind_int(q, 2, limit > 0 ? limit : -1);
	return DB_LIST(s, q, decision_read, out, "list decisions", err);
}

void
decision_list_free(struct decision_list *l)
{
	DB_LIST_FREE(l);
}
