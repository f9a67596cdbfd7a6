/* stores.h - stores of their own for tests, with the model of 200 numbers (tinymodel.h) in them.
 *
 *	cmocka_run_group_tests(tests, open_tiny, close_tiny);
 *	const char *path = new_path();			// good until the eighth next
 *	struct store *s = opened(path);
 *	int64_t model = add_model(s), id = add_expert(s, model, "math", 1);
 *	OK(store_expert_remove(s, id, &err));
 *	says(store_expert_remove(s, ...), T2_EBUSY, "both");
 *	expect_sql(path, "SELECT count(*) FROM expert", "0");
 *
 * Anything that fails fails the test. */
#ifndef T2_TEST_STORES_H
#define T2_TEST_STORES_H

#include <stddef.h>
#include <stdint.h>

#include "engine/base/status.h"
#include "store/store.h"

#define OK(call) ok((call), #call)

struct expert;

extern struct t2_err err;
extern struct model *tiny;

int open_tiny(void **state); /* group setup: tiny */
int close_tiny(void **state);

void ok(enum t2_status st, const char *what); /* its message is err's */
void says(enum t2_status got, enum t2_status want, const char *text);
const char *new_path(void);
struct store *opened(const char *path);
/* Runs SQL with the sqlite3 program: a second witness, and a way to make what the store itself never would. */
void sqlite(const char *path, const char *sql, char *out, size_t size);
void expect_sql(const char *path, const char *sql, const char *want);
/* z of the first matrix: first, first + 1/3, ... */
struct expert *an_expert(const char *name, float first);
int64_t add_expert(struct store *s, int64_t model, const char *name, float first);
int64_t add_model(struct store *s);
int64_t add_run(struct store *s, int64_t model, const char *name);
/* For store_check(): counts into an int. */
void count_problem(void *arg, const char *text);

#endif
