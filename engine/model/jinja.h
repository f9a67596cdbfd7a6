/* jinja.h - the part of Jinja2 that published chat templates use, interpreted.
 *
 *	jinja_compile(&j, source, len, "tokenizer_config.json", err);
 *	jinja_render(j, vars, &limits, &out, err);	// vars: a JSON object of the template's globals
 *	jinja_free(j);
 *
 * trim_blocks and lstrip_blocks are on, one newline at the template's end is dropped, nothing is escaped
 * (transformers' settings).  Depth, steps, time and output are bounded.  An unknown filter, test, function, statement
 * or method is refused when compiled or reached (T2_EUNSUP) with the template's line and column.
 * raise_exception(text) gives T2_EINVAL with that text. */
#ifndef T2_JINJA_H
#define T2_JINJA_H

#include <jansson.h>
#include <stddef.h>

#include "engine/base/status.h"
#include "engine/base/strbuf.h"

struct jinja;

struct jinja_limits {
	int depth;	/* nested calls and blocks; 0: 200 */
	long steps;	/* evaluated nodes; 0: 5 million */
	double seconds; /* wall clock; 0: 2 */
	size_t output;	/* bytes; 0: 8 MiB */
};

enum t2_status jinja_compile(struct jinja **out, const char *source, size_t len, const char *where, struct t2_err *err);
void jinja_free(struct jinja *j);
enum t2_status jinja_render(const struct jinja *j, const json_t *vars, const struct jinja_limits *limits,
			    struct strbuf *out, struct t2_err *err);

#endif
