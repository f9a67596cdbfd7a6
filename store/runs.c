#include "store/runs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/db.h"
#include "store/sound.h"

int64_t
process_start(int64_t pid)
{
	char path[64], text[1024];
	unsigned long long start = 0;
	const char *p;
	size_t n;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	n = fread(text, 1, sizeof text - 1, f);
	fclose(f);
	text[n] = 0;
	/* the command's name, in parentheses, may hold anything: count fields from its last one */
	p = strrchr(text, ')');
	if (!p || p[1] == 0 || p[2] == 'Z' || p[2] == 'X')
		return 0;
	if (sscanf(p + 1,
		   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d "
		   "%llu",
		   &start) != 1)
		return 0;
	return (int64_t)start;
}

#define RUN_SELECT                                                                                 \
	"SELECT run.id,model,kind,run.name,task,settings,status,message,model.name,"               \
	"CASE WHEN model.shipped THEN 'sample' ELSE model.path END,step,steps,"                    \
	"best_step,reward,best_accuracy,pid,pid_start,heartbeat,started,seconds,stop,run.shipped " \
	"FROM run JOIN model ON model.id=run.model "

static void
run_read(sqlite3_stmt *q, void *row, struct arena *a)
{
	struct run_row *r = row;

	r->id = sqlite3_column_int64(q, 0);
	r->model = sqlite3_column_int64(q, 1);
	r->kind = db_column_text(q, 2, a);
	r->name = db_column_text(q, 3, a);
	r->task = db_column_text(q, 4, a);
	r->settings = db_column_text(q, 5, a);
	r->status = db_column_text(q, 6, a);
	r->message = db_column_text(q, 7, a);
	r->model_name = db_column_text(q, 8, a);
	r->model_path = db_column_text(q, 9, a);
	r->step = sqlite3_column_int(q, 10);
	r->steps = sqlite3_column_int(q, 11);
	r->best_step = sqlite3_column_type(q, 12) == SQLITE_NULL ? -1 : sqlite3_column_int(q, 12);
	r->reward = db_column_real(q, 13);
	r->best_accuracy = sound_share(db_column_real(q, 14), -1);
	r->pid = sqlite3_column_int64(q, 15);
	r->pid_start = sqlite3_column_int64(q, 16);
	r->heartbeat = sqlite3_column_double(q, 17);
	r->started = sqlite3_column_double(q, 18);
	r->seconds = sqlite3_column_double(q, 19);
	r->stop = sqlite3_column_int(q, 20);
	r->shipped = sqlite3_column_int(q, 21);
	if (r->status && !strcmp(r->status, "running") && process_start(r->pid) != r->pid_start)
		r->status = arena_strdup(a, "interrupted");
}

enum t2_status
store_run_start(struct store *s, const struct run_row *row, int64_t *id, struct t2_err *err)
{
	sqlite3_stmt *q = db_stmt(
		s,
		"INSERT INTO run(kind,model,name,task,settings,status,step,steps,pid,"
		"pid_start,heartbeat,shipped,started) VALUES(?,?,?,?,?,'running',0,?,?,?,?,?,?)",
		err);
	double now = store_now();
	enum t2_status st;

	if (!q)
		return T2_EDB;
	db_text(q, 1, row->kind);
	sqlite3_bind_int64(q, 2, row->model);
	db_text(q, 3, row->name);
	db_text(q, 4, row->task);
	db_text(q, 5, row->settings);
	sqlite3_bind_int(q, 6, row->steps);
	sqlite3_bind_int64(q, 7, getpid());
	sqlite3_bind_int64(q, 8, process_start(getpid()));
	sqlite3_bind_double(q, 9, now);
	sqlite3_bind_int(q, 10, row->shipped);
	sqlite3_bind_double(q, 11, row->started > 0 ? row->started : now);
	st = db_done(s, q, "start run", err);
	*id = sqlite3_last_insert_rowid(s->db);
	return st;
}

enum t2_status
store_run_claim(struct store *s, int64_t id, struct t2_err *err)
{
	sqlite3_stmt *q;
	enum t2_status st = store_begin(s, err);
	int64_t pid = 0, start = 0;
	bool running = false, done = false;

	if (st)
		return st;
	if (!(q = db_stmt(s,
			  "SELECT pid,pid_start,status='running',status='done' FROM run WHERE id=?",
			  err))) {
		st = T2_EDB;
		goto out;
	}
	sqlite3_bind_int64(q, 1, id);
	if (sqlite3_step(q) == SQLITE_ROW) {
		pid = sqlite3_column_int64(q, 0);
		start = sqlite3_column_int64(q, 1);
		running = sqlite3_column_int(q, 2);
		done = sqlite3_column_int(q, 3);
	} else {
		st = t2_fail(err, T2_ENOTFOUND, "run %lld: no such run", (long long)id);
	}
	sqlite3_reset(q);
	if (!st && done)
		st = t2_fail(err, T2_EINVAL, "run %lld: is done; there is nothing to resume",
			     (long long)id);
	if (!st && running && pid != getpid() && start && process_start(pid) == start)
		st = t2_fail(
			err, T2_EBUSY,
			"run %lld: process %lld is still at it; \"t2tui run stop %lld\" ends it",
			(long long)id, (long long)pid, (long long)id);
	if (!st &&
	    !(q = db_stmt(s,
			  "UPDATE run SET status='running',pid=?2,pid_start=?3,heartbeat=?4,stop=0,"
			  "message='' WHERE id=?1",
			  err)))
		st = T2_EDB;
	if (!st) {
		sqlite3_bind_int64(q, 1, id);
		sqlite3_bind_int64(q, 2, getpid());
		sqlite3_bind_int64(q, 3, process_start(getpid()));
		sqlite3_bind_double(q, 4, store_now());
		st = db_done(s, q, "claim run", err);
	}
	if (!st)
		return store_commit(s, err);
out:
	store_rollback(s);
	return st;
}

enum t2_status
store_run_step(struct store *s, int64_t id, const struct run_metric *m, struct t2_err *err)
{
	sqlite3_stmt *q =
		db_stmt(s, "INSERT OR REPLACE INTO metric VALUES(?,?,?,?,?,?,?,?,?,?)", err);
	enum t2_status st;

	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, id);
	sqlite3_bind_int(q, 2, m->step);
	db_real(q, 3, m->reward);
	db_real(q, 4, m->loss);
	db_real(q, 5, m->kl);
	db_real(q, 6, m->grad_norm);
	db_real(q, 7, m->length);
	sqlite3_bind_int64(q, 8, m->tokens);
	sqlite3_bind_double(q, 9, m->ms);
	if (m->zmean)
		sqlite3_bind_blob(q, 10, m->zmean, m->zcount * (int)sizeof(float),
				  SQLITE_TRANSIENT);
	if ((st = db_done(s, q, "keep metrics", err)))
		return st;
	q = db_stmt(
		s,
		"UPDATE run SET step=?2,reward=coalesce(?3,reward),heartbeat=?4,seconds=seconds+?5 "
		"WHERE id=?1",
		err);
	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, id);
	sqlite3_bind_int(q, 2, m->step);
	db_real(q, 3, m->reward);
	sqlite3_bind_double(q, 4, store_now());
	sqlite3_bind_double(q, 5, m->ms / 1000);
	return db_done(s, q, "keep metrics", err);
}

enum t2_status
store_run_best(struct store *s, int64_t id, int step, double accuracy, struct t2_err *err)
{
	sqlite3_stmt *q =
		db_stmt(s, "UPDATE run SET best_step=?2,best_accuracy=?3 WHERE id=?1", err);

	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, id);
	sqlite3_bind_int(q, 2, step);
	db_real(q, 3, accuracy);
	return db_done(s, q, "note best", err);
}

enum t2_status
store_run_finish(struct store *s, int64_t id, const char *status, const char *message,
		 struct t2_err *err)
{
	sqlite3_stmt *q = db_stmt(
		s, "UPDATE run SET status=?2,message=?3,heartbeat=?4,stop=0 WHERE id=?1", err);

	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, id);
	db_text(q, 2, status);
	db_text(q, 3, message);
	sqlite3_bind_double(q, 4, store_now());
	return db_done(s, q, "finish run", err);
}

enum t2_status
store_run_beat(struct store *s, int64_t id, bool *stop, struct t2_err *err)
{
	sqlite3_stmt *q = db_stmt(s, "UPDATE run SET heartbeat=?2 WHERE id=?1 RETURNING stop", err);

	*stop = false;
	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, id);
	sqlite3_bind_double(q, 2, store_now());
	if (sqlite3_step(q) == SQLITE_ROW)
		*stop = sqlite3_column_int(q, 0);
	return db_done(s, q, "heartbeat", err);
}

enum t2_status
store_run_say(struct store *s, int64_t id, const char *text, struct t2_err *err)
{
	sqlite3_stmt *q = db_stmt(s, "UPDATE run SET message=?2,heartbeat=?3 WHERE id=?1", err);

	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, id);
	db_text(q, 2, text);
	sqlite3_bind_double(q, 3, store_now());
	return db_done(s, q, "note progress", err);
}

enum t2_status
store_run_ask_stop(struct store *s, int64_t id, struct t2_err *err)
{
	sqlite3_stmt *q = db_stmt(s, "UPDATE run SET stop=1 WHERE id=? AND status='running'", err);

	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, id);
	return db_done(s, q, "stop run", err);
}

enum t2_status
store_run_list(struct store *s, int64_t model, struct run_list *out, struct t2_err *err)
{
	sqlite3_stmt *q = db_stmt(s, RUN_SELECT "WHERE ?1=0 OR model=?1 ORDER BY run.id DESC", err);

	memset(out, 0, sizeof *out);
	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, model);
	return DB_LIST(s, q, run_read, out, "list runs", err);
}

void
run_list_free(struct run_list *l)
{
	DB_LIST_FREE(l);
}

enum t2_status
store_run_find(struct store *s, const char *which, struct run_row *out, struct arena *a,
	       struct t2_err *err)
{
	sqlite3_stmt *q = db_stmt(
		s,
		RUN_SELECT
		"WHERE run.id=?1 OR run.name=?2 ORDER BY run.id=?1 DESC, run.id DESC LIMIT 1",
		err);
	char *end;
	long long id = strtoll(which, &end, 10);
	enum t2_status st;

	memset(out, 0, sizeof *out);
	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, *end || end == which ? -1 : id);
	db_text(q, 2, which);
	st = db_one(s, q, run_read, out, a, "find run", err);
	return st != T2_ENOTFOUND
		       ? st
		       : t2_fail(err, T2_ENOTFOUND,
				 "run %s: no such run; \"t2tui run list\" shows them", which);
}

enum t2_status
store_run_unfinished(struct store *s, int64_t model, const char *kind, const char *name,
		     int64_t but, struct run_row *out, struct arena *a, struct t2_err *err)
{
	sqlite3_stmt *q = db_stmt(s,
				  RUN_SELECT "WHERE run.model=?1 AND run.kind=?2 AND run.name=?3 "
					     "AND run.id<>?4 AND run.status<>'done' "
					     "ORDER BY run.id DESC LIMIT 1",
				  err);

	memset(out, 0, sizeof *out);
	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, model);
	db_text(q, 2, kind);
	db_text(q, 3, name);
	sqlite3_bind_int64(q, 4, but);
	return db_one(s, q, run_read, out, a, "find run", err);
}

static void
metric_read(sqlite3_stmt *q, void *row, struct arena *a)
{
	struct run_metric *m = row;
	size_t bytes = (size_t)sqlite3_column_bytes(q, 8);

	m->step = sqlite3_column_int(q, 0);
	m->reward = db_column_real(q, 1);
	m->loss = db_column_real(q, 2);
	m->kl = db_column_real(q, 3);
	m->grad_norm = db_column_real(q, 4);
	m->length = db_column_real(q, 5);
	m->tokens = (long)sqlite3_column_int64(q, 6);
	m->ms = sqlite3_column_double(q, 7);
	if (bytes) {
		m->zcount = (int)(bytes / sizeof(float));
		m->zmean = arena_memdup(a, sqlite3_column_blob(q, 8), bytes);
	}
}

enum t2_status
store_metric_list(struct store *s, int64_t run, int after_step, struct metric_list *out,
		  struct t2_err *err)
{
	sqlite3_stmt *q =
		db_stmt(s,
			"SELECT step,reward,loss,kl,grad_norm,length,tokens,ms,zmean FROM metric "
			"WHERE run=? AND step>? ORDER BY step",
			err);

	memset(out, 0, sizeof *out);
	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, run);
	sqlite3_bind_int(q, 2, after_step);
	return DB_LIST(s, q, metric_read, out, "list metrics", err);
}

void
metric_list_free(struct metric_list *l)
{
	DB_LIST_FREE(l);
}

enum t2_status
store_validation_put(struct store *s, int64_t run, const struct run_validation *v,
		     struct t2_err *err)
{
	sqlite3_stmt *q = db_stmt(s, "INSERT OR REPLACE INTO validation VALUES(?,?,?,?,?)", err);

	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, run);
	sqlite3_bind_int(q, 2, v->step);
	db_text(q, 3, v->split);
	sqlite3_bind_int(q, 4, v->correct);
	sqlite3_bind_int(q, 5, v->n);
	return db_done(s, q, "keep validation", err);
}

static void
validation_read(sqlite3_stmt *q, void *row, struct arena *a)
{
	struct run_validation *v = row;

	(void)a;
	v->step = sqlite3_column_int(q, 0);
	snprintf(v->split, sizeof v->split, "%s", (const char *)sqlite3_column_text(q, 1));
	v->correct = sqlite3_column_int(q, 2);
	v->n = sqlite3_column_int(q, 3);
}

enum t2_status
store_validation_list(struct store *s, int64_t run, struct validation_list *out, struct t2_err *err)
{
	sqlite3_stmt *q = db_stmt(
		s,
		"SELECT step,split,correct,n FROM validation WHERE run=? AND " SOUND_VALIDATION
		" ORDER BY step",
		err);

	memset(out, 0, sizeof *out);
	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, run);
	return db_list(s, q, validation_read, sizeof *out->v, (void **)&out->v, &out->n, &out->cap,
		       NULL, "list validations", err);
}

enum t2_status
store_run_rewind(struct store *s, int64_t run, int step, struct t2_err *err)
{
	static const char *const sql[] = {"DELETE FROM metric WHERE run=?1 AND step>?2",
					  "DELETE FROM validation WHERE run=?1 AND step>?2",
					  "UPDATE run SET step=?2 WHERE id=?1"};
	enum t2_status st = T2_OK;

	for (int i = 0; i < 3 && !st; i++) {
		sqlite3_stmt *q = db_stmt(s, sql[i], err);

		if (!q)
			return T2_EDB;
		sqlite3_bind_int64(q, 1, run);
		sqlite3_bind_int(q, 2, step);
		st = db_done(s, q, "rewind run", err);
	}
	return st;
}

enum t2_status
store_checkpoint_put(struct store *s, int64_t run, const char *kind, int step, const void *state,
		     size_t n, struct t2_err *err)
{
	sqlite3_stmt *q = db_stmt(s, "INSERT OR REPLACE INTO checkpoint VALUES(?,?,?,?)", err);

	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, run);
	db_text(q, 2, kind);
	sqlite3_bind_int(q, 3, step);
	sqlite3_bind_blob64(q, 4, state, n, SQLITE_TRANSIENT);
	return db_done(s, q, "keep checkpoint", err);
}

enum t2_status
store_checkpoint_get(struct store *s, int64_t run, const char *kind, int *step, void **state,
		     size_t *n, struct t2_err *err)
{
	sqlite3_stmt *q =
		db_stmt(s, "SELECT step,state FROM checkpoint WHERE run=? AND kind=?", err);
	enum t2_status st = T2_OK;
	int rc;

	*state = NULL;
	*n = 0;
	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, run);
	db_text(q, 2, kind);
	rc = sqlite3_step(q);
	if (rc == SQLITE_ROW) {
		*step = sqlite3_column_int(q, 0);
		*n = (size_t)sqlite3_column_bytes(q, 1);
		*state = malloc(*n ? *n : 1);
		if (!*state)
			st = t2_nomem(err, "checkpoint");
		else if (*n)
			memcpy(*state, sqlite3_column_blob(q, 1), *n);
	} else if (rc == SQLITE_DONE) {
		st = t2_fail(err, T2_ENOTFOUND, "run %lld: no checkpoint \"%s\"", (long long)run,
			     kind);
	} else {
		st = db_fail(s, err, "read checkpoint");
	}
	sqlite3_reset(q);
	return st;
}

enum t2_status
store_rollouts_put(struct store *s, int64_t run, const struct run_rollout *v, int n,
		   struct t2_err *err)
{
	sqlite3_stmt *q = db_stmt(s, "DELETE FROM rollout WHERE run=?", err);
	enum t2_status st;

	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, run);
	st = db_done(s, q, "keep rollouts", err);
	for (int i = 0; i < n && !st; i++) {
		if (!(q = db_stmt(s, "INSERT OR REPLACE INTO rollout VALUES(?,?,?,?,?,?,?)", err)))
			return T2_EDB;
		sqlite3_bind_int64(q, 1, run);
		sqlite3_bind_int(q, 2, v[i].step);
		sqlite3_bind_int(q, 3, v[i].position);
		db_text(q, 4, v[i].prompt);
		db_text(q, 5, v[i].answer);
		db_text(q, 6, v[i].gold);
		sqlite3_bind_double(q, 7, v[i].reward);
		st = db_done(s, q, "keep rollouts", err);
	}
	return st;
}

static void
rollout_read(sqlite3_stmt *q, void *row, struct arena *a)
{
	struct run_rollout *r = row;

	r->step = sqlite3_column_int(q, 0);
	r->position = sqlite3_column_int(q, 1);
	r->prompt = db_column_text(q, 2, a);
	r->answer = db_column_text(q, 3, a);
	r->gold = db_column_text(q, 4, a);
	r->reward = sqlite3_column_double(q, 5);
}

enum t2_status
store_rollout_list(struct store *s, int64_t run, struct rollout_list *out, struct t2_err *err)
{
	sqlite3_stmt *q = db_stmt(s,
				  "SELECT step,position,prompt,answer,gold,reward FROM rollout "
				  "WHERE run=? ORDER BY step,position",
				  err);

	memset(out, 0, sizeof *out);
	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, run);
	return DB_LIST(s, q, rollout_read, out, "list rollouts", err);
}

void
rollout_list_free(struct rollout_list *l)
{
	DB_LIST_FREE(l);
}
