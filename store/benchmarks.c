#include "store/benchmarks.h"

#include <stdlib.h>

#include "store/db.h"

static enum t2_status
figure_insert(struct store *s, int64_t id, int position, const struct benchmark_figure *f,
	      struct t2_err *err)
{
	sqlite3_stmt *q =
		db_stmt(s, "INSERT INTO benchmark_figure VALUES(?,?,?,?,?,?,?,?,?,?,?,?)", err);

	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, id);
	sqlite3_bind_int(q, 2, position);
	db_text(q, 3, f->name);
	db_text(q, 4, f->unit);
	sqlite3_bind_double(q, 5, f->value);
	sqlite3_bind_double(q, 6, f->limit);
	sqlite3_bind_double(q, 7, f->ratio);
	sqlite3_bind_double(q, 8, f->low);
	sqlite3_bind_double(q, 9, f->high);
	sqlite3_bind_int(q, 10, f->repeats);
	sqlite3_bind_double(q, 11, f->work);
	db_text(q, 12, f->detail);
	return db_done(s, q, "keep benchmark", err);
}

static enum t2_status
benchmark_insert(struct store *s, struct benchmark_row *b, const struct benchmark_figure *v, int n,
		 struct t2_err *err)
{
	sqlite3_stmt *q =
		db_stmt(s,
			"INSERT INTO benchmark(created,model,machine,kernels,threads,layers) "
			"VALUES(?,?,?,?,?,?)",
			err);
	enum t2_status st;

	if (!q)
		return T2_EDB;
	if (!(b->created > 0))
		b->created = store_now();
	sqlite3_bind_double(q, 1, b->created);
	db_text(q, 2, b->model);
	db_text(q, 3, b->machine);
	db_text(q, 4, b->kernels);
	sqlite3_bind_int(q, 5, b->threads);
	sqlite3_bind_int(q, 6, b->layers);
	st = db_done(s, q, "keep benchmark", err);
	b->id = sqlite3_last_insert_rowid(s->db);
	for (int i = 0; i < n && !st; i++)
		st = figure_insert(s, b->id, i, &v[i], err);
	return st;
}

enum t2_status
store_benchmark_add(struct store *s, struct benchmark_row *b, const struct benchmark_figure *v,
		    int n, struct t2_err *err)
{
	enum t2_status st = store_begin(s, err);

	if (!st)
		st = benchmark_insert(s, b, v, n, err);
	if (!st)
		st = store_commit(s, err);
	if (st)
		store_rollback(s);
	return st;
}

static void
benchmark_read(sqlite3_stmt *q, void *row, struct arena *a)
{
	struct benchmark_row *b = row;

	b->id = sqlite3_column_int64(q, 0);
	b->created = sqlite3_column_double(q, 1);
	b->model = db_column_text(q, 2, a);
	b->machine = db_column_text(q, 3, a);
	b->kernels = db_column_text(q, 4, a);
	b->threads = sqlite3_column_int(q, 5);
	b->layers = sqlite3_column_int(q, 6);
	b->figures = sqlite3_column_int(q, 7);
}

enum t2_status
store_benchmark_list(struct store *s, const char *machine, struct benchmark_list *out,
		     struct t2_err *err)
{
	sqlite3_stmt *q = db_stmt(
		s,
		"SELECT id,created,model,machine,kernels,threads,layers,(SELECT count(*) FROM "
		"benchmark_figure f WHERE f.benchmark=b.id) FROM benchmark b WHERE ?1='' OR "
		"machine=?1 ORDER BY created DESC,id DESC",
		err);

	memset(out, 0, sizeof *out);
	if (!q)
		return T2_EDB;
	db_text(q, 1, machine);
	return DB_LIST(s, q, benchmark_read, out, "list benchmarks", err);
}

void
benchmark_list_free(struct benchmark_list *l)
{
	DB_LIST_FREE(l);
}

static void
figure_read(sqlite3_stmt *q, void *row, struct arena *a)
{
	struct benchmark_figure *f = row;

	f->name = db_column_text(q, 0, a);
	f->unit = db_column_text(q, 1, a);
	f->value = sqlite3_column_double(q, 2);
	f->limit = sqlite3_column_double(q, 3);
	f->ratio = sqlite3_column_double(q, 4);
	f->low = sqlite3_column_double(q, 5);
	f->high = sqlite3_column_double(q, 6);
	f->repeats = sqlite3_column_int(q, 7);
	f->work = sqlite3_column_double(q, 8);
	f->detail = db_column_text(q, 9, a);
}

enum t2_status
store_benchmark_figures(struct store *s, int64_t id, struct benchmark_figures *out,
			struct t2_err *err)
{
	sqlite3_stmt *q = db_stmt(s,
				  "SELECT name,unit,value,\"limit\",ratio,low,high,repeats,work,"
				  "detail "
				  "FROM benchmark_figure WHERE benchmark=? ORDER BY position",
				  err);
	enum t2_status st;

	memset(out, 0, sizeof *out);
	if (!q)
		return T2_EDB;
	sqlite3_bind_int64(q, 1, id);
	st = DB_LIST(s, q, figure_read, out, "read benchmark", err);
	if (!st && !out->n)
		st = t2_fail(err, T2_ENOTFOUND,
			     "%s: no benchmark %lld; `t2tui bench --history` lists them",
			     store_path(s), (long long)id);
	return st;
}

void
benchmark_figures_free(struct benchmark_figures *l)
{
	DB_LIST_FREE(l);
}
