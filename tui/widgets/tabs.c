#include "tui/widgets/tabs.h"

#include "tui/utf8.h"

int
tabs_draw(struct tabs *t, struct canvas *c, int x, int y, int w, const char *const *names, int n,
	  int on)
{
	int end = x + w;

	t->n = 0;
	t->y = y;
	for (int i = 0; i < n && i < TABS; i++) {
		int k = utf8_width_str(names[i]) + 2;
		struct style st = canvas_style(c, i == on ? TH_FOCUS : TH_DIM);

		if (x + k > end)
			k = end - x;
		if (k < 3)
			break;
		canvas_text(c, x, y, 1, st, i == on ? "[" : " ");
		canvas_text(c, x + 1, y, k - 2, st, names[i]);
		canvas_text(c, x + k - 1, y, 1, st, i == on ? "]" : " ");
		t->x[i] = x;
		t->w[i] = k;
		t->n++;
		x += k + 1;
	}
	return x;
}

int
tabs_hit(const struct tabs *t, int x, int y)
{
	for (int i = 0; y == t->y && i < t->n; i++)
		if (x >= t->x[i] && x < t->x[i] + t->w[i])
			return i;
	return -1;
}
