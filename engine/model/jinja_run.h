/* jinja_run.h - one rendering: its limits, its memory, its variables, its first error.
 *
 * Private to engine/model/jinja*.c.  Functions that return bool leave the error in the run and return false; the place
 * of an error is r->at, which the evaluator sets before every piece of work. */
#ifndef T2_JINJA_RUN_H
#define T2_JINJA_RUN_H

#include <stdint.h>

#include "engine/base/status.h"
#include "engine/model/jinja.h"
#include "engine/model/jinja_arena.h"
#include "engine/model/jinja_value.h"

#define JINJA_SOURCE_MAX ((size_t)1 << 20)
#define JINJA_NEST_MAX	 200  /* brackets and blocks in each other, in the source */
#define JINJA_VALUE_MAX	 200  /* lists in lists, when printed or compared */
#define JINJA_EVAL_MAX	 2000 /* C frames of the evaluator */

struct jnode;

/* Where the text of errors comes from. */
struct jsource {
	const char *text; /* line ends are \n */
	size_t len;
	const char *where;
};

struct jinja {
	struct jarena mem;
	struct jsource src;
	struct jnode *root;
	struct jv *name; /* of every symbol, [names] */
	int names;
};

struct jbinding {
	struct jbinding *next;
	int sym;
	struct jv v;
};

struct jscope {
	struct jscope *up; /* NULL: the template's own, whose variables are jrun.global[] */
	struct jbinding *first;
};

struct jrun {
	const struct jinja *j;
	struct jinja_limits lim;
	struct jarena mem;
	struct jv *global;  /* by symbol */
	struct strbuf *out; /* what {{ }} goes to now */
	size_t out_base;    /* bytes that the caller's text and the outer captures hold */
	uint32_t at;
	int depth; /* blocks and calls */
	int eval;  /* frames of the evaluator */
	int value; /* nesting of the value being printed or compared */
	long steps, next_clock;
	double deadline;
	enum t2_status st;
	struct t2_err *err;
};

struct jloop {
	const struct jv *items;
	size_t n, i;
	struct jv changed; /* the last arguments of loop.changed() */
};

struct jmacro {
	const struct jnode *def;
	struct jscope *scope; /* where it was defined */
};

/* Arguments of a call, evaluated. */
struct jkwarg {
	struct jv name;
	struct jv v;
};

struct jargs {
	const struct jv *pos;
	size_t npos;
	const struct jkwarg *kw;
	size_t nkw;
};

/* Message with the template's name, line and column. */
enum t2_status jsource_fail(const struct jsource *s, uint32_t at, struct t2_err *err,
			    enum t2_status code, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

bool jrun_fail(struct jrun *r, enum t2_status code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
bool jrun_unsupported(struct jrun *r, const char *what);
/* Counts work: 1 for a node, more for work that grows with data. */
bool jrun_work(struct jrun *r, size_t n);
void *jrun_alloc(struct jrun *r, size_t n, size_t size); /* NULL: failed */
char *jrun_bytes(struct jrun *r, size_t n);

/* Growing text, bounded by the run's memory; jbuf_take() moves it into the arena. Free with strbuf_free(). */
bool jbuf_add(struct jrun *r, struct strbuf *b, const char *s, size_t n);
bool jbuf_text(struct jrun *r, struct strbuf *b, const char *s);
bool jbuf_take(struct jrun *r, struct strbuf *b, struct jv *out);
/* What {{ }} writes. */
bool jrun_emit(struct jrun *r, const char *s, size_t n);

/* Binds arguments to parameters: "chars" or "!old !new count" (! must be given).  slot[i] keeps its value where
 * nothing is given for parameter i. */
bool jargs_bind(struct jrun *r, const char *what, const struct jargs *a, const char *params,
		struct jv *slot);
bool jargs_str(struct jrun *r, const char *what, const struct jv *v);
bool jargs_int(struct jrun *r, const char *what, const struct jv *v, long long *out);

/* jinja_eval.c */
bool jeval(struct jrun *r, struct jscope *sc, const struct jnode *n, struct jv *out);
bool jeval_args(struct jrun *r, struct jscope *sc, const struct jnode *n, struct jargs *out);
bool jcall(struct jrun *r, const struct jv *fn, const struct jargs *a, struct jv *out);
bool jundef_fail(struct jrun *r, const struct jv *v);

/* jinja_attr.c: a.name, a[key], a[i:j:k] */
bool jattr(struct jrun *r, const struct jv *v, const struct jv *name, struct jv *out);
bool jitem(struct jrun *r, const struct jv *v, const struct jv *key, struct jv *out);
bool jslice(struct jrun *r, const struct jv *v, const struct jv *start, const struct jv *stop,
	    const struct jv *step, struct jv *out);

/* jinja_op.c: arithmetic.  op is a character of "+-*%/", 'f' for //, 'p' for ** */
bool jop(struct jrun *r, int op, const struct jv *a, const struct jv *b, struct jv *out);
bool jop_negate(struct jrun *r, const struct jv *a, struct jv *out);
bool jop_plus(struct jrun *r, const struct jv *a, struct jv *out);
bool jop_join(struct jrun *r, const struct jv *a, const struct jv *b,
	      struct jv *out); /* two strings, as they are */
/* jinja_format.c */
bool jformat_percent(struct jrun *r, const struct jv *fmt, const struct jv *args, struct jv *out);
bool jformat_braces(struct jrun *r, const struct jv *fmt, const struct jargs *a, struct jv *out);

/* jinja_exec.c */
enum jflow { JFLOW_NEXT, JFLOW_BREAK, JFLOW_CONTINUE, JFLOW_FAIL };
enum jflow jexec(struct jrun *r, struct jscope *sc, const struct jnode *n);
bool jmacro_call(struct jrun *r, const struct jmacro *m, const struct jargs *a, struct jv *out);
bool jscope_set(struct jrun *r, struct jscope *sc, int sym, const struct jv *v);
const struct jv *jscope_get(const struct jrun *r, const struct jscope *sc, int sym);

/* jinja_filter.c, jinja_test.c, jinja_func.c, jinja_method.c */
struct jfilter {
	const char *name;
	bool (*fn)(struct jrun *r, const struct jv *v, const struct jargs *a, struct jv *out);
};
const struct jfilter *jfilter_find(const char *name, size_t len);
bool jfilter_call(struct jrun *r, const struct jv *name, const struct jfilter *f,
		  const struct jv *v, const struct jargs *a, struct jv *out);
extern const struct jfilter jfilter_text_table[], jfilter_seq_table[]; /* end with a NULL name */

struct jtest {
	const char *name;
	bool (*fn)(struct jrun *r, const struct jv *v, const struct jargs *a, bool *out);
};
const struct jtest *jtest_find(const char *name, size_t len);
bool jtest_call(struct jrun *r, const struct jv *name, const struct jtest *t, const struct jv *v,
		const struct jargs *a, bool *out);

struct jfunc {
	const char *name;
	bool (*fn)(struct jrun *r, const struct jargs *a, struct jv *out);
};
const struct jfunc *jfunc_find(const char *name, size_t len);
bool jcycler_attr(struct jrun *r, const struct jv *v, const struct jv *name, struct jv *out);
bool jjoiner_call(struct jrun *r, const struct jv *v, struct jv *out);

struct jmethod {
	unsigned char type; /* enum jv_type of its object */
	unsigned char flags;
	const char *name;
	bool (*fn)(struct jrun *r, const struct jv *self, const struct jargs *a,
		   struct jv *out); /* NULL: not ours */
};
#define JMETHOD_CHANGES 1 /* changes its object: never allowed */
struct jv_method {
	struct jv self;
	const struct jmethod *m;
};
const struct jmethod *jmethod_find(enum jv_type t, const char *name, size_t len);
bool jmethod_call(struct jrun *r, const struct jv_method *m, const struct jargs *a, struct jv *out);
extern const struct jmethod jmethod_text_table[], jmethod_data_table[]; /* end with a NULL name */
bool jloop_attr(struct jrun *r, const struct jv *v, const struct jv *name, struct jv *out);

/* jinja_json.c */
bool jv_from_json(struct jrun *r, const json_t *j, struct jv *out);

#endif
