/* workspace.h - what a verb or a view works with: pool, store, one model with tokenizer, templates and factors.
 *
 *	workspace_start(&ws, threads, store_path, err);
 *	workspace_model(&ws, "sample", WS_TEXT | WS_FACTORS, job, err);
 *	workspace_zset(&ws, "expert:math", false, &z, label, sizeof label, err);
 *	workspace_stop(&ws);
 *
 * Models are looked for as a path, then "sample", then a name in the store.  The first start on a new store registers
 * the sample with its shipped experts and recorded runs. */
#ifndef T2_WORKSPACE_H
#define T2_WORKSPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/base/job.h"
#include "engine/base/pool.h"
#include "engine/model/chat.h"
#include "engine/model/model.h"
#include "engine/model/tokenizer.h"
#include "engine/svf/expert.h"
#include "engine/svf/factors.h"
#include "engine/svf/zset.h"
#include "engine/task/task.h"
#include "store/experts.h"
#include "store/mixtures.h"
#include "store/store.h"

struct memory;
struct run_row;

enum ws_what {
	WS_MODEL = 1,	/* weights only */
	WS_TEXT = 2,	/* tokenizer and chat template */
	WS_FACTORS = 4, /* decomposed; those missing are computed and cached */
	WS_CACHED = 8,	/* factors as far as they are cached already */
	WS_UNKEPT = 16, /* a store that takes nothing just now (full, locked) does not stop it */
};

struct workspace {
	struct pool *pool;
	struct store *store;
	char cache[1024]; /* folder of factor caches */
	struct model *model;
	char name[256];	  /* "sample", or the model's own */
	int64_t model_id; /* row of the store; -1: it has none, and lost says why */
	struct t2_err lost;
	struct tokenizer *tok;
	struct chat *chat;
	struct factors *factors;
	struct memory
		*memory; /* the process's, borrowed, set before workspace_start(); NULL: no limit */
	size_t taken;	 /* of it, for the model at hand */
};

enum t2_status workspace_start(struct workspace *ws, int threads, const char *store_path,
			       struct t2_err *err);
/* The same on the store that another workspace has open (store_open_again()). */
enum t2_status workspace_join(struct workspace *ws, int threads, const struct store_place *place,
			      struct t2_err *err);
void workspace_stop(struct workspace *ws);
/* Where MODEL lies, without opening it (tokenize needs no weights). */
enum t2_status workspace_path(struct workspace *ws, const char *name, char *path, size_t size,
			      bool *shipped, struct t2_err *err);
enum t2_status workspace_model(struct workspace *ws, const char *name, int what, struct job *job,
			       struct t2_err *err);
/* Computes and caches missing factors of modules, keeps their spectra in the store. */
enum t2_status workspace_decompose(struct workspace *ws, const char *modules, bool check,
				   bool force, struct job *job, struct decompose_report *report,
				   struct t2_err *err);
/* A task's name (shipped, then the user's folder) or a path. */
enum t2_status workspace_task(const char *name, struct task **out, struct t2_err *err);
/* What finds the same task from any folder, for a run's settings: the name, or the folder's absolute path. */
void workspace_task_spec(const char *name, char *out, size_t size);
/* spec: "none", "expert:NAME|FILE", "mix:NAME|A=0.6,B=0.4".  *out is NULL for none.  note (may be NULL, size 256): what
 * the user should know about an expert file without fingerprint. */
enum t2_status workspace_zset(struct workspace *ws, const char *spec, bool transfer,
			      struct zset **out, char *note, struct t2_err *err);
/* An expert by name or file, with its raw parameters where it has some; the caller frees. */
enum t2_status workspace_expert(struct workspace *ws, const char *name, bool transfer,
				struct expert **out, char *note, struct t2_err *err);
enum t2_status workspace_mixture_zset(struct workspace *ws, const struct mixture_row *m,
				      struct zset **out, struct t2_err *err);
enum t2_status workspace_expert_zset(struct workspace *ws, int64_t expert, struct zset **out,
				     struct t2_err *err);
/* T2_EINVAL, with words: what ("expert") cannot get the name of a run that is not done (store_run_unfinished()). */
enum t2_status workspace_spoken_for(const char *what, const struct run_row *by, struct t2_err *err);

#endif
