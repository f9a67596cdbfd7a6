#include "store/store.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/job.h"
#include "engine/base/utf8.h"
#include "store/db.h"
#include "store/sound.h"

#define APPLICATION_ID 0x74327475 /* "t2tu" */

static const char schema[] =
#include "store/schema.sql.h"
	;

static const char from_1[] =
#include "store/migrate_1.sql.h"
	;

static const char from_2[] =
#include "store/migrate_2.sql.h"
	;

static const char from_3[] =
#include "store/migrate_3.sql.h"
	;

static const char from_4[] =
#include "store/migrate_4.sql.h"
	;

/* migrations[v - 1] takes a store of version v to v + 1; all run inside one transaction. */
static const char *const migrations[STORE_VERSION - 1] = {from_1, from_2, from_3, from_4};

double
store_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

enum t2_status
store_name_check(const char *what, const char *name, struct t2_err *err)
{
	size_t n = strlen(name);

	if (!n || n > 127 || strpbrk(name, ":,=/"))
		return t2_fail(err, T2_EINVAL,
			       "%s name \"%.130s\": may not be empty, longer than 127 bytes or "
			       "hold : , = /",
			       what, name);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f)
			return t2_fail(err, T2_EINVAL, "%s name: may not hold control characters",
				       what);
	if (!utf8_valid(name, n))
		return t2_fail(err, T2_EINVAL, "%s name: is not UTF-8", what);
	return T2_OK;
}

static enum t2_status
readonly_fail(const struct store *s, const char *what, struct t2_err *err)
{
	return t2_fail(
		err, T2_EIO,
		s->full ? "%s: %s: the disk was full when the store was opened; free some space "
			  "and start again, or name another store with --store"
			: "%s: %s: the store is read-only; check the permissions of the file and "
			  "of its folder, or name another with --store",
		s->path, what);
}

void
store_place_of(const struct store *s, struct store_place *out)
{
	*out = (struct store_place){.device = s->device, .inode = s->inode};
	snprintf(out->path, sizeof out->path, "%s", s->path);
}

static enum t2_status
place_check(const struct store_place *p, struct t2_err *err)
{
	struct stat is;

	if (stat(p->path, &is))
		return errno == ENOENT || errno == ENOTDIR
			       ? t2_fail(err, T2_EIO,
					 "%s is gone: put it back, or start again with a new one; "
					 "what was read of it still shows, nothing more is kept",
					 p->path)
			       : t2_fail(err, T2_EIO, "%s: cannot open the store: %s", p->path,
					 strerror(errno));
	if (is.st_dev == p->device && is.st_ino == p->inode)
		return T2_OK;
	return t2_fail(
		err, T2_EIO,
		"%s was replaced: put the first file back, or start again with this one; what "
		"was read still shows, nothing more is kept",
		p->path);
}

enum t2_status
store_there(const struct store *s, struct t2_err *err)
{
	struct store_place p;

	store_place_of(s, &p);
	return place_check(&p, err);
}

void
store_guard(struct store *s)
{
	s->guarded = true;
}

enum t2_status
db_fail(struct store *s, struct t2_err *err, const char *what)
{
	int rc = sqlite3_errcode(s->db);
	const char *why = sqlite3_errmsg(s->db);
	int os = sqlite3_system_errno(s->db); /* 0: a write that was cut short */

	switch (rc & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		if (s->cancelled)
			return t2_fail(err, T2_ECANCEL,
				       "%s: %s: cancelled while another process held the store",
				       s->path, what);
		return t2_fail(err, T2_EBUSY, "%s: %s: another process holds the store; try again",
			       s->path, what);
	case SQLITE_FULL:
		return t2_fail(err, T2_EIO, "%s: %s: disk full; free some space and try again",
			       s->path, what);
	case SQLITE_READONLY:
		return readonly_fail(s, what, err);
	case SQLITE_IOERR:
		return t2_fail(err, T2_EIO, "%s: %s: %s%s%s%s; look at the disk and its free space",
			       s->path, what, why, os ? " (" : "", os ? strerror(os) : "",
			       os ? ")" : "");
	case SQLITE_CANTOPEN:
		return t2_fail(err, T2_EIO,
			       "%s: %s: %s; check the permissions of the file and of its folder",
			       s->path, what, why);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return t2_fail(
			err, T2_EFORMAT,
			"%s: %s: damaged (%s); restore a backup or move it away to start anew",
			s->path, what, why);
	default:
		return t2_fail(err, T2_EDB, "%s: %s: %s", s->path, what, why);
	}
}

sqlite3_stmt *
db_stmt(struct store *s, const char *sql, struct t2_err *err)
{
	sqlite3_stmt *q = NULL;

	for (int i = 0; i < s->cached; i++) {
		if (s->cache[i].sql == sql || !strcmp(s->cache[i].sql, sql)) {
			sqlite3_reset(s->cache[i].stmt);
			sqlite3_clear_bindings(s->cache[i].stmt);
			return s->cache[i].stmt;
		}
	}
	if (s->cached == DB_STATEMENTS) {
		t2_fail(err, T2_EDB, "%s: more than %d kinds of statement", s->path, DB_STATEMENTS);
		return NULL;
	}
	if (sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &q, NULL) != SQLITE_OK) {
		db_fail(s, err, "prepare");
		return NULL;
	}
	s->cache[s->cached].sql = sql;
	s->cache[s->cached++].stmt = q;
	return q;
}

enum t2_status
db_done(struct store *s, sqlite3_stmt *q, const char *what, struct t2_err *err)
{
	enum t2_status st = T2_OK;

	/* within a transaction its begin has looked */
	if (s->guarded && sqlite3_get_autocommit(s->db) && !sqlite3_stmt_readonly(q))
		st = store_there(s, err);
	if (!st && sqlite3_step(q) != SQLITE_DONE)
		st = db_fail(s, err, what);
	sqlite3_reset(q); /* always: a statement left open pins the WAL */
	return st;
}

void
db_text(sqlite3_stmt *q, int i, const char *text)
{
	sqlite3_bind_text(q, i, text ? text : "", -1, SQLITE_TRANSIENT);
}

void
db_real(sqlite3_stmt *q, int i, double x)
{
	if (isnan(x))
		sqlite3_bind_null(q, i);
	else
		sqlite3_bind_double(q, i, x);
}

double
db_column_real(sqlite3_stmt *q, int i)
{
	return sqlite3_column_type(q, i) == SQLITE_NULL ? NAN : sqlite3_column_double(q, i);
}

char *
db_column_text(sqlite3_stmt *q, int i, struct arena *a)
{
	const char *s = (const char *)sqlite3_column_text(q, i);

	return arena_strdup(a, s ? s : "");
}

static void *
push(void **v, int *n, int *cap, size_t size)
{
	char *p;

	if (*n == *cap) {
		int want = *cap ? *cap * 2 : 16;
		void *grown = realloc(*v, (size_t)want * size);

		if (!grown)
			return NULL;
		*v = grown;
		*cap = want;
	}
	p = (char *)*v + (size_t)(*n)++ * size;
	memset(p, 0, size);
	return p;
}

enum t2_status
db_list(struct store *s, sqlite3_stmt *q, db_row_fn *fn, size_t size, void **v, int *n, int *cap,
	struct arena *arena, const char *what, struct t2_err *err)
{
	enum t2_status st = T2_OK;
	int rc;

	while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
		void *row = push(v, n, cap, size);

		if (!row)
			break;
		fn(q, row, arena);
	}
	if (rc == SQLITE_ROW || (rc == SQLITE_DONE && arena && arena->failed))
		st = t2_nomem(err, what);
	else if (rc != SQLITE_DONE)
		st = db_fail(s, err, what);
	sqlite3_reset(q);
	if (!st)
		return T2_OK;
	free(*v);
	*v = NULL;
	*n = *cap = 0;
	if (arena)
		arena_free(arena);
	return st;
}

enum t2_status
db_one(struct store *s, sqlite3_stmt *q, db_row_fn *fn, void *row, struct arena *a,
       const char *what, struct t2_err *err)
{
	int rc = sqlite3_step(q);
	enum t2_status st = T2_OK;

	if (rc == SQLITE_ROW)
		fn(q, row, a);
	else
		st = rc == SQLITE_DONE ? T2_ENOTFOUND : db_fail(s, err, what);
	sqlite3_reset(q);
	return !st && a->failed ? t2_nomem(err, what) : st;
}

static enum t2_status
run_sql(struct store *s, const char *sql, const char *what, struct t2_err *err)
{
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK ? T2_OK
								       : db_fail(s, err, what);
}

static enum t2_status
pragma_int(struct store *s, const char *sql, int64_t *out, struct t2_err *err)
{
	sqlite3_stmt *q = NULL;
	enum t2_status st = T2_OK;

	if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) != SQLITE_OK ||
	    sqlite3_step(q) != SQLITE_ROW)
		st = db_fail(s, err, "open");
	else
		*out = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	return st;
}

static enum t2_status
upgrade(struct store *s, int64_t from, struct t2_err *err)
{
	char sql[80];
	enum t2_status st = T2_OK;

	if (from == 0)
		st = run_sql(s, schema, "create", err);
	for (int64_t v = from; v > 0 && v < STORE_VERSION && !st; v++)
		st = run_sql(s, migrations[v - 1], "migrate", err);
	if (st)
		return st;
	snprintf(sql, sizeof sql, "PRAGMA application_id=%d; PRAGMA user_version=%d",
		 APPLICATION_ID, STORE_VERSION);
	return run_sql(s, sql, "mark version", err);
}

/* Whose file it is, read at one moment: somebody else may be making it right now. */
static enum t2_status
identify(struct store *s, int64_t *app, int64_t *version, int64_t *tables, struct t2_err *err)
{
	enum t2_status st = run_sql(s, "BEGIN", "open", err);
	int rc, os;

	if (!st && !(st = pragma_int(s, "SELECT count(*) FROM sqlite_schema", tables, err)) &&
	    !(st = pragma_int(s, "PRAGMA application_id", app, err)))
		st = pragma_int(s, "PRAGMA user_version", version, err);
	rc = sqlite3_errcode(s->db) & 0xff;
	os = sqlite3_system_errno(s->db);
	s->full = st && (rc == SQLITE_FULL ||
			 (rc == SQLITE_IOERR && (os == ENOSPC || os == EDQUOT || os == EFBIG)));
	s->no_wal = st && (rc == SQLITE_CANTOPEN || rc == SQLITE_READONLY || s->full);
	s->readonly = sqlite3_db_readonly(s->db, "main") == 1;
	store_rollback(s);
	return st;
}

/* Changing the journal's mode waits for other processes by itself in some states of the file, not in others. */
static enum t2_status
use_wal(struct store *s, struct t2_err *err)
{
	double until = clock_seconds() + db_patience();

	for (int n = 0;; n++) {
		int rc = sqlite3_exec(s->db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);

		if (rc == SQLITE_OK)
			return T2_OK;
		if (rc != SQLITE_BUSY || clock_seconds() >= until || !db_wait(s, n))
			return db_fail(s, err, "create");
	}
}

static const char foreign_keys[] = "PRAGMA foreign_keys=ON";

/* A new store, ours, or a refusal; two processes that open a new store at once must both succeed. */
static enum t2_status
prepare(struct store *s, struct t2_err *err)
{
	int64_t app = 0, version = 0, tables = 0;
	enum t2_status st;

	sqlite3_busy_handler(s->db, db_wait, s);
	if ((st = identify(s, &app, &version, &tables, err)))
		return st;
	if (app != APPLICATION_ID && (app || version || tables))
		return t2_fail(err, T2_EFORMAT,
			       "%s: a database of another program; name another file with --store",
			       s->path);
	if (version > STORE_VERSION)
		return t2_fail(
			err, T2_EUNSUP,
			"%s: store version %lld, this program knows %d; use the newer t2tui that "
			"made it, or name another file with --store",
			s->path, (long long)version, STORE_VERSION);
	if ((st = run_sql(s, "PRAGMA synchronous=NORMAL", "open", err)))
		return st;
	if (version == STORE_VERSION)
		return run_sql(s, foreign_keys, "open", err);
	if (s->again && !app)
		return t2_fail(err, T2_EFORMAT,
			       "%s was emptied by another program: put a copy of it back and start "
			       "again",
			       s->path);
	if (s->readonly)
		return t2_fail(err, T2_EIO,
			       "%s: store version %lld has to be brought to %d first, but it is "
			       "read-only; check the permissions of the file and of its folder, or "
			       "name a copy with --store",
			       s->path, (long long)version, STORE_VERSION);
	/* a migration that makes a table anew must not take along what refers to it */
	if ((st = run_sql(s, "PRAGMA foreign_keys=OFF", "migrate", err)) ||
	    (st = use_wal(s, err)) || (st = store_begin(s, err)))
		return st;
	st = pragma_int(s, "PRAGMA user_version", &version,
			err); /* somebody may have been quicker */
	if (!st && version < STORE_VERSION)
		st = upgrade(s, version, err);
	if (!st)
		st = store_commit(s, err);
	if (st)
		store_rollback(s);
	return st ? st : run_sql(s, foreign_keys, "open", err);
}

static enum t2_status
make_dirs(char *path, struct t2_err *err)
{
	for (char *p = path + 1;; p++) {
		char old = *p;

		if (old && old != '/')
			continue;
		*p = 0;
		if (mkdir(path, 0700) && errno != EEXIST)
			return t2_fail(err, T2_EIO, "%s: cannot make folder: %s", path,
				       strerror(errno));
		*p = old;
		if (!old)
			return T2_OK;
	}
}

static enum t2_status
xdg_dir(char *out, int size, const char *var, const char *fallback, struct t2_err *err)
{
	const char *base = getenv(var), *home = getenv("HOME");
	int n;

	if (base && *base == '/')
		n = snprintf(out, (size_t)size, "%s/t2tui", base);
	else if (home && *home)
		n = snprintf(out, (size_t)size, "%s/%s/t2tui", home, fallback);
	else
		return t2_fail(err, T2_EINVAL,
			       "neither %s nor HOME is set to a folder: set one of them%s", var,
			       strcmp(var, "XDG_DATA_HOME") ? ""
							    : ", or name the store with --store");
	if (n < 0 || n >= size)
		return t2_fail(err, T2_EINVAL, "%s: path too long", var);
	return make_dirs(out, err);
}

enum t2_status
store_data_dir(char *out, int size, struct t2_err *err)
{
	return xdg_dir(out, size, "XDG_DATA_HOME", ".local/share", err);
}

enum t2_status
store_cache_dir(char *out, int size, struct t2_err *err)
{
	return xdg_dir(out, size, "XDG_CACHE_HOME", ".cache", err);
}

/* still: nobody can make the files that readers of a WAL need, so the file is read by itself. */
static enum t2_status
open_file(struct store *s, bool still, struct t2_err *err)
{
	char uri[3 * 1100 + 40] = "file:";
	size_t n = strlen(uri);
	int flags = SQLITE_OPEN_NOMUTEX |
		    (still ? SQLITE_OPEN_READONLY | SQLITE_OPEN_URI
			   : SQLITE_OPEN_READWRITE | (s->again ? 0 : SQLITE_OPEN_CREATE));
	const char *name = s->path;

	if (still) {
		for (const char *p = s->path; *p && n < sizeof uri - 20; p++)
			n += (size_t)snprintf(uri + n, sizeof uri - n,
					      strchr("%?#", *p) ? "%%%02x" : "%c",
					      (unsigned)(unsigned char)*p);
		snprintf(uri + n, sizeof uri - n, "?immutable=1");
		name = uri;
	}
	if (sqlite3_open_v2(name, &s->db, flags, NULL) != SQLITE_OK) {
		int why = s->db ? sqlite3_system_errno(s->db) : ENOMEM;

		return t2_fail(err, T2_EIO, "%s: cannot open the store: %s", s->path,
			       why ? strerror(why) : sqlite3_errmsg(s->db));
	}
	return T2_OK;
}

/* Is everything in the file itself?  A -wal that cannot be read would hold what was written last. */
static bool
quiet(const struct store *s)
{
	char wal[1200];
	struct stat st, file;

	return snprintf(wal, sizeof wal, "%s-wal", s->path) < (int)sizeof wal &&
	       (stat(wal, &st) || st.st_size == 0) && !access(s->path, R_OK) &&
	       !stat(s->path, &file) && file.st_size > 0;
}

static enum t2_status
open_at(struct store **out, const char *path, bool again, struct t2_err *err)
{
	struct store *s = calloc(1, sizeof *s);
	char dir[1000], file[1100];
	struct stat is;
	enum t2_status st;

	*out = NULL;
	if (!s)
		return t2_nomem(err, "store");
	s->again = again;
	if (path && !*path) {
		st = t2_fail(err, T2_EINVAL, "the store's name is empty: name a file with --store");
		goto fail;
	}
	if (!path) {
		if ((st = store_data_dir(dir, sizeof dir, err)))
			goto fail;
		snprintf(file, sizeof file, "%s/t2.db", dir);
		path = file;
	}
	s->path = strdup(path);
	if (!s->path) {
		st = t2_nomem(err, "store");
		goto fail;
	}
	if (!(st = open_file(s, false, err)))
		st = prepare(s, err);
	if (st && s->no_wal && quiet(s)) {
		bool full = s->full;

		sqlite3_close(s->db);
		s->db = NULL;
		if (!(st = open_file(s, true, err)))
			st = prepare(s, err);
		s->full = full;
	}
	if (st)
		goto fail;
	if (!stat(s->path, &is)) {
		s->device = is.st_dev;
		s->inode = is.st_ino;
	}
	*out = s;
	return T2_OK;
fail:
	store_close(s);
	return st;
}

enum t2_status
store_open(struct store **out, const char *path, struct t2_err *err)
{
	return open_at(out, path, false, err);
}

enum t2_status
store_open_again(struct store **out, const struct store_place *p, struct t2_err *err)
{
	enum t2_status st = place_check(p, err);

	*out = NULL;
	if (!st)
		st = open_at(out, p->path, true, err);
	return st;
}

void
store_close(struct store *s)
{
	if (!s)
		return;
	for (int i = 0; i < s->cached; i++)
		sqlite3_finalize(s->cache[i].stmt);
	sqlite3_close(s->db);
	free(s->path);
	free(s);
}

const char *
store_path(const struct store *s)
{
	return s->path;
}

bool
store_readonly(const struct store *s)
{
	return s->readonly;
}

const char *
store_unwritable(const struct store *s)
{
	return !s->readonly ? NULL : s->full ? "on a full disk" : "read-only";
}

enum t2_status
store_begin(struct store *s, struct t2_err *err)
{
	if (s->readonly)
		return readonly_fail(s, "write", err);
	if (s->guarded && store_there(s, err))
		return T2_EIO;
	return run_sql(s, "BEGIN IMMEDIATE", "begin", err);
}

enum t2_status
store_commit(struct store *s, struct t2_err *err)
{
	return run_sql(s, "COMMIT", "commit", err);
}

void
store_rollback(struct store *s)
{
	if (s->db && !sqlite3_get_autocommit(s->db))
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
}

int64_t
store_data_version(struct store *s)
{
	int64_t v = 0;

	pragma_int(s, "PRAGMA data_version", &v, NULL);
	return v;
}

enum t2_status
store_check(struct store *s, void (*fn)(void *arg, const char *problem), void *arg, bool *ok,
	    struct t2_err *err)
{
	static const char *const sql[] = {"PRAGMA integrity_check", "PRAGMA foreign_key_check"};

	*ok = true;
	for (int i = 0; i < 2; i++) {
		sqlite3_stmt *q = NULL;
		int rc;

		if (sqlite3_prepare_v2(s->db, sql[i], -1, &q, NULL) != SQLITE_OK)
			return db_fail(s, err, "check");
		while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
			const char *text = (const char *)sqlite3_column_text(q, 0);
			char line[200];

			if (i == 0 && text && !strcmp(text, "ok"))
				continue;
			if (i == 1) {
				snprintf(line, sizeof line,
					 "table %s, row %lld: refers to a missing row of %s",
					 text ? text : "?", sqlite3_column_int64(q, 1),
					 (const char *)sqlite3_column_text(q, 2));
				text = line;
			}
			*ok = false;
			fn(arg, text ? text : "?");
		}
		sqlite3_finalize(q);
		if (rc != SQLITE_DONE)
			return db_fail(s, err, "check");
	}
	return sound_check(s, fn, arg, ok, err);
}

enum t2_status
store_backup(struct store *s, const char *to, struct t2_err *err)
{
	sqlite3 *copy = NULL;
	sqlite3_backup *b;
	int rc, n = 0;

	if (!*to)
		return t2_fail(err, T2_EINVAL, "backup: the file's name is empty");
	if (!access(to, F_OK))
		return t2_fail(err, T2_EIO, "%s: exists already; name another file", to);
	if (sqlite3_open(to, &copy) != SQLITE_OK) {
		t2_fail(err, T2_EIO, "%s: cannot write: %s", to,
			copy ? sqlite3_errmsg(copy) : "out of memory");
		sqlite3_close(copy);
		return T2_EIO;
	}
	b = sqlite3_backup_init(copy, "main", s->db, "main");
	if (b) {
		while ((rc = sqlite3_backup_step(b, 1024)) == SQLITE_OK || rc == SQLITE_BUSY ||
		       rc == SQLITE_LOCKED)
			if (rc == SQLITE_OK)
				n = 0;
			else if (!db_wait(s, n++))
				break;
		sqlite3_backup_finish(b);
	}
	rc = sqlite3_errcode(copy);
	if (rc != SQLITE_OK)
		t2_fail(err, T2_EIO, "%s: backup failed: %s", to, sqlite3_errmsg(copy));
	sqlite3_close(copy);
	if (rc == SQLITE_OK)
		return T2_OK;
	unlink(to);
	return T2_EIO;
}
