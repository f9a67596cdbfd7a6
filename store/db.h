/* db.h - what the files of store/ share: the handle, cached statements, and errors.  Private to store/. */
#ifndef T2_STORE_DB_H
#define T2_STORE_DB_H

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/arena.h"
#include "store/store.h"

enum { DB_STATEMENTS = 128 };

#define DB_WAIT 10.0 /* seconds, where wait.h says nothing else */

struct store {
	sqlite3 *db;
	char *path;
	uint64_t device, inode; /* of the file when it was opened */
	bool again;		/* another handle has it open: it is there already */
	bool guarded;		/* store_guard() */
	bool readonly;
	bool no_wal;	/* opening found that the files beside it cannot be made */
	bool full;	/* because there was no space for them */
	bool cancelled; /* the last wait ended because its job had been cancelled */
	struct {
		const char *sql; /* the caller's string literal */
		sqlite3_stmt *stmt;
	} cache[DB_STATEMENTS];
	int cached;
};

/* A prepared statement for sql (a string literal), reset and unbound, cached for the handle's life. */
sqlite3_stmt *db_stmt(struct store *s, const char *sql, struct t2_err *err);
/* SQLite's busy handler (wait.c): sleeps a little; 0: enough.  n counts the calls of one wait from 0. */
int db_wait(void *store, int n);
double db_patience(void); /* seconds that this thread waits */
enum t2_status db_fail(struct store *s, struct t2_err *err, const char *what);
/* Steps a statement that returns no row, resets it whatever comes. */
enum t2_status db_done(struct store *s, sqlite3_stmt *q, const char *what, struct t2_err *err);
/* Binds: text NULL becomes ''. NaN becomes NULL. */
void db_text(sqlite3_stmt *q, int i, const char *text);
void db_real(sqlite3_stmt *q, int i, double x);
double db_column_real(sqlite3_stmt *q, int i); /* NULL: NaN */
char *db_column_text(sqlite3_stmt *q, int i, struct arena *a);

/* Takes the columns of one row; texts and blobs go into a. */
typedef void db_row_fn(sqlite3_stmt *q, void *row, struct arena *a);
/* All rows that q gives as an array of rows of that size; arena may be NULL where no row needs it.  On failure the list is
 * empty and nothing is left to free.  what: for the message, "list runs". */
enum t2_status db_list(struct store *s, sqlite3_stmt *q, db_row_fn *fn, size_t size, void **v,
		       int *n, int *cap, struct arena *arena, const char *what, struct t2_err *err);
/* The same into a list of the public headers: struct { ... *v; int n, cap; struct arena arena; } *out. */
#define DB_LIST(s, q, fn, out, what, err)                                                          \
	db_list((s), (q), (fn), sizeof *(out)->v, (void **)&(out)->v, &(out)->n, &(out)->cap,      \
		&(out)->arena, (what), (err))
#define DB_LIST_FREE(l) (free((l)->v), arena_free(&(l)->arena), (void)memset((l), 0, sizeof *(l)))
/* The first row that q gives; none is T2_ENOTFOUND, whose message is the caller's. */
enum t2_status db_one(struct store *s, sqlite3_stmt *q, db_row_fn *fn, void *row, struct arena *a,
		      const char *what, struct t2_err *err);

#endif
