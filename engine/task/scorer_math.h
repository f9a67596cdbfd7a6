/* scorer_math.h - are two normalised expressions the same?  Private to engine/task/scorer*.c. */
#ifndef T2_SCORER_MATH_H
#define T2_SCORER_MATH_H

#include "engine/task/scorer_kind.h"

/* Where the groups of scorer_boxed.c's rules start; the numbers between are the rules without a name. */
enum {
	R_NORMAL = 0,
	R_UNIT = 13,
	R_TEXT,
	R_TRIM,
	R_ATOM = R_TRIM + 4,
	R_LEFT_SIDE = R_ATOM + 15,
	R_NUMBER,
};

/* 1 yes, 0 no, -1 out of memory. */
int math_equal(const struct scorer *s, struct side a, struct side b);

#endif
