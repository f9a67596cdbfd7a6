/* model_info.h - everything there is to say about a model, gathered once for those who print it: `t2tui info`, Models.
 *
 *	model_info_open(&i, path, cache, job, err);		// opens the model for it; a job's work
 * or	model_info_read(&i, model, err); model_info_factors(i, model, factors); model_info_text(i, err);
 *	use(i->config.layers, i->type[0].name, i->decomposed[MAT_UP]);
 *	model_info_free(i);
 *
 * It keeps copies: the model may be closed.  Reading costs no weights; the tokenizer's part (model_info_text) takes up to
 * some tenths of a second for a large vocabulary. */
#ifndef T2_MODEL_INFO_H
#define T2_MODEL_INFO_H

#include <stdint.h>

#include "engine/base/arena.h"
#include "engine/base/job.h"
#include "engine/model/checkpoint.h"
#include "engine/model/model.h"
#include "engine/svf/factors.h"

struct model_tensor {
	const char *name, *type;
	int ndim;
	int64_t shape[4];
	size_t bytes;
};

struct model_file {
	const char *path;
	size_t bytes;
};

struct model_info {
	const char *name, *path;
	char fingerprint[33];
	struct config config;
	long parameters;
	int matrices;
	int decomposed[MAT_KINDS], adaptable[MAT_KINDS]; /* of each kind */
	int64_t factor_bytes;				 /* all factors in the cache */
	struct model_file *file;
	int files;
	size_t bytes; /* of all files */
	struct dtype_use type[T2_TYPE_NAMES];
	int types;
	struct model_tensor *tensor; /* in file order */
	int tensors;
	bool text;	       /* model_info_text() has been here: */
	const char *tokenizer; /* its kind, or why there is none */
	int vocab, merges;     /* vocab 0: no tokenizer */
	const char *chat;      /* kind of template, or how prompts go in without one */
	struct arena arena;
};

enum t2_status model_info_read(struct model_info **out, const struct model *m, struct t2_err *err);
void model_info_factors(struct model_info *i, const struct model *m, const struct factors *f);
enum t2_status model_info_text(struct model_info *i, struct t2_err *err);
/* cache: folder of factor caches. */
enum t2_status model_info_open(struct model_info **out, const char *path, const char *cache,
			       struct job *job, struct t2_err *err);
void model_info_free(struct model_info *i);
int model_info_decomposed(const struct model_info *i);
/* Bytes that the factors of all adaptable matrices take in the cache. */
int64_t model_factor_bytes(const struct model *m);

/* "64 x 128" */
const char *model_tensor_shape(const struct model_tensor *t, char *buf, size_t size);
/* What is worth a line of its own, in order: a label ("" where it is the one before) and its text. */
void model_info_lines(const struct model_info *i,
		      void (*fn)(void *arg, const char *label, const char *text), void *arg);

#endif
