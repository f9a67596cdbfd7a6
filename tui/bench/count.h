/* count.h - what a model's jobs come to, from its config alone: numbers, bytes, floating-point operations. */
#ifndef T2_BENCH_COUNT_H
#define T2_BENCH_COUNT_H

#include "engine/model/config.h"
#include "engine/model/model.h"

/* Rows and columns of a matrix of that kind. */
void count_shape(const struct config *c, enum mat_kind kind, int *m, int *n);
double count_adapted(const struct config *c); /* numbers in all adapted matrices */
double count_head(const struct config *c);    /* in the output matrix */
double count_factors(const struct config *c); /* r (m + n) over all adapted matrices */
/* FLOP of decomposing every matrix: Gram matrix, eigenvectors, back-multiplication (svd.c). */
double count_svd(const struct config *c);
/* Bytes that decomposing the largest matrix takes beside the weights, one a thread. */
double count_svd_bytes(const struct config *c);
/* FLOP of a training step on so many rows: every product with a factor once forward and once back, the output matrix
 * likewise; no recomputation. */
double count_step(const struct config *c, double rows);
/* FLOP of an iteration of the few-shot search with so many members, each with its shots: the base model's multiply-adds,
 * logits for what is answered.  What is really computed: searchwork.h. */
double count_population(const struct config *c, int members);

#endif
