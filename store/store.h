/* store.h - the SQLite file that keeps models, experts, mixtures, runs, decisions and evaluations.
 *
 *	store_open(&s, NULL, err);		// $XDG_DATA_HOME/t2tui/t2.db, made where absent
 *	store_begin(s, err); ... store_commit(s, err);
 *	store_close(s);
 *
 * WAL, foreign keys on; where another process writes, a call waits for it, 10 s at most (wait.h).  One handle belongs to one thread at a time; open another for another thread or
 * process.  A file of another program or of a newer t2tui is refused and not touched; an older one is migrated in one
 * transaction.  The nouns are in models.h, experts.h, mixtures.h, runs.h, decisions.h, evals.h,
 * benchmarks.h. */
#ifndef T2_STORE_H
#define T2_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/arena.h"
#include "engine/base/status.h"

#define STORE_VERSION 5

struct store;

enum t2_status store_open(struct store **out, const char *path, struct t2_err *err);
void store_close(struct store *s);
const char *store_path(const struct store *s);

/* Where a store that is open lies and which file it is: what another thread opens it once more by.  That never makes a file:
 * where the store is gone, or another file has come into its place, T2_EIO says so. */
struct store_place {
	char path[1100];
	uint64_t device, inode;
};
void store_place_of(const struct store *s, struct store_place *out); /* any thread */
enum t2_status store_open_again(struct store **out, const struct store_place *p,
				struct t2_err *err);
/* Is it still there?  Any thread. */
enum t2_status store_there(const struct store *s, struct t2_err *err);
/* From now on s writes only while it is: what would go into a file that nobody finds any more fails. */
void store_guard(struct store *s);
/* The file or its folder may not be written, or the disk was so full that the files beside it could not be made: reading
 * works, and what writes fails with a message that says so.  (A store without its -wal file is then read as if nobody wrote
 * to it meanwhile.) */
bool store_readonly(const struct store *s);
/* "read-only" or "on a full disk"; NULL: it may be written. */
const char *store_unwritable(const struct store *s);

enum t2_status store_begin(struct store *s, struct t2_err *err); /* BEGIN IMMEDIATE */
enum t2_status store_commit(struct store *s, struct t2_err *err);
void store_rollback(struct store *s); /* outside a transaction: nothing */

/* A number that changes when another connection has committed. */
int64_t store_data_version(struct store *s);

/* Are there rows that no measurement can have given: more right than asked, an accuracy of infinity?  T2_EFORMAT names the
 * first.  Lists leave such evaluations and validations out, and such accuracies are NaN. */
enum t2_status store_sound(struct store *s, struct t2_err *err);

/* Integrity, foreign keys, and what store_sound() looks for.  Calls fn for each problem. *ok: none found. */
enum t2_status store_check(struct store *s, void (*fn)(void *arg, const char *problem), void *arg,
			   bool *ok, struct t2_err *err);
/* An online copy, safe while others write; refuses to overwrite. */
enum t2_status store_backup(struct store *s, const char *to, struct t2_err *err);

/* $XDG_DATA_HOME/t2tui or ~/.local/share/t2tui, likewise cache; made where absent. */
enum t2_status store_data_dir(char *out, int size, struct t2_err *err);
enum t2_status store_cache_dir(char *out, int size, struct t2_err *err);

double store_now(void); /* Unix seconds */

/* Whether an expert or a mixture may be called so: UTF-8 without control bytes, 1 .. 127 bytes, none of : , = / in it.
 * Ask before an hour's work, not after it.
 * what: "expert", "mixture", for the message. */
enum t2_status store_name_check(const char *what, const char *name, struct t2_err *err);

#endif
