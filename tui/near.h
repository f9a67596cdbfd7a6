/* near.h - what was probably meant by a mistyped word.
 *
 *	int d = near_distance("spectrm", "spectrum");	// 1
 */
#ifndef T2_NEAR_H
#define T2_NEAR_H

/* Letters to put in, take out, replace or swap with the next to make b of a; of long words 99. */
int near_distance(const char *a, const char *b);

#endif
