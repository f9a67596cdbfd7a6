/* json.h - reading JSON (jansson) with errors that name the file and the place.
 *
 *	json_t *root;
 *	if (json_read_file(&root, path, err)) return err->code;
 *	int layers = 0;
 *	if (json_want_int(root, "num_hidden_layers", 1, 10000, &layers, path, err)) ...
 *	json_decref(root);
 *
 * U+0000 is allowed in strings (use json_string_length); depth is bounded by jansson's 2048.  The json_want_*() calls
 * fail when the field is absent or of the wrong kind; the json_opt_*() calls leave *out alone when it is absent or null. */
#ifndef T2_JSON_H
#define T2_JSON_H

#include <jansson.h>
#include <stdbool.h>

#include "engine/base/status.h"

enum t2_status json_read_file(json_t **out, const char *path, struct t2_err *err);
/* The same with every number as a real: for files that write integers beyond 64 bits ("model_max_length" 1e30). */
enum t2_status json_read_file_reals(json_t **out, const char *path, struct t2_err *err);
enum t2_status json_read_bytes(json_t **out, const char *bytes, size_t n, const char *where,
			       struct t2_err *err);

enum t2_status json_want_int(const json_t *obj, const char *key, long lo, long hi, int *out,
			     const char *where, struct t2_err *err);
enum t2_status json_want_string(const json_t *obj, const char *key, const char **out,
				const char *where, struct t2_err *err);
enum t2_status json_opt_int(const json_t *obj, const char *key, long lo, long hi, int *out,
			    const char *where, struct t2_err *err);
enum t2_status json_opt_double(const json_t *obj, const char *key, double *out, const char *where,
			       struct t2_err *err);
enum t2_status json_opt_bool(const json_t *obj, const char *key, bool *out, const char *where,
			     struct t2_err *err);
enum t2_status json_opt_string(const json_t *obj, const char *key, const char **out,
			       const char *where, struct t2_err *err);

/* Calls fn for every non-blank line of a JSON-lines file; stops at the first failure. line counts from 1. */
typedef enum t2_status json_line_fn(void *arg, json_t *obj, long line, struct t2_err *err);
/* The same for bytes read already; where names them in messages. */
enum t2_status json_each_line(const char *bytes, size_t n, const char *where, json_line_fn *fn,
			      void *arg, struct t2_err *err);
enum t2_status json_read_lines(const char *path, json_line_fn *fn, void *arg, struct t2_err *err);

#endif
