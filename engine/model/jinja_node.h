/* jinja_node.h - the tree of a compiled template.
 *
 * Private to engine/model/jinja*.c.  Nodes lie in the template's arena and never change after compiling.  The tree's
 * height is bounded by JINJA_NEST_MAX, so walking it by recursion is safe; chains such as a + b + c are one node. */
#ifndef T2_JINJA_NODE_H
#define T2_JINJA_NODE_H

#include <stdint.h>

#include "engine/model/jinja_run.h"

enum jnode_kind {
	/* expressions */
	JN_CONST,   /* v */
	JN_NAME,    /* sym; v is the name */
	JN_LIST,    /* kid[] */
	JN_TUPLE,   /* kid[] */
	JN_DICT,    /* kid[]: key, value, key, value ... */
	JN_ATTR,    /* a.v */
	JN_ITEM,    /* a[b] */
	JN_SLICE,   /* a[kid 0:kid 1:kid 2], absent ones NULL */
	JN_CALL,    /* a(args) */
	JN_FILTER,  /* a | v(args); a NULL: the text of the block */
	JN_TEST,    /* a is v(args) */
	JN_NEG,	    /* -a */
	JN_POS,	    /* +a */
	JN_NOT,	    /* not a */
	JN_ARITH,   /* kid 0 op[0] kid 1 op[1] kid 2 ..., from the left */
	JN_CONCAT,  /* kid[] ~ */
	JN_AND,	    /* kid[] */
	JN_OR,	    /* kid[] */
	JN_COMPARE, /* kid 0 op[0] kid 1 and kid 1 op[1] kid 2 ... */
	JN_COND,    /* b if a else c; c NULL: undefined */
	/* statements */
	JN_TEXT,      /* v, as it is */
	JN_PRINT,     /* {{ a }} */
	JN_BODY,      /* kid[] */
	JN_IF,	      /* kid[]: test, body, test, body ...; c: else, or NULL */
	JN_FOR,	      /* for a in b if d: body c, else kid 0 */
	JN_SET,	      /* a = b */
	JN_SET_BLOCK, /* a = text of c, through the filters b (NULL: none) */
	JN_MACRO, /* sym: its name; kid[]: JN_NAME with a: the default or NULL; c: body; flags */
	JN_CALL_BLOCK,	 /* a: the JN_CALL; b: the JN_MACRO called caller */
	JN_FILTER_BLOCK, /* text of c through the filters b */
	JN_WITH,	 /* kid[]: target, value, target, value ...; c: body */
	JN_SCOPE,	 /* c: body with its own variables */
	JN_BREAK,
	JN_CONTINUE,
	/* target of a set only */
	JN_NSREF, /* sym.v */
};

enum jcompare { JC_EQ, JC_NE, JC_LT, JC_LE, JC_GT, JC_GE, JC_IN, JC_NOTIN };

/* The symbols of every template. */
enum jsymbol { JSYM_LOOP, JSYM_CALLER, JSYM_VARARGS, JSYM_KWARGS };

/* A macro's body names these, so its calls collect them. */
#define JMACRO_VARARGS 1
#define JMACRO_KWARGS  2
#define JMACRO_CALLER  4

struct jnode {
	unsigned char kind, flags;
	uint16_t height;
	uint32_t at; /* byte of the source */
	int sym;
	uint32_t nkid, nkw; /* of nkid arguments of a call, the last nkw are by keyword: kwname[] */
	struct jv v;
	struct jnode *a, *b, *c, *d;
	struct jnode **kid;
	struct jv *kwname;
	unsigned char *op;
	const void *def; /* struct jfilter, struct jtest; NULL: unknown */
};

#endif
