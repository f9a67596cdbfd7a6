#include "tui/widgets/flow.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "tui/utf8.h"

const char *
flow_text(const struct flow *f)
{
	return f->text.s ? f->text.s : "";
}

bool
flow_add(struct flow *f, const char *s, size_t n, double prob, unsigned flags)
{
	size_t from = f->text.len;

	if (!n)
		return true;
	if (f->nspan == f->cap) {
		int cap = f->cap * 2 + 64;
		struct flow_span *span = realloc(f->span, (size_t)cap * sizeof *span);

		if (!span)
			return false;
		f->span = span;
		f->cap = cap;
	}
	strbuf_add(&f->text, s, n);
	if (f->text.failed) {
		f->text.failed = false;
		return false;
	}
	f->span[f->nspan++] = (struct flow_span){from, (float)prob, flags};
	return true;
}

void
flow_clear(struct flow *f)
{
	strbuf_clear(&f->text);
	f->nspan = 0;
	f->top = 0;
	f->held = false;
}

void
flow_free(struct flow *f)
{
	strbuf_free(&f->text);
	free(f->span);
	memset(f, 0, sizeof *f);
}

static struct style
span_style(const struct canvas *c, const struct flow_span *s)
{
	struct style st = canvas_style(c, s->flags & FLOW_DIM	   ? TH_DIM
					  : s->flags & FLOW_STRONG ? TH_STRONG
								   : TH_TEXT);

	if (isfinite(s->prob) && !c->theme->mono)
		st.fg = theme_ramp(&c->theme->probability, s->prob);
	if (s->flags & FLOW_DIFFER)
		st.attr |= canvas_style(c, TH_DIFFER).attr;
	st.bg = COLOR_KEEP;
	return st;
}

/* One row: runs of one span each. */
static int
row_draw(struct flow *f, struct canvas *c, struct rect r, size_t from, size_t to, int *span)
{
	int x = 0;

	while (from < to) {
		size_t end;

		while (*span + 1 < f->nspan && f->span[*span + 1].from <= from)
			++*span;
		end = *span + 1 < f->nspan ? f->span[*span + 1].from : to;
		end = end > to ? to : end;
		/* A cluster belongs to the span of its first byte. */
		for (size_t i = from; i < end || i == from;) {
			i = utf8_after(f->text.s, to, i);
			if (i >= end) {
				end = i;
				break;
			}
		}
		x += canvas_textn(c, r.x + x, r.y, r.w - x, span_style(c, &f->span[*span]),
				  f->text.s + from, end - from);
		from = end;
	}
	return x;
}

/* While tokens are still coming, a character whose last bytes are missing is not broken but unfinished. */
static size_t
whole(const char *s, size_t n)
{
	for (size_t k = 1; k <= 3 && k <= n; k++) {
		unsigned char ch = (unsigned char)s[n - k];

		if (ch >= 0xc0)
			return (ch >= 0xf0 ? 4u : ch >= 0xe0 ? 3u : 2u) > k ? n - k : n;
		if (ch < 0x80)
			break;
	}
	return n;
}

void
flow_draw(struct flow *f, struct canvas *c, struct rect r)
{
	const char *s = flow_text(f);
	size_t n = f->streaming ? whole(s, f->text.len) : f->text.len, next, i;
	int row = 0, span = 0, x = 0;

	f->height = r.h;
	if (r.w < 2 || r.h < 1)
		return;
	for (i = 0; i < n; i += next, row++)
		utf8_line(s + i, n - i, r.w, &next);
	if (n && s[n - 1] == '\n')
		row++;
	f->rows = row ? row : 1;
	if (!f->held || f->top > f->rows - r.h)
		f->top = f->rows - r.h;
	if (f->top < 0)
		f->top = 0;
	for (i = 0, row = 0; i < n && row < f->top + r.h; i += next, row++) {
		size_t len = utf8_line(s + i, n - i, r.w, &next);

		if (row >= f->top)
			x = row_draw(f, c, (struct rect){r.x, r.y + row - f->top, r.w, 1}, i,
				     i + len, &span);
	}
	if (n && s[n - 1] == '\n')
		x = 0;
	if (f->streaming && f->rows - 1 - f->top < r.h)
		canvas_text(c, r.x + (x < r.w ? x : r.w - 1), r.y + f->rows - 1 - f->top, 1,
			    canvas_style(c, TH_CURSOR), "▌");
}

bool
flow_action(struct flow *f, enum action a)
{
	int page = f->height > 2 ? f->height - 1 : 1, last = f->rows - f->height;

	switch (a) {
	case A_UP:
		f->top--;
		break;
	case A_DOWN:
		f->top++;
		break;
	case A_PAGE_UP:
		f->top -= page;
		break;
	case A_PAGE_DOWN:
		f->top += page;
		break;
	case A_TOP:
		f->top = 0;
		break;
	case A_BOTTOM:
		f->top = last;
		break;
	default:
		return false;
	}
	f->top = f->top > last ? last : f->top;
	f->top = f->top < 0 ? 0 : f->top;
	f->held = f->top < last;
	return true;
}
