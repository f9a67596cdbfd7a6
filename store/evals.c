#include "store/evals.h"

#include <stdlib.h>

#include "store/db.h"
#include "store/sound.h"

static enum t2_status
eval_insert(struct store *s, const struct eval_row *e, const struct eval_item *items, int n,
	    int64_t *id, struct t2_err *err)
{
	sqlite3_stmt *q = db_stmt(
		s,
		"INSERT INTO evaluation(model,created,task,split,strategy,temperature,seed,n,"
		"correct,seconds,tokens,setup_hash,task_hash) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)",
		err);
	enum t2_status st;

	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, e->model);
	sqlite3_bind_double(q, 2, e->created > 0 ? e->created : store_now());
	db_text(q, 3, e->task);
	db_text(q, 4, e->split);
	db_text(q, 5, e->strategy);
	sqlite3_bind_double(q, 6, e->temperature);
	sqlite3_bind_int64(q, 7, e->seed);
	sqlite3_bind_int(q, 8, e->n);
	sqlite3_bind_int(q, 9, e->correct);
	sqlite3_bind_double(q, 10, e->seconds);
	sqlite3_bind_int64(q, 11, e->tokens);
	db_text(q, 12, e->setup_hash);
	db_text(q, 13, e->task_hash);
	st = db_done(s, q, "keep evaluation", err);
	*id = sqlite3_last_insert_rowid(s->db);
	for (int i = 0; i < n && !st; i++) {
		q = db_stmt(s,
			    "INSERT INTO evaluation_item(evaluation,item,correct,answer,decision) "
			    "VALUES(?,?,?,?,?)",
			    err);
		if (!q)
			return T2_EDB;
		sqlite3_bind_int64(q, 1, *id);
		sqlite3_bind_int(q, 2, items[i].item);
		sqlite3_bind_int(q, 3, items[i].correct);
		db_text(q, 4, items[i].answer);
		if (items[i].decision)
			db_text(q, 5, items[i].decision);
		st = db_done(s, q, "keep evaluation", err);
	}
	return st;
}

enum t2_status
store_eval_add(struct store *s, const struct eval_row *e, const struct eval_item *items, int n,
	       int64_t *id, struct t2_err *err)
{
	bool own = sqlite3_get_autocommit(s->db);
	enum t2_status st = own ? store_begin(s, err) : T2_OK;

	if (!st)
		st = eval_insert(s, e, items, n, id, err);
	if (!st && own)
		st = store_commit(s, err);
	if (st && own)
		store_rollback(s);
	return st;
}

static void
eval_read(sqlite3_stmt *q, void *row, struct arena *a)
{
	struct eval_row *e = row;

	e->id = sqlite3_column_int64(q, 0);
	e->model = sqlite3_column_int64(q, 1);
	e->created = sqlite3_column_double(q, 2);
	e->task = db_column_text(q, 3, a);
	e->split = db_column_text(q, 4, a);
	e->strategy = db_column_text(q, 5, a);
	e->temperature = sqlite3_column_double(q, 6);
	e->seed = sqlite3_column_int64(q, 7);
	e->n = sqlite3_column_int(q, 8);
	e->correct = sqlite3_column_int(q, 9);
	e->seconds = sqlite3_column_double(q, 10);
	e->tokens = (long)sqlite3_column_int64(q, 11);
	e->setup_hash = db_column_text(q, 12, a);
	e->task_hash = db_column_text(q, 13, a);
}

#define EVAL_COLUMNS                                                                               \
	"id,model,created,task,split,strategy,temperature,seed,n,correct,seconds,tokens,"          \
	"setup_hash,task_hash"

static enum t2_status
list_evals(struct store *s, const char *sql, int64_t model, struct eval_list *out,
	   struct t2_err *err)
{
	sqlite3_stmt *q = db_stmt(s, sql, err);

	memset(out, 0, sizeof *out);
	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, model);
	return DB_LIST(s, q, eval_read, out, "list evaluations", err);
}

enum t2_status
store_eval_list(struct store *s, int64_t model, struct eval_list *out, struct t2_err *err)
{
	return list_evals(s,
			  "SELECT " EVAL_COLUMNS
			  " FROM evaluation WHERE (?1=0 OR model=?1) AND " SOUND_EVAL " ORDER BY "
			  "created DESC,id DESC",
			  model, out, err);
}

enum t2_status
store_eval_newest(struct store *s, int64_t model, struct eval_list *out, struct t2_err *err)
{
	return list_evals(
		s,
		"SELECT " EVAL_COLUMNS " FROM (SELECT *,row_number() OVER (PARTITION BY model,task,"
		"split,strategy,temperature,iif(temperature=0,0,seed),n,setup_hash,task_hash ORDER "
		"BY created DESC,id DESC) AS nth FROM evaluation WHERE (?1=0 OR model=?1) "
		"AND " SOUND_EVAL ") WHERE "
		"nth=1 ORDER BY created DESC,id DESC",
		model, out, err);
}

void
eval_list_free(struct eval_list *l)
{
	DB_LIST_FREE(l);
}

static void
item_read(sqlite3_stmt *q, void *row, struct arena *a)
{
	struct eval_item *i = row;

	i->item = sqlite3_column_int(q, 0);
	i->correct = sqlite3_column_int(q, 1);
	i->answer = db_column_text(q, 2, a);
	if (sqlite3_column_type(q, 3) != SQLITE_NULL)
		i->decision = db_column_text(q, 3, a);
}

enum t2_status
store_eval_items(struct store *s, int64_t id, struct eval_items *out, struct t2_err *err)
{
	sqlite3_stmt *q = db_stmt(s,
				  "SELECT item,correct,answer,decision FROM evaluation_item "
				  "WHERE evaluation=? ORDER BY item",
				  err);

	memset(out, 0, sizeof *out);
	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, id);
	return DB_LIST(s, q, item_read, out, "list answers", err);
}

void
eval_items_free(struct eval_items *l)
{
	DB_LIST_FREE(l);
}

static void
choice_read(sqlite3_stmt *q, void *row, struct arena *a)
{
	struct eval_choice *c = row;

	c->decision = db_column_text(q, 0, a);
	c->n = sqlite3_column_int(q, 1);
	c->correct = sqlite3_column_int(q, 2);
}

enum t2_status
store_eval_choices(struct store *s, int64_t id, struct eval_choices *out, struct t2_err *err)
{
	sqlite3_stmt *q = db_stmt(s,
				  "SELECT decision,count(*),sum(correct) FROM evaluation_item "
				  "WHERE evaluation=? AND decision IS NOT NULL "
				  "GROUP BY decision ORDER BY decision",
				  err);

	memset(out, 0, sizeof *out);
	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, id);
	return DB_LIST(s, q, choice_read, out, "list decisions", err);
}

void
eval_choices_free(struct eval_choices *l)
{
	DB_LIST_FREE(l);
}
