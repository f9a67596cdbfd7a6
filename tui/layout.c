#include "tui/layout.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "engine/base/strbuf.h"
#include "tui/view.h"

enum { NODES = 2 * VIEW_PANES, DEPTH = 6 };

struct node {
	char kind;	 /* 'h', 'v', 'p' */
	int pane;	 /* 'p' */
	int first, next; /* child, sibling; -1: none */
	bool fixed;	 /* size is in cells */
	double size;	 /* cells, or a weight */
	struct rect r;	 /* as last placed */
};

struct layout {
	const struct pane_spec *panes;
	int npanes, n;
	struct node node[NODES];
};

struct reader {
	struct layout *l;
	const char *text, *s;
	struct t2_err *err;
};

static int
wrong(struct reader *p, const char *why)
{
	t2_fail(p->err, T2_EINVAL, "layout \"%s\": at %zu: %s", p->text, (size_t)(p->s - p->text),
		why);
	return -1;
}

static int
node_read(struct reader *p, int depth)
{
	struct layout *l = p->l;
	int at = l->n, *link;
	struct node *k;
	size_t len;

	if (l->n == NODES || depth == DEPTH)
		return wrong(p, "too deep or too many");
	k = &l->node[l->n++];
	*k = (struct node){.first = -1, .next = -1, .size = 1};
	if ((*p->s == 'h' || *p->s == 'v') && p->s[1] == '(') {
		k->kind = *p->s;
		p->s += 2;
		link = &k->first;
		for (;;) {
			double size = 1;
			bool fixed;
			char *end;
			int child;

			p->s += strspn(p->s, " ");
			if (*p->s == ')')
				break;
			fixed = *p->s == '=';
			if (fixed)
				p->s++;
			if (isdigit((unsigned char)*p->s)) {
				size = strtod(p->s, &end);
				p->s = end;
				if (*p->s != ':' || !(size > 0 && size < 1000))
					return wrong(p, "wanted SIZE:NODE");
				p->s++;
			}
			child = node_read(p, depth + 1);
			if (child < 0)
				return -1;
			l->node[child].size = size;
			l->node[child].fixed = fixed;
			*link = child;
			link = &l->node[child].next;
		}
		p->s++;
		return k->first < 0 ? wrong(p, "an empty group") : at;
	}
	len = strcspn(p->s, " ():");
	for (int i = 0; i < l->npanes; i++)
		if (strlen(l->panes[i].name) == len && len &&
		    !memcmp(l->panes[i].name, p->s, len)) {
			k->kind = 'p';
			k->pane = i;
			p->s += len;
			return at;
		}
	return wrong(p, "no such pane");
}

enum t2_status
layout_new(struct layout **out, const char *text, const struct pane_spec *panes, int n,
	   struct t2_err *err)
{
	struct reader p = {.text = text, .s = text, .err = err};

	*out = NULL;
	p.l = calloc(1, sizeof *p.l);
	if (!p.l)
		return t2_nomem(err, "layout");
	p.l->panes = panes;
	p.l->npanes = n;
	if (node_read(&p, 0) < 0) {
		free(p.l);
		return T2_EINVAL;
	}
	if (*p.s) {
		wrong(&p, "text after the end");
		free(p.l);
		return T2_EINVAL;
	}
	*out = p.l;
	return T2_OK;
}

void
layout_free(struct layout *l)
{
	free(l);
}

/* The least a node needs, borders included. */
static void
node_min(const struct layout *l, int at, int *w, int *h)
{
	const struct node *k = &l->node[at];

	*w = *h = 0;
	if (k->kind == 'p') {
		*w = l->panes[k->pane].min_w + 2;
		*h = l->panes[k->pane].min_h + 2;
		return;
	}
	for (int c = k->first; c >= 0; c = l->node[c].next) {
		int cw, ch;

		node_min(l, c, &cw, &ch);
		if (k->kind == 'h') {
			*w += cw;
			*h = ch > *h ? ch : *h;
		} else {
			*h += ch - (c != k->first);
			*w = cw > *w ? cw : *w;
		}
	}
}

static void
node_place(struct layout *l, int at, struct rect r, struct rect *rects)
{
	struct node *k = &l->node[at];
	bool across = k->kind == 'h';
	double weights = 0;
	int room, used = 0, count = 0;

	k->r = r;
	if (k->kind == 'p') {
		rects[k->pane] = r;
		return;
	}
	for (int c = k->first; c >= 0; c = l->node[c].next) {
		if (!l->node[c].fixed)
			weights += l->node[c].size;
		count++;
	}
	/* Rows are shared by neighbours: together they have count - 1 more than r.h. */
	room = across ? r.w : r.h + count - 1;
	for (int c = k->first; c >= 0; c = l->node[c].next)
		if (l->node[c].fixed)
			room -= (int)l->node[c].size;
	for (int c = k->first; c >= 0; c = l->node[c].next) {
		const struct node *n = &l->node[c];
		int left = (across ? r.w - used : r.h - used), minw, minh, size;

		node_min(l, c, &minw, &minh);
		size = n->fixed	     ? (int)n->size
		       : weights > 0 ? (int)(room * n->size / weights + 0.5)
				     : 0;
		if (!n->fixed) {
			int min = across ? minw : minh;

			if (size < min)
				size = min;
			room -= size;
			weights -= n->size;
		}
		if (n->next < 0 || size > left)
			size = left;
		if (size < 0)
			size = 0;
		if (across)
			node_place(l, c, (struct rect){r.x + used, r.y, size, r.h}, rects);
		else
			node_place(l, c, (struct rect){r.x, r.y + used, r.w, size}, rects);
		used += across ? size : size - 1;
		if (used < 0)
			used = 0;
	}
}

bool
layout_place(struct layout *l, struct rect area, struct rect *rects)
{
	memset(rects, 0, (size_t)l->npanes * sizeof *rects);
	node_place(l, 0, area, rects);
	for (int i = 0; i < l->n; i++) {
		const struct node *k = &l->node[i];

		if (k->kind == 'p' &&
		    (k->r.w < l->panes[k->pane].min_w + 2 || k->r.h < l->panes[k->pane].min_h + 2))
			return false;
	}
	return true;
}

int
layout_border(const struct layout *l, int x, int y)
{
	for (int i = 0; i < l->n; i++) {
		const struct node *k = &l->node[i];

		if (k->kind == 'p')
			continue;
		for (int c = k->first; c >= 0 && l->node[c].next >= 0; c = l->node[c].next) {
			struct rect r = l->node[c].r;

			if (k->kind == 'h' && y > r.y && y < r.y + r.h - 1 &&
			    (x == r.x + r.w - 1 || x == r.x + r.w))
				return c;
			if (k->kind == 'v' && x > r.x && x < r.x + r.w - 1 && y == r.y + r.h - 1)
				return c;
		}
	}
	return -1;
}

void
layout_drag(struct layout *l, int handle, int x, int y)
{
	struct node *a, *b;
	bool across = false;
	double total;
	int pos, span;

	if (handle < 0 || handle >= l->n || l->node[handle].next < 0)
		return;
	a = &l->node[handle];
	b = &l->node[a->next];
	for (int i = 0; i < l->n; i++)
		for (int c = l->node[i].first; c >= 0; c = l->node[c].next)
			if (c == handle)
				across = l->node[i].kind == 'h';
	pos = across ? x - a->r.x + 1 : y - a->r.y + 1;
	span = across ? a->r.w + b->r.w : a->r.h + b->r.h;
	if (pos < 3 || span - pos < 3)
		return;
	if (a->fixed)
		a->size = pos;
	if (b->fixed)
		b->size = span - pos;
	if (a->fixed || b->fixed)
		return;
	total = a->size + b->size;
	a->size = total * pos / span;
	b->size = total - a->size;
}

void
layout_sizes(const struct layout *l, struct strbuf *out)
{
	for (int i = 0; i < l->n; i++)
		strbuf_printf(out, "%s%.6g", i ? " " : "", l->node[i].size);
}

bool
layout_resize(struct layout *l, const char *sizes)
{
	double size[NODES];
	char *end;

	for (int i = 0; i < l->n; i++, sizes = end) {
		size[i] = strtod(sizes, &end);
		if (end == sizes || !(size[i] > 0 && size[i] < 1000))
			return false;
	}
	if (sizes[strspn(sizes, " ")])
		return false;
	for (int i = 0; i < l->n; i++)
		l->node[i].size = size[i];
	return true;
}
