/* textfile.h - writing the sample's small files whole.
 *
 *	folder_make(dir, err);				// as mkdir -p
 *	textfile_write_json(dir, "task.json", obj, err);	// takes obj; NULL: it could not be made
 *	textfile_write(dir, "test.jsonl", &buf, err); */
#ifndef T2_WORLD_TEXTFILE_H
#define T2_WORLD_TEXTFILE_H

#include <jansson.h>

#include "engine/base/status.h"
#include "engine/base/strbuf.h"

enum t2_status folder_make(const char *dir, struct t2_err *err);
enum t2_status textfile_write(const char *dir, const char *name, const struct strbuf *text,
			      struct t2_err *err);
enum t2_status textfile_write_json(const char *dir, const char *name, json_t *obj,
				   struct t2_err *err);

#endif
