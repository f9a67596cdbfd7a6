/* jinja_parse.c - statements; the tools that the expression parser shares. */
#include "engine/model/jinja_parse.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool
jparse_fail(struct jparse *p, enum t2_status code, const char *fmt, ...)
{
	char msg[300];
	va_list ap;

	if (p->st)
		return false;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof msg, fmt, ap);
	va_end(ap);
	p->st = jsource_fail(&p->j->src, p->tok->at, p->err, code, "%s", msg);
	return false;
}

bool
jparse_enter(struct jparse *p)
{
	if (p->depth == JINJA_NEST_MAX)
		return jparse_fail(p, T2_EUNSUP, "nested over %d deep", JINJA_NEST_MAX);
	p->depth++;
	return true;
}

struct jnode *
jparse_node(struct jparse *p, enum jnode_kind kind, uint32_t at)
{
	struct jnode *n = p->st ? NULL : jarena_alloc(&p->j->mem, sizeof *n);

	if (!n) {
		if (!p->st)
			p->st = t2_nomem(p->err, p->j->src.where);
		return NULL;
	}
	memset(n, 0, sizeof *n);
	n->kind = (unsigned char)kind;
	n->at = at;
	n->height = 1;
	return n;
}

struct jnode *
jparse_done(struct jparse *p, struct jnode *n)
{
	const struct jnode *part[] = {n->a, n->b, n->c, n->d};
	unsigned h = 0;

	for (size_t i = 0; i < 4; i++)
		if (part[i] && part[i]->height > h)
			h = part[i]->height;
	for (uint32_t i = 0; i < n->nkid; i++)
		if (n->kid[i] && n->kid[i]->height > h)
			h = n->kid[i]->height;
	if (h >= JINJA_NEST_MAX) {
		jparse_fail(p, T2_EUNSUP, "nested over %d deep", JINJA_NEST_MAX);
		return NULL;
	}
	n->height = (uint16_t)(h + 1);
	return n;
}

bool
jparse_kid(struct jparse *p, struct jkids *k, struct jnode *n)
{
	if (!n)
		return false;
	if (k->n == k->cap) {
		uint32_t cap = k->cap ? k->cap * 2 : 4;
		struct jnode **v = jarena_alloc(&p->j->mem, cap * sizeof *v);

		if (!v) {
			p->st = t2_nomem(p->err, p->j->src.where);
			return false;
		}
		if (k->n)
			memcpy(v, k->v, k->n * sizeof *v);
		k->v = v;
		k->cap = cap;
	}
	k->v[k->n++] = n;
	return true;
}

void
jparse_kids(struct jnode *n, const struct jkids *k)
{
	n->kid = k->v;
	n->nkid = k->n;
}

static uint32_t
hash(const char *s, size_t len)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)s[i]) * 16777619u;
	return h;
}

/* Doubles the table of symbols, or makes it. */
static bool
grow_symbols(struct jparse *p)
{
	int n = p->nslot ? p->nslot * 2 : 128;
	int *slot = malloc((size_t)n * sizeof *slot);
	struct jv *name = jarena_alloc(&p->j->mem, (size_t)n / 2 * sizeof *name);

	if (!slot || !name) {
		free(slot);
		p->st = t2_nomem(p->err, p->j->src.where);
		return false;
	}
	for (int i = 0; i < n; i++)
		slot[i] = -1;
	for (int s = 0; s < p->j->names; s++) {
		uint32_t h;

		name[s] = p->j->name[s];
		h = hash(name[s].u.s, name[s].len);
		while (slot[h & (uint32_t)(n - 1)] >= 0)
			h++;
		slot[h & (uint32_t)(n - 1)] = s;
	}
	free(p->slot);
	p->slot = slot;
	p->nslot = n;
	p->cap = n / 2;
	p->j->name = name;
	return true;
}

int
jparse_symbol(struct jparse *p, const struct jv *name)
{
	uint32_t h = hash(name->u.s, name->len), mask;

	if (p->j->names == p->cap && !grow_symbols(p))
		return -1;
	mask = (uint32_t)(p->nslot - 1);
	for (; p->slot[h & mask] >= 0; h++) {
		int s = p->slot[h & mask];

		if (jv_is(&p->j->name[s], name->u.s, name->len))
			return s;
	}
	p->j->name[p->j->names] = *name;
	return p->slot[h & mask] = p->j->names++;
}

bool
jparse_is(const struct jparse *p, const char *word)
{
	return p->tok->type == JT_NAME && jv_is(&p->tok->v, word, strlen(word));
}

bool
jparse_take(struct jparse *p, int type)
{
	if (p->tok->type != type)
		return false;
	p->tok++;
	return true;
}

bool
jparse_word(struct jparse *p, const char *word)
{
	if (!jparse_is(p, word))
		return false;
	p->tok++;
	return true;
}

const char *
jparse_found(const struct jparse *p, char buf[64])
{
	static const struct {
		int type;
		const char *text;
	} name[] = {{JT_EOF, "the template's end"},
		    {JT_DATA, "text"},
		    {JT_VAR_BEGIN, "'{{'"},
		    {JT_VAR_END, "'}}'"},
		    {JT_BLOCK_BEGIN, "'{%'"},
		    {JT_BLOCK_END, "'%}'"},
		    {JT_STRING, "a string"},
		    {JT_INT, "a number"},
		    {JT_FLOAT, "a number"},
		    {JT_FLOORDIV, "'//'"},
		    {JT_POW, "'**'"},
		    {JT_EQ, "'=='"},
		    {JT_NE, "'!='"},
		    {JT_GE, "'>='"},
		    {JT_LE, "'<='"}};
	const struct jtok *t = p->tok;

	if (t->type == JT_NAME) {
		snprintf(buf, 64, "'%.*s'", t->v.len > 40 ? 40 : (int)t->v.len, t->v.u.s);
		return buf;
	}
	for (size_t i = 0; i < sizeof name / sizeof *name; i++)
		if (name[i].type == t->type)
			return name[i].text;
	snprintf(buf, 64, "'%c'", t->type);
	return buf;
}

bool
jparse_want(struct jparse *p, int type, const char *what)
{
	char buf[64];

	if (jparse_take(p, type))
		return true;
	return jparse_fail(p, T2_EFORMAT, "%s is wanted, not %s", what, jparse_found(p, buf));
}

static struct jnode *parse_statement(struct jparse *p);

/* Text and tags up to one of the words of end (ends with NULL), which is left as the current token; end NULL: all. */
static struct jnode *
parse_body(struct jparse *p, const char *const *end)
{
	struct jnode *body = jparse_node(p, JN_BODY, p->tok->at), *n;
	struct jkids k = {0};

	if (!body || !jparse_enter(p))
		return NULL;
	for (;;) {
		const struct jtok *t = p->tok;

		if (t->type == JT_EOF) {
			if (!end)
				break;
			jparse_fail(p, T2_EFORMAT, "the template ends before {%% %s %%}", end[0]);
			return NULL;
		}
		p->tok++;
		if (t->type == JT_DATA) {
			n = jparse_node(p, JN_TEXT, t->at);
			if (n)
				n->v = t->v;
		} else if (t->type == JT_VAR_BEGIN) {
			n = jparse_node(p, JN_PRINT, t->at);
			if (!n)
				return NULL;
			n->a = jparse_tuple(p, true);
			if (!n->a || !jparse_want(p, JT_VAR_END, "'}}'"))
				return NULL;
			n = jparse_done(p, n);
		} else {
			for (size_t i = 0; end && end[i]; i++) {
				if (jparse_is(p, end[i])) {
					jparse_kids(body, &k);
					p->depth--;
					return jparse_done(p, body);
				}
			}
			n = parse_statement(p);
		}
		if (!jparse_kid(p, &k, n))
			return NULL;
	}
	jparse_kids(body, &k);
	p->depth--;
	return jparse_done(p, body);
}

/* The %} that opens a body, the body, and the word that ended it (consumed). */
static struct jnode *
block(struct jparse *p, const char *const *end)
{
	struct jnode *body;

	jparse_take(p, ':'); /* Python's habit is allowed */
	if (!jparse_want(p, JT_BLOCK_END, "'%}'"))
		return NULL;
	body = parse_body(p, end);
	if (body)
		p->tok++;
	return body;
}

static bool
last_word(const struct jparse *p, const char *word)
{
	return jv_is(&p->tok[-1].v, word, strlen(word));
}

static bool
close_tag(struct jparse *p)
{
	return jparse_want(p, JT_BLOCK_END, "'%}'");
}

static struct jnode *
parse_for(struct jparse *p, struct jnode *n)
{
	static const char *const end[] = {"endfor", "else", NULL}, *const end_else[] = {"endfor",
											NULL};
	struct jkids k = {0};

	n->kind = JN_FOR;
	n->a = jparse_target(p, false);
	if (!n->a)
		return NULL;
	if (!jparse_word(p, "in")) {
		jparse_want(p, 0, "'in'");
		return NULL;
	}
	n->b = jparse_tuple(p, false);
	if (!n->b)
		return NULL;
	if (jparse_word(p, "if")) {
		n->d = jparse_expr(p);
		if (!n->d)
			return NULL;
	}
	if (jparse_is(p, "recursive")) {
		jparse_fail(p, T2_EUNSUP, "recursive loops are not supported");
		return NULL;
	}
	p->loops++;
	n->c = block(p, end);
	p->loops--;
	if (!n->c)
		return NULL;
	if (last_word(p, "else")) {
		if (!jparse_kid(p, &k, block(p, end_else)))
			return NULL;
		jparse_kids(n, &k);
	}
	return close_tag(p) ? jparse_done(p, n) : NULL;
}

static struct jnode *
parse_if(struct jparse *p, struct jnode *n)
{
	static const char *const end[] = {"endif", "elif", "else", NULL}, *const end_else[] = {
										  "endif", NULL};
	struct jkids k = {0};

	n->kind = JN_IF;
	do {
		if (!jparse_kid(p, &k, jparse_tuple(p, false)) || !jparse_kid(p, &k, block(p, end)))
			return NULL;
	} while (last_word(p, "elif"));
	if (last_word(p, "else")) {
		n->c = block(p, end_else);
		if (!n->c)
			return NULL;
	}
	jparse_kids(n, &k);
	return close_tag(p) ? jparse_done(p, n) : NULL;
}

static struct jnode *
parse_set(struct jparse *p, struct jnode *n)
{
	static const char *const end[] = {"endset", NULL};

	n->a = jparse_target(p, true);
	if (!n->a)
		return NULL;
	if (jparse_take(p, '=')) {
		n->kind = JN_SET;
		n->b = jparse_tuple(p, true);
		if (!n->b)
			return NULL;
	} else {
		n->kind = JN_SET_BLOCK;
		if (p->tok->type == '|') {
			n->b = jparse_filters(p, NULL, false);
			if (!n->b)
				return NULL;
		}
		n->c = block(p, end);
		if (!n->c)
			return NULL;
	}
	return close_tag(p) ? jparse_done(p, n) : NULL;
}

/* (a, b=1): into m's kid[]. */
static bool
parse_signature(struct jparse *p, struct jnode *m)
{
	struct jkids k = {0};

	if (!jparse_want(p, '(', "'('"))
		return false;
	while (p->tok->type != ')') {
		struct jnode *n;

		if (k.n && !jparse_want(p, ',', "','"))
			return false;
		n = jparse_node(p, JN_NAME, p->tok->at);
		if (!n)
			return false;
		n->v = p->tok->v;
		if (!jparse_want(p, JT_NAME, "a parameter's name"))
			return false;
		n->sym = jparse_symbol(p, &n->v);
		if (n->sym < 0)
			return false;
		for (uint32_t i = 0; i < k.n; i++)
			if (k.v[i]->sym == n->sym)
				return jparse_fail(p, T2_EFORMAT, "two parameters of one name");
		if (jparse_take(p, '=')) {
			n->a = jparse_expr(p);
			if (!n->a || !jparse_done(p, n))
				return false;
		} else if (k.n && k.v[k.n - 1]->a) {
			return jparse_fail(p, T2_EFORMAT,
					   "a parameter without default behind one with");
		}
		if (!jparse_kid(p, &k, n))
			return false;
	}
	p->tok++;
	jparse_kids(m, &k);
	return true;
}

/* The body of a macro: no loop of the outside can be left from it.  Its special names count for the outer one too. */
static bool
macro_body(struct jparse *p, struct jnode *m, const char *const *end)
{
	unsigned char outer = p->special;
	int loops = p->loops;

	p->special = 0;
	p->loops = 0;
	m->c = block(p, end);
	m->flags = p->special;
	p->special |= outer;
	p->loops = loops;
	return m->c && jparse_done(p, m);
}

static struct jnode *
parse_macro(struct jparse *p, struct jnode *n)
{
	static const char *const end[] = {"endmacro", NULL};

	n->kind = JN_MACRO;
	n->v = p->tok->v;
	if (!jparse_want(p, JT_NAME, "the macro's name"))
		return NULL;
	n->sym = jparse_symbol(p, &n->v);
	if (n->sym < 0 || !parse_signature(p, n) || !macro_body(p, n, end))
		return NULL;
	return close_tag(p) ? n : NULL;
}

static struct jnode *
parse_call_block(struct jparse *p, struct jnode *n)
{
	static const char *const end[] = {"endcall", NULL};
	struct jnode *m = jparse_node(p, JN_MACRO, n->at);

	n->kind = JN_CALL_BLOCK;
	if (!m || (p->tok->type == '(' && !parse_signature(p, m)))
		return NULL;
	m->v = jv_str("caller", 6);
	n->a = jparse_expr(p);
	if (!n->a)
		return NULL;
	if (n->a->kind != JN_CALL) {
		jparse_fail(p, T2_EFORMAT, "{%% call %%} wants a call");
		return NULL;
	}
	if (!macro_body(p, m, end))
		return NULL;
	n->b = m;
	return close_tag(p) ? jparse_done(p, n) : NULL;
}

static struct jnode *
parse_with(struct jparse *p, struct jnode *n)
{
	static const char *const end[] = {"endwith", NULL};
	struct jkids k = {0};

	n->kind = JN_WITH;
	while (p->tok->type != JT_BLOCK_END) {
		if (k.n && !jparse_want(p, ',', "','"))
			return NULL;
		/* one target, no tuple without brackets: a comma starts the next */
		if (p->tok->type == JT_NAME && p->tok[1].type != '=') {
			jparse_fail(p, T2_EUNSUP, "{%% with %%} supports name = value only");
			return NULL;
		}
		if (!jparse_kid(p, &k, jparse_target(p, false)) || !jparse_want(p, '=', "'='") ||
		    !jparse_kid(p, &k, jparse_expr(p)))
			return NULL;
	}
	jparse_kids(n, &k);
	n->c = block(p, end);
	return n->c && close_tag(p) ? jparse_done(p, n) : NULL;
}

static struct jnode *
parse_filter_block(struct jparse *p, struct jnode *n)
{
	static const char *const end[] = {"endfilter", NULL};

	n->kind = JN_FILTER_BLOCK;
	n->b = jparse_filters(p, NULL, true);
	if (!n->b)
		return NULL;
	n->c = block(p, end);
	return n->c && close_tag(p) ? jparse_done(p, n) : NULL;
}

/* transformers' {% generation %} marks what the assistant said; its text is printed as it is. */
static struct jnode *
parse_generation(struct jparse *p, struct jnode *n)
{
	static const char *const end[] = {"endgeneration", NULL};
	int loops = p->loops;

	n->kind = JN_SCOPE;
	p->loops = 0; /* it is a call block there: a loop cannot be left from inside */
	n->c = block(p, end);
	p->loops = loops;
	return n->c && close_tag(p) ? jparse_done(p, n) : NULL;
}

static struct jnode *
parse_leave(struct jparse *p, struct jnode *n)
{
	bool leave = last_word(p, "break");

	n->kind = leave ? JN_BREAK : JN_CONTINUE;
	if (!p->loops) {
		p->tok--;
		jparse_fail(p, T2_EFORMAT, "'%s' outside a loop", leave ? "break" : "continue");
		return NULL;
	}
	return close_tag(p) ? n : NULL;
}

static struct jnode *
parse_statement(struct jparse *p)
{
	static const struct {
		const char *word;
		struct jnode *(*parse)(struct jparse *p, struct jnode *n);
	} statement[] = {
		{"for", parse_for},
		{"if", parse_if},
		{"set", parse_set},
		{"macro", parse_macro},
		{"call", parse_call_block},
		{"with", parse_with},
		{"filter", parse_filter_block},
		{"generation", parse_generation},
		{"break", parse_leave},
		{"continue", parse_leave},
	};
	struct jnode *n = jparse_node(p, JN_BODY, p->tok->at);
	char buf[64];

	if (!n)
		return NULL;
	for (size_t i = 0; i < sizeof statement / sizeof *statement; i++)
		if (jparse_word(p, statement[i].word))
			return statement[i].parse(p, n);
	if (p->tok->type == JT_NAME && p->tok->v.len > 3 && !memcmp(p->tok->v.u.s, "end", 3))
		jparse_fail(p, T2_EFORMAT, "%s without its opening tag", jparse_found(p, buf));
	else if (p->tok->type == JT_NAME)
		jparse_fail(p, T2_EUNSUP, "unknown statement %s", jparse_found(p, buf));
	else
		jparse_fail(p, T2_EFORMAT, "a statement's name is wanted, not %s",
			    jparse_found(p, buf));
	return NULL;
}

struct jnode *
jparse_template(struct jparse *p)
{
	static const char *const known[] = {[JSYM_LOOP] = "loop",
					    [JSYM_CALLER] = "caller",
					    [JSYM_VARARGS] = "varargs",
					    [JSYM_KWARGS] = "kwargs"};
	struct jnode *n;

	for (int i = 0; i < 4; i++) {
		struct jv name = jv_str(known[i], strlen(known[i]));

		if (jparse_symbol(p, &name) < 0)
			return NULL;
	}
	n = parse_body(p, NULL);
	free(p->slot);
	p->slot = NULL;
	return n;
}
