/* jinja_parse.h - tokens to a tree.
 *
 *	struct jparse p = {.j = j, .tok = tok, .err = err};
 *	j->root = jparse_template(&p);	// NULL: p.st says why
 *
 * Private to engine/model/jinja*.c.  Statements are in jinja_parse.c, expressions in jinja_expr.c.  A function that
 * returns NULL or false has set p->st. */
#ifndef T2_JINJA_PARSE_H
#define T2_JINJA_PARSE_H

#include "engine/model/jinja_lex.h"
#include "engine/model/jinja_node.h"

struct jparse {
	struct jinja *j;
	const struct jtok *tok; /* the current one; JT_EOF stays */
	int depth;		/* recursion of the parser */
	int loops;		/* for blocks around, inside the current macro */
	unsigned char special;	/* JMACRO_ names seen in the current macro */
	int *slot, nslot, cap;	/* hash of the symbols; cap of j->name */
	enum t2_status st;
	struct t2_err *err;
};

/* Children of one node while their number is not known. */
struct jkids {
	struct jnode **v;
	uint32_t n, cap;
};

struct jnode *jparse_template(struct jparse *p);

struct jnode *jparse_expr(struct jparse *p);
struct jnode *jparse_or(struct jparse *p);		      /* an expression without inline if */
struct jnode *jparse_tuple(struct jparse *p, bool inline_if); /* a, b: a tuple; a: just a */
struct jnode *jparse_target(struct jparse *p, bool namespaces); /* of for and set */
struct jnode *jparse_filters(struct jparse *p, struct jnode *n, bool first_bare);
struct jnode *jparse_postfix(struct jparse *p, struct jnode *n);

bool jparse_fail(struct jparse *p, enum t2_status code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
bool jparse_enter(struct jparse *p); /* one level of recursion; pairs with p->depth-- */
struct jnode *jparse_node(struct jparse *p, enum jnode_kind kind, uint32_t at);
/* Sets the height from the children; NULL where it is too great. */
struct jnode *jparse_done(struct jparse *p, struct jnode *n);
bool jparse_kid(struct jparse *p, struct jkids *k, struct jnode *n);
void jparse_kids(struct jnode *n, const struct jkids *k);
int jparse_symbol(struct jparse *p, const struct jv *name); /* -1: failed */
bool jparse_is(const struct jparse *p, const char *word);   /* the current token is this name */
bool jparse_take(struct jparse *p, int type); /* skips one of this type; false: it is another */
bool jparse_word(struct jparse *p, const char *word); /* the same for a name */
bool jparse_want(struct jparse *p, int type, const char *what);
const char *jparse_found(const struct jparse *p,
			 char buf[64]); /* the current token, for messages */

#endif
