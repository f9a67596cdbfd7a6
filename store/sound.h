/* sound.h - what no measurement can have given: conditions that hold for every row that t2tui itself writes.  Private to
 * store/: lists leave out rows (or numbers) of which they do not hold, store_sound() and store_check() name them. */
#ifndef T2_STORE_SOUND_H
#define T2_STORE_SOUND_H

#include <math.h>

#include "store/store.h"

/* An infinity is above 1e300, a NaN is kept as NULL. */
#define SOUND_EVAL                                                                                 \
	"(n BETWEEN 0 AND 2147483647 AND correct BETWEEN 0 AND n AND tokens>=0 AND seconds "       \
	"BETWEEN 0 AND 1e300 AND temperature BETWEEN 0 AND 1e300 AND abs(created)<1e300)"
#define SOUND_VALIDATION "(n BETWEEN 0 AND 2147483647 AND correct BETWEEN 0 AND n)"
#define SOUND_EXPERT                                                                               \
	"((accuracy IS NULL OR accuracy BETWEEN 0 AND 1) AND (base_accuracy IS NULL OR "           \
	"base_accuracy BETWEEN 0 AND 1) AND accuracy_n BETWEEN 0 AND 2147483647)"
#define SOUND_RUN "(best_accuracy IS NULL OR best_accuracy BETWEEN -1 AND 1)"

/* NaN, not known, where x is no share. */
static inline double
sound_share(double x, double lowest)
{
	return x >= lowest && x <= 1 ? x : NAN;
}

/* 0, not known, where it cannot be a number of questions. */
static inline int
sound_count(int64_t n)
{
	return n >= 0 && n <= INT32_MAX ? (int)n : 0;
}

/* Calls fn for each row that breaks a rule, and sets *ok false then. */
enum t2_status sound_check(struct store *s, void (*fn)(void *arg, const char *problem), void *arg,
			   bool *ok, struct t2_err *err);

#endif
