/* jinja_value.h - what a template computes with: Python's values as far as a template can see them.
 *
 *	struct jv v = jv_str("abc", 3);
 *	if (!jv_equal(r, &a, &b, &eq)) return false;	// r holds the error
 *	jv_print(r, &buf, &v, JV_AS_STR);
 *
 * Private to engine/model/jinja*.c.  A jv is passed by value; what it points at lies in the run's arena, in the
 * template's, or in the caller's JSON, and does not change (but for namespaces, iterators, loops and cyclers).
 * Strings are valid UTF-8 without a closing NUL.  A function that returns bool and takes a run fails with false. */
#ifndef T2_JINJA_VALUE_H
#define T2_JINJA_VALUE_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/strbuf.h"

struct jrun;

enum jv_type {
	JV_UNDEF, /* s, len: the name that was looked up; aux: of what (enum jv_undef) */
	JV_NONE,
	JV_BOOL,
	JV_INT, /* Python's are unbounded; what leaves 64 bits is refused */
	JV_FLOAT,
	JV_STR, /* aux: JV_MARKUP or 0 */
	JV_LIST,
	JV_TUPLE,
	JV_DICT,
	JV_RANGE,
	JV_ITER, /* a generator: always true, read once, no length */
	JV_VIEW, /* dict.keys() and its like; aux: enum jv_view */
	JV_NS,	 /* namespace(): a dict that may change */
	JV_LOOP,
	JV_MACRO,
	JV_FUNC,   /* one of the globals: jinja_func.c */
	JV_METHOD, /* bound to its object: jinja_method.c */
	JV_CYCLER,
	JV_JOINER,
};

enum jv_undef {
	JV_NO_NAME = 64, /* no such variable */
	JV_NO_PARAM,	 /* a macro's argument that was not given */
	JV_NO_ELSE,	 /* an inline if without else */
	JV_NO_ITEM,	 /* first() of nothing, loop.previtem of the first ... */
	JV_UNSAFE,	 /* list.append and its like */
			 /* below 64: the enum jv_type of the object that has no such attribute */
};

enum jv_view { JV_KEYS, JV_VALUES, JV_ITEMS };

#define JV_MARKUP 1 /* from |safe and |escape: + escapes what it is joined with */

struct jv_seq;
struct jv_dict;
struct jv_range;
struct jv_method;
struct jloop;
struct jmacro;
struct jfunc;
struct jcycler;

struct jv {
	unsigned char type, aux;
	union {
		bool b;
		long long i;
		double f;
		const char *s;
		struct jv_seq *seq;
		struct jv_dict *dict;
		struct jv_range *range;
		struct jv_method *method;
		struct jloop *loop;
		struct jmacro *macro;
		const struct jfunc *func;
		struct jcycler *cycler;
	} u;
	size_t len;
};

struct jv_seq {
	struct jv *v;
	size_t n;
	size_t pos; /* an iterator's: what was read already */
};

struct jv_dict {
	struct jv *k, *v; /* in the order of insertion */
	size_t n, cap;
};

struct jv_range {
	long long start, stop, step;
	size_t n;
};

static inline struct jv
jv_none(void)
{
	return (struct jv){.type = JV_NONE};
}

static inline struct jv
jv_bool(bool b)
{
	return (struct jv){.type = JV_BOOL, .u.b = b};
}

static inline struct jv
jv_int(long long i)
{
	return (struct jv){.type = JV_INT, .u.i = i};
}

static inline struct jv
jv_float(double f)
{
	return (struct jv){.type = JV_FLOAT, .u.f = f};
}

static inline struct jv
jv_str(const char *s, size_t len)
{
	return (struct jv){.type = JV_STR, .u.s = s, .len = len};
}

static inline struct jv
jv_undef(int what, const char *name, size_t len)
{
	return (struct jv){.type = JV_UNDEF, .aux = (unsigned char)what, .u.s = name, .len = len};
}

static inline bool
jv_is(const struct jv *v, const char *text, size_t len)
{
	return v->type == JV_STR && v->len == len && !__builtin_memcmp(v->u.s, text, len);
}

const char *jv_type_name(enum jv_type t); /* Python's word: "str", "NoneType" */
bool jv_truth(const struct jv *v);
/* An int or bool as an integer. */
bool jv_as_int(const struct jv *v, long long *out);

/* Constructors that copy into the run's arena. */
bool jv_new_str(struct jrun *r, const char *s, size_t len, struct jv *out);
bool jv_new_seq(struct jrun *r, enum jv_type t, size_t n, struct jv *out); /* items not yet set */
bool jv_new_dict(struct jrun *r, enum jv_type t, size_t cap, struct jv *out);
bool jv_new_view(struct jrun *r, const struct jv *dict, enum jv_view what, struct jv *out);

bool jv_hashable(const struct jv *v);
bool jv_dict_get(struct jrun *r, const struct jv_dict *d, const struct jv *key,
		 const struct jv **out); /* NULL: none */
const struct jv *jv_dict_name(const struct jv_dict *d, const char *name, size_t len);
bool jv_dict_set(struct jrun *r, struct jv_dict *d, const struct jv *key, const struct jv *v);

/* == of Python. */
bool jv_equal(struct jrun *r, const struct jv *a, const struct jv *b, bool *out);
/* *out < 0, 0, > 0, or JV_UNORDERED (NaN); op names the comparison in the error for kinds that have no order. */
#define JV_UNORDERED 2
bool jv_order(struct jrun *r, const struct jv *a, const struct jv *b, const char *op, int *out);
bool jv_contains(struct jrun *r, const struct jv *needle, const struct jv *in, bool *out);

/* The items of anything that can be iterated, borrowed or made; an iterator is used up by it. */
bool jv_items(struct jrun *r, const struct jv *v, const struct jv **items, size_t *n);
bool jv_iterable(const struct jv *v);
/* len(): false without an error set where there is none. */
bool jv_length(const struct jv *v, size_t *out);
struct jv jv_range_at(const struct jv_range *g, size_t i);

/* jinja_print.c */
enum jv_form { JV_AS_STR, JV_AS_REPR };
bool jv_print(struct jrun *r, struct strbuf *b, const struct jv *v, enum jv_form form);
bool jv_to_str(struct jrun *r, const struct jv *v,
	       struct jv *out);		      /* str(v); markup stays markup */
size_t jv_float_text(double f, char buf[40]); /* repr() of a float */

/* jinja_json.c: json.dumps(v, ensure_ascii, indent, separators, sort_keys) */
struct jdump {
	bool ascii, sort;
	bool pretty;		     /* indent given */
	struct jv indent;	     /* the text of one level */
	struct jv item_sep, key_sep; /* strings */
	int depth;
};
bool jdump_value(struct jrun *r, struct strbuf *b, const struct jv *v, struct jdump *how);

#endif
