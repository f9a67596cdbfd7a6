#include "store/sound.h"

#include "store/db.h"

static const char *const rules[] = {
	"SELECT 'evaluation '||id||': '||correct||' right of '||n||' questions in '||seconds||' s "
	"at temperature '||temperature FROM evaluation WHERE NOT " SOUND_EVAL,
	"SELECT 'run '||run||': '||correct||' right of '||n||' at the validation of step '||step "
	"FROM validation WHERE NOT " SOUND_VALIDATION,
	"SELECT 'expert '||id||': accuracy '||coalesce(accuracy,'unknown')||', base "
	"'||coalesce(base_accuracy,'unknown')||' on '||accuracy_n||' questions' FROM expert WHERE "
	"NOT " SOUND_EXPERT,
	"SELECT 'run '||id||': best accuracy '||best_accuracy FROM run WHERE NOT " SOUND_RUN,
};

enum { RULES = sizeof rules / sizeof *rules };

enum t2_status
store_sound(struct store *s, struct t2_err *err)
{
	enum t2_status st = T2_OK;

	for (int i = 0; i < RULES && !st; i++) {
		sqlite3_stmt *q = db_stmt(s, rules[i], err);
		int rc;

		if (!q)
			return T2_EDB;
		rc = sqlite3_step(q);
		if (rc == SQLITE_ROW)
			st = t2_fail(err, T2_EFORMAT,
				     "%s: %s: no measurement gives that, so it is not shown; "
				     "`t2tui store check` names all such rows",
				     s->path, (const char *)sqlite3_column_text(q, 0));
		else if (rc != SQLITE_DONE)
			st = db_fail(s, err, "check");
		sqlite3_reset(q);
	}
	return st;
}

enum t2_status
sound_check(struct store *s, void (*fn)(void *arg, const char *problem), void *arg, bool *ok,
	    struct t2_err *err)
{
	for (int i = 0; i < RULES; i++) {
		sqlite3_stmt *q = db_stmt(s, rules[i], err);
		int rc;

		if (!q)
			return T2_EDB;
		while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
			*ok = false;
			fn(arg, (const char *)sqlite3_column_text(q, 0));
		}
		sqlite3_reset(q);
		if (rc != SQLITE_DONE)
			return db_fail(s, err, "check");
	}
	return T2_OK;
}
