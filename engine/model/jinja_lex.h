/* jinja_lex.h - a template's source as tokens.
 *
 *	if (jlex(&mem, &src, &tok, &n, err)) ...	// tok[n - 1] is JT_EOF
 *
 * Private to engine/model/jinja*.c.  White-space control, trim_blocks, lstrip_blocks, comments and raw blocks are done
 * here: the parser sees JT_DATA and what stands between the brackets. */
#ifndef T2_JINJA_LEX_H
#define T2_JINJA_LEX_H

#include "engine/model/jinja_run.h"

/* Operators of one character are their own type. */
enum jtok_type {
	JT_EOF = 256,
	JT_DATA,
	JT_VAR_BEGIN,
	JT_VAR_END,
	JT_BLOCK_BEGIN,
	JT_BLOCK_END,
	JT_NAME,
	JT_STRING,
	JT_INT,
	JT_FLOAT,
	JT_FLOORDIV,
	JT_POW,
	JT_EQ,
	JT_NE,
	JT_GE,
	JT_LE,
};

struct jtok {
	int type;
	uint32_t at;
	struct jv v; /* name and string: text; int, float: value */
};

/* Tokens are malloc()ed (the caller frees *out, also on failure); texts lie in mem or in the source. */
enum t2_status jlex(struct jarena *mem, const struct jsource *src, struct jtok **out, size_t *n,
		    struct t2_err *err);

/* A quoted string's inside with Python's escapes replaced (jinja_string.c). */
enum t2_status jlex_unescape(struct jarena *mem, const struct jsource *src, uint32_t at,
			     const char *s, size_t len, struct jv *out, struct t2_err *err);

#endif
