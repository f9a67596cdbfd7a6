/* factor_file.h - one matrix's factors as a safetensors file in the cache.
 *
 *	char *dir = factor_file_dir(model, cache_dir);		// cache_dir/FINGERPRINT
 *	st = factor_file_open(&file, &factor, model, mat, dir, err);	// T2_ENOTFOUND: not decomposed yet
 *	factor_file_write(&factor, model, mat, dir, err);
 *
 * DIR/NAME.safetensors: sigma64 (F64 [r]), U, sigma, Vt (F32); metadata format "t2-factors", version "1", fingerprint, m, n. */
#ifndef T2_FACTOR_FILE_H
#define T2_FACTOR_FILE_H

#include "engine/model/checkpoint.h"
#include "engine/svf/factors.h"

char *factor_file_dir(const struct model *m,
		      const char *cache_dir); /* the caller frees it; NULL: no memory */
/* out points into *file until safetensors_free().  A file that does not fit is T2_EFORMAT or T2_EMISMATCH by name. */
enum t2_status factor_file_open(struct safetensors **file, struct factor *out,
				const struct model *m, int mat, const char *dir,
				struct t2_err *err);
enum t2_status factor_file_write(const struct factor *a, const struct model *m, int mat,
				 const char *dir, struct t2_err *err);
/* mkdir -p. */
enum t2_status factor_file_mkdir(const char *dir, struct t2_err *err);

#endif
