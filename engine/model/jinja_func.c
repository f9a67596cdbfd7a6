/* jinja_func.c - the functions that every template has, and the loop's attributes. */
#include <locale.h>
#include <string.h>
#include <time.h>

#include "engine/model/jinja_run.h"
#include "engine/model/jinja_text.h"

#define RANGE_MAX 100000 /* Jinja2's sandbox has the same bound */

static bool
func_range(struct jrun *r, const struct jargs *a, struct jv *out)
{
	long long v[3] = {0, 0, 1}, span;
	struct jv_range *g;

	if (a->nkw || !a->npos || a->npos > 3)
		return jrun_fail(r, T2_EINVAL, "range() wants one to three integers");
	for (size_t i = 0; i < a->npos; i++)
		if (!jargs_int(r, "range()", &a->pos[i], &v[a->npos == 1 ? 1 : i]))
			return false;
	if (!v[2])
		return jrun_fail(r, T2_EINVAL, "range() cannot have a step of 0");
	g = jrun_alloc(r, 1, sizeof *g);
	if (!g)
		return false;
	*g = (struct jv_range){.start = v[0], .stop = v[1], .step = v[2]};
	if (v[2] > 0 ? v[1] > v[0] : v[0] > v[1]) {
		unsigned long long step =
			v[2] > 0 ? (unsigned long long)v[2] : 0ULL - (unsigned long long)v[2];

		if (__builtin_sub_overflow(v[2] > 0 ? v[1] : v[0], v[2] > 0 ? v[0] : v[1], &span) ||
		    ((unsigned long long)span - 1) / step >= RANGE_MAX)
			return jrun_fail(r, T2_EUNSUP, "range() of more than %d numbers",
					 RANGE_MAX);
		g->n = ((unsigned long long)span - 1) / step + 1;
	}
	*out = (struct jv){.type = JV_RANGE, .u.range = g};
	return true;
}

/* dict(mapping or pairs, name=value ..) and namespace(): the same arguments. */
static bool
make_dict(struct jrun *r, enum jv_type t, const char *what, const struct jargs *a, struct jv *out)
{
	const struct jv *items;
	size_t n;

	if (a->npos > 1)
		return jrun_fail(r, T2_EINVAL, "%s wants at most one positional argument", what);
	if (!jv_new_dict(r, t, a->nkw, out))
		return false;
	if (a->npos && a->pos[0].type == JV_DICT) {
		const struct jv_dict *d = a->pos[0].u.dict;

		for (size_t i = 0; i < d->n; i++)
			if (!jv_dict_set(r, out->u.dict, &d->k[i], &d->v[i]))
				return false;
	} else if (a->npos) {
		if (!jv_items(r, &a->pos[0], &items, &n))
			return false;
		for (size_t i = 0; i < n; i++) {
			const struct jv *pair;
			size_t two;

			if (!jv_items(r, &items[i], &pair, &two))
				return false;
			if (two != 2)
				return jrun_fail(r, T2_EINVAL, "%s wants pairs", what);
			if (!jv_dict_set(r, out->u.dict, &pair[0], &pair[1]))
				return false;
		}
	}
	for (size_t i = 0; i < a->nkw; i++)
		if (!jv_dict_set(r, out->u.dict, &a->kw[i].name, &a->kw[i].v))
			return false;
	return true;
}

static bool
func_dict(struct jrun *r, const struct jargs *a, struct jv *out)
{
	return make_dict(r, JV_DICT, "dict()", a, out);
}

static bool
func_namespace(struct jrun *r, const struct jargs *a, struct jv *out)
{
	return make_dict(r, JV_NS, "namespace()", a, out);
}

static bool
func_raise(struct jrun *r, const struct jargs *a, struct jv *out)
{
	struct jv msg, text;

	(void)out;
	if (!jargs_bind(r, "raise_exception()", a, "!message", &msg) || !jv_to_str(r, &msg, &text))
		return false;
	return jrun_fail(r, T2_EINVAL, "%.*s", text.len > 400 ? 400 : (int)text.len, text.u.s);
}

static bool
func_strftime_now(struct jrun *r, const struct jargs *a, struct jv *out)
{
	time_t now = r->lim.now ? (time_t)r->lim.now : time(NULL);
	char fmt[128], buf[512];
	locale_t c_locale;
	struct tm tm;
	struct jv f;
	size_t n;

	if (!jargs_bind(r, "strftime_now()", a, "!format", &f) ||
	    !jargs_str(r, "strftime_now()", &f))
		return false;
	if (f.len >= sizeof fmt || memchr(f.u.s, 0, f.len))
		return jrun_fail(r, T2_EUNSUP, "strftime_now(): a format of over %zu bytes",
				 sizeof fmt - 1);
	memcpy(fmt, f.u.s, f.len);
	fmt[f.len] = 0;
	for (const char *p = strchr(fmt, '%'); p; p = strchr(p + 2, '%')) {
		const char *q = p + 1 + (p[1] == '-');

		if (!*q || !strchr("aAbBcdDeFgGhHIjklmMnpPrRStTuUVwWxXyYzZ%", *q))
			return jrun_fail(r, T2_EUNSUP, "strftime_now(): %%%.1s is not supported",
					 q);
	}
	if (!localtime_r(&now, &tm))
		return jrun_fail(r, T2_EINVAL, "strftime_now(): the clock is out of range");
	c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	if (!c_locale)
		return jrun_fail(r, T2_ENOMEM, "out of memory");
	n = strftime_l(buf, sizeof buf, fmt, &tm, c_locale);
	freelocale(c_locale);
	if (!n && f.len)
		return jrun_unsupported(r, "strftime_now() of so much or no text");
	return jv_new_str(r, buf, n, out);
}

/* joiner(): nothing on the first call, the separator on the others. */
struct jcycler {
	struct jv *item; /* a joiner's only one: the separator */
	size_t n, i;
};

static bool
make_cycler(struct jrun *r, enum jv_type t, const struct jv *items, size_t n, struct jv *out)
{
	struct jcycler *c = jrun_alloc(r, 1, sizeof *c);
	struct jv *copy = jrun_alloc(r, n, sizeof *copy);

	if (!c || !copy)
		return false;
	memcpy(copy, items, n * sizeof *copy);
	*c = (struct jcycler){copy, n, 0};
	*out = (struct jv){.type = (unsigned char)t, .u.cycler = c};
	return true;
}

static bool
func_joiner(struct jrun *r, const struct jargs *a, struct jv *out)
{
	struct jv sep = jv_str(", ", 2);

	return jargs_bind(r, "joiner()", a, "sep", &sep) && make_cycler(r, JV_JOINER, &sep, 1, out);
}

static bool
func_cycler(struct jrun *r, const struct jargs *a, struct jv *out)
{
	if (!a->npos || a->nkw)
		return jrun_fail(r, T2_EINVAL, "cycler() wants items");
	return make_cycler(r, JV_CYCLER, a->pos, a->npos, out);
}

bool
jjoiner_call(struct jrun *r, const struct jv *v, struct jv *out)
{
	(void)r;
	*out = v->u.cycler->i++ ? v->u.cycler->item[0] : jv_str("", 0);
	return true;
}

static bool
cycler_next(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	struct jcycler *c = self->u.cycler;

	*out = c->item[c->i];
	c->i = (c->i + 1) % c->n;
	return jargs_bind(r, "next()", a, "", NULL);
}

static bool
cycler_reset(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	self->u.cycler->i = 0;
	*out = jv_none();
	return jargs_bind(r, "reset()", a, "", NULL);
}

static bool
bind_method(struct jrun *r, const struct jmethod *m, const struct jv *self, struct jv *out)
{
	struct jv_method *bound = jrun_alloc(r, 1, sizeof *bound);

	if (!bound)
		return false;
	*bound = (struct jv_method){*self, m};
	*out = (struct jv){.type = JV_METHOD, .u.method = bound};
	return true;
}

bool
jcycler_attr(struct jrun *r, const struct jv *v, const struct jv *name, struct jv *out)
{
	static const struct jmethod next = {JV_CYCLER, 0, "next", cycler_next},
				    reset = {JV_CYCLER, 0, "reset", cycler_reset};

	if (jv_is(name, "next", 4))
		return bind_method(r, &next, v, out);
	if (jv_is(name, "reset", 5))
		return bind_method(r, &reset, v, out);
	*out = jv_is(name, "current", 7) ? v->u.cycler->item[v->u.cycler->i]
					 : jv_undef(JV_CYCLER, name->u.s, name->len);
	return true;
}

static bool
loop_cycle(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	if (!a->npos || a->nkw)
		return jrun_fail(r, T2_EINVAL, "loop.cycle() wants items");
	*out = a->pos[self->u.loop->i % a->npos];
	return true;
}

static bool
loop_changed(struct jrun *r, const struct jv *self, const struct jargs *a, struct jv *out)
{
	struct jloop *l = self->u.loop;
	struct jv now;
	bool same;

	if (a->nkw)
		return jrun_fail(r, T2_EINVAL, "loop.changed() wants values");
	if (!jv_new_seq(r, JV_TUPLE, a->npos, &now))
		return false;
	if (a->npos)
		memcpy(now.u.seq->v, a->pos, a->npos * sizeof *a->pos);
	if (!jv_equal(r, &l->changed, &now, &same))
		return false;
	l->changed = now;
	*out = jv_bool(!same);
	return true;
}

bool
jloop_attr(struct jrun *r, const struct jv *v, const struct jv *name, struct jv *out)
{
	static const struct jmethod cycle = {JV_LOOP, 0, "cycle", loop_cycle},
				    changed = {JV_LOOP, 0, "changed", loop_changed};
	const struct jloop *l = v->u.loop;
	const struct {
		const char *name;
		struct jv v;
	} attr[] = {
		{"index", jv_int((long long)l->i + 1)},
		{"index0", jv_int((long long)l->i)},
		{"revindex", jv_int((long long)(l->n - l->i))},
		{"revindex0", jv_int((long long)(l->n - l->i) - 1)},
		{"first", jv_bool(!l->i)},
		{"last", jv_bool(l->i + 1 >= l->n)},
		{"length", jv_int((long long)l->n)},
		{"depth", jv_int(1)}, /* only recursive loops are deeper */
		{"depth0", jv_int(0)},
		{"previtem", l->i ? l->items[l->i - 1] : jv_undef(JV_NO_ITEM, NULL, 0)},
		{"nextitem", l->i + 1 < l->n ? l->items[l->i + 1] : jv_undef(JV_NO_ITEM, NULL, 0)},
	};

	for (size_t i = 0; i < sizeof attr / sizeof *attr; i++) {
		if (jv_is(name, attr[i].name, strlen(attr[i].name))) {
			*out = attr[i].v;
			return true;
		}
	}
	if (jv_is(name, "cycle", 5))
		return bind_method(r, &cycle, v, out);
	if (jv_is(name, "changed", 7))
		return bind_method(r, &changed, v, out);
	*out = jv_undef(JV_LOOP, name->u.s, name->len);
	return true;
}

const struct jfunc *
jfunc_find(const char *name, size_t len)
{
	static const struct jfunc table[] = {
		{"range", func_range},
		{"dict", func_dict},
		{"namespace", func_namespace},
		{"raise_exception", func_raise},
		{"strftime_now", func_strftime_now},
		{"joiner", func_joiner},
		{"cycler", func_cycler},
	};

	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		if (strlen(table[i].name) == len && !memcmp(table[i].name, name, len))
			return &table[i];
	return NULL;
}
