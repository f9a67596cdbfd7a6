/* trash.h - a row that was deleted and everything that went with it, kept in memory so that it can be put back.
 *
 *	trash_put(&t, s, TRASH_EXPERT, id, job, err);	// out of the store, in one transaction
 *	trash_restore(t, s, &id, job, err);		// every byte as it was, in one transaction
 *	trash_free(t);
 *
 * Restored under its old number, or under a new one where that has been taken since.  A name that is taken is T2_EINVAL and
 * nothing changes.  What pointed at a deleted run (experts, mixtures) points at it again. */
#ifndef T2_STORE_TRASH_H
#define T2_STORE_TRASH_H

#include "store/store.h"

enum trash_kind { TRASH_EXPERT, TRASH_MIXTURE, TRASH_RUN, TRASH_DECISION, TRASH_EVALUATION };

struct job;
struct trash;

/* T2_ENOTFOUND: no such row; T2_EBUSY: in use (an expert by a mixture, a run by its process); then *out is NULL.  job (may be
 * NULL) counts rows; cancelled, it leaves the store as it was: T2_ECANCEL. */
enum t2_status trash_put(struct trash **out, struct store *s, enum trash_kind kind, int64_t id,
			 struct job *job, struct t2_err *err);
enum t2_status trash_restore(struct trash *t, struct store *s, int64_t *id, struct job *job,
			     struct t2_err *err);
size_t trash_bytes(const struct trash *t); /* what it holds in memory; NULL: 0 */
void trash_free(struct trash *t);

#endif
