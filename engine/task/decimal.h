/* decimal.h - exact decimal numbers and fractions of any length, for comparing answers.
 *
 *	struct fraction a = {0};
 *	if (!fraction_set(&a, false, "1,234", 5, NULL, 0)) ...	// 1,234 is 1234
 *	fraction_equal(&a, &b)
 *	fraction_free(&a);
 *
 * Nothing is rounded: 0.333 is not 1/3. */
#ifndef T2_DECIMAL_H
#define T2_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/strbuf.h"

/* digits * 10^exp, digits without zeros at either end; no digits: zero. */
struct decimal {
	struct strbuf digits;
	long exp;
};

struct fraction {
	bool neg; /* never for zero */
	struct decimal num, den;
};

/* From digits with at most one point; commas are skipped.  den NULL: 1.  False: out of memory, or a zero den. */
bool fraction_set(struct fraction *f, bool neg, const char *num, size_t nnum, const char *den,
		  size_t nden);
/* whole + num/den; all are digits. */
bool fraction_mixed(struct fraction *f, bool neg, const char *whole, size_t nwhole, const char *num,
		    size_t nnum, const char *den, size_t nden);
void fraction_scale(struct fraction *f, long exp); /* times 10^exp */
/* -1: out of memory. */
int fraction_equal(const struct fraction *a, const struct fraction *b);
/* Whether digits a are fewer than b, as integers. */
bool digits_less(const char *a, size_t na, const char *b, size_t nb);
void fraction_print(const struct fraction *f, struct strbuf *out);
void fraction_free(struct fraction *f);

#endif
