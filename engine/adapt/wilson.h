/* wilson.h - how sure an accuracy is: Wilson's 95 % interval, and McNemar's exact test on the same questions. */
#ifndef T2_WILSON_H
#define T2_WILSON_H

/* Interval of correct / n; n 0: [0, 1]. */
void wilson95(int correct, int n, double *lo, double *hi);
/* Two-sided exact p: b questions only the first got right, c only the second. */
double mcnemar_exact(int b, int c);

#endif
