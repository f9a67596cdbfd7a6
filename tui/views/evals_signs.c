/* Evals: the signs of its cells. */
#include <string.h>

#include "tui/utf8.h"
#include "tui/views/evals.h"

const struct view_sign ev_signs[EV_SIGNS] = {
	{"▲", "above base", "above base: its interval lies wholly above base's"},
	{"*", "best", "the best of its column"},
	{"°", "shipped", "came with the program, not measured here"},
	{"<", "fewer questions than set",
	 "on fewer questions than the settings ask for, shipped or not"},
	{"~", "stale", "weights or questions have changed since"},
	{"·", "not measured", "not measured yet"},
	{"–", "cannot be", "cannot be measured; the line below says why"},
	{"●", "marked", "marked, to be measured or compared with"},
	{"›", "being measured", "being measured: counted so far"},
};

void
evals_signs(const struct evals *s, int row, int col, struct ev_signs *out)
{
	const struct score *x = ev_score(s, row, col);
	const struct ev_work *w = evals_work(s, row, col);

	*out = (struct ev_signs){"", "", ""};
	if (evals_marked(s, row, col))
		out->front = "●";
	else if (w && w->phase != EV_FAILED)
		out->front = "›";
	if (w || !x->state) /* of the old figure nothing shows */
		return;
	if (x->clear && !*out->front)
		out->front = "▲";
	if (x->best)
		out->star = "*";
	out->back = score_stale(x) ? "~" : x->fewer ? "<" : score_shipped(x) ? "°" : "";
}

const char *
evals_blank(const struct evals *s, int row, int col)
{
	return evals_refusal(s, row, col) ? "–" : "·";
}

unsigned
evals_signs_among(const struct evals *s, int row0, int rows, int col0, int cols)
{
	unsigned found = 0;

	for (int i = 0; i < rows * cols; i++) {
		int row = s->map[row0 + i / cols], col = col0 + i % cols;
		struct ev_signs x;

		evals_signs(s, row, col, &x);
		for (int k = 0; k < EV_SIGNS; k++)
			if (!strcmp(x.front, ev_signs[k].sign) ||
			    !strcmp(x.star, ev_signs[k].sign) ||
			    !strcmp(x.back, ev_signs[k].sign) ||
			    (!evals_work(s, row, col) && !ev_score(s, row, col)->state &&
			     !strcmp(evals_blank(s, row, col), ev_signs[k].sign)))
				found |= 1u << k;
	}
	return found;
}

/* The signs of the mask.  Draws unless c is NULL; returns the lines it takes. */
static int
lay(struct canvas *c, struct rect r, unsigned which)
{
	int x = 0, y = 0;

	for (int i = 0; i < EV_SIGNS; i++) {
		int w = 2 + utf8_width_str(ev_signs[i].means);

		if (!(which >> i & 1))
			continue;
		if (x && x + w > r.w) {
			x = 0;
			y++;
		}
		if (c && y < r.h) {
			canvas_text(c, r.x + x, r.y + y, 1, canvas_style(c, TH_TEXT),
				    ev_signs[i].sign);
			canvas_text(c, r.x + x + 2, r.y + y, r.w - x - 2, canvas_style(c, TH_DIM),
				    ev_signs[i].means);
		}
		x += w + 2;
	}
	return y + 1;
}

void
evals_legend(struct canvas *c, struct rect r, unsigned shown)
{
	int n = lay(NULL, r, ~0u);

	if (n < r.h) { /* with a gap below it */
		r.y += r.h - 1 - n;
		lay(c, r, ~0u);
	} else if (r.h > 0) {
		lay(c, (struct rect){r.x, r.y, r.w, 1}, shown);
	}
}
