/* jinja.h - the part of Jinja2 that published chat templates use, interpreted.
 *
 *	jinja_compile(&j, source, len, "tokenizer_config.json", err);
 *	jinja_render(j, vars, &limits, &out, err);	// vars: a JSON object of the template's globals
 *	jinja_free(j);
 *
 * trim_blocks and lstrip_blocks are on, one newline at the template's end is dropped, nothing is escaped
 * (transformers' settings: lists and dicts cannot be changed, only namespaces).  Every message names the template,
 * line and column.  T2_EFORMAT: not a template (compiling); T2_EUNSUP: an unknown filter, test, function, statement or
 * method, or a limit (source over 1 MiB, depth, steps, time, output, memory); T2_EINVAL: what Python would raise, and
 * raise_exception(text) with that text.
 *
 * A compiled template is immutable: any number of threads may render it.  vars is borrowed during the call; *out is
 * appended to, and left as it was on failure. */
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
	size_t memory;	/* bytes of values; 0: 256 MiB */
	long long now;	/* strftime_now()'s clock, seconds since 1970; 0: the system's */
};

enum t2_status jinja_compile(struct jinja **out, const char *source, size_t len, const char *where,
			     struct t2_err *err);
void jinja_free(struct jinja *j);
/* limits NULL: all defaults. */
enum t2_status jinja_render(const struct jinja *j, const json_t *vars,
			    const struct jinja_limits *limits, struct strbuf *out,
			    struct t2_err *err);

#endif
