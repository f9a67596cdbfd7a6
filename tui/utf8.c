#include "tui/utf8.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

static bool
is_mark(utf8proc_category_t cat)
{
	return cat == UTF8PROC_CATEGORY_MN || cat == UTF8PROC_CATEGORY_MC ||
	       cat == UTF8PROC_CATEGORY_ME;
}

static bool
is_flag_letter(utf8proc_int32_t cp)
{
	return cp >= 0x1f1e6 && cp <= 0x1f1ff;
}

static bool
is_variation(utf8proc_int32_t cp)
{
	return (cp >= 0xfe00 && cp <= 0xfe0f) || (cp >= 0xe0100 && cp <= 0xe01ef) ||
	       (cp >= 0x180b && cp <= 0x180f) || cp == 0x34f;
}

int
glyph_put(long cp, char out[4])
{
	if (cp < 0 || !utf8proc_codepoint_valid((utf8proc_int32_t)cp))
		return 0;
	return (int)utf8proc_encode_char((utf8proc_int32_t)cp, (utf8proc_uint8_t *)out);
}

static void
glyph_add(struct glyph *g, utf8proc_int32_t cp)
{
	size_t len = strlen(g->text);
	char tmp[4];
	int k = glyph_put(cp, tmp);

	if (len + (size_t)k <= GLYPH_BYTES)
		memcpy(g->text + len, tmp, (size_t)k);
}

/* The cluster's base: fills g and returns true when marks may follow. */
static bool
glyph_base(utf8proc_int32_t cp, struct glyph *g)
{
	utf8proc_category_t cat;

	g->width = 1;
	if (cp < 0x20 || cp == 0x7f) {
		glyph_add(g, cp == '\t' ? ' ' : cp == 0x7f ? 0x2421 : 0x2400 + cp);
		return false;
	}
	cat = utf8proc_category(cp);
	if (cp == 0xad || cat == UTF8PROC_CATEGORY_CF || is_variation(cp) ||
	    (cp >= 0x1f3fb && cp <= 0x1f3ff)) {
		g->width = 0;
		return false;
	}
	if (cat == UTF8PROC_CATEGORY_ZL || cat == UTF8PROC_CATEGORY_ZP ||
	    cat == UTF8PROC_CATEGORY_ZS) {
		if (utf8proc_charwidth(cp) == 2) {
			glyph_add(g, cp);
			g->width = 2;
		} else {
			glyph_add(g, ' ');
		}
		return false;
	}
	if (cat == UTF8PROC_CATEGORY_CC || cat == UTF8PROC_CATEGORY_CN ||
	    cat == UTF8PROC_CATEGORY_CS) {
		glyph_add(g, 0xfffd);
		return false;
	}
	if (is_mark(cat)) {
		glyph_add(g, 0x25cc); /* a mark with nothing under it */
		glyph_add(g, cp);
		return true;
	}
	glyph_add(g, cp);
	g->width = utf8proc_charwidth(cp) == 2 ? 2 : 1;
	return true;
}

size_t
utf8_glyph(const char *s, size_t n, struct glyph *g)
{
	const utf8proc_uint8_t *u = (const utf8proc_uint8_t *)s;
	utf8proc_int32_t cp, prev, state = 0;
	utf8proc_ssize_t k;
	bool extend, flag;
	size_t pos;
	int marks = 0;

	memset(g, 0, sizeof *g);
	if ((unsigned char)*s >= 0x20 && (unsigned char)*s < 0x7f &&
	    (n < 2 || (unsigned char)s[1] < 0x80)) {
		g->text[0] = *s;
		g->width = 1;
		return 1;
	}
	k = utf8proc_iterate(u, (utf8proc_ssize_t)(n > 4 ? 4 : n), &cp);
	if (k <= 0) {
		glyph_add(g, 0xfffd);
		g->width = 1;
		return 1;
	}
	pos = (size_t)k;
	extend = glyph_base(cp, g);
	if (cp < 0x20 || cp == 0x7f)
		return pos;
	flag = is_flag_letter(cp);
	/* A run of marks may be of any length: what a cell cannot hold is dropped, but belongs to the cluster. */
	for (prev = cp; pos < n; prev = cp, pos += (size_t)k) {
		size_t left = n - pos;

		k = utf8proc_iterate(u + pos, (utf8proc_ssize_t)(left > 4 ? 4 : left), &cp);
		if (k <= 0 || cp < 0x20 || utf8proc_grapheme_break_stateful(prev, cp, &state))
			break;
		if (!extend || marks == 3)
			continue;
		if (flag && is_flag_letter(cp)) {
			glyph_add(g, cp);
			g->width = 2;
			flag = false;
		} else if (!is_variation(cp) && (is_mark(utf8proc_category(cp)) ||
						 (utf8proc_category(cp) == UTF8PROC_CATEGORY_LO &&
						  utf8proc_charwidth(cp) == 0))) {
			glyph_add(g, cp);
			marks++;
			if (utf8proc_charwidth(cp) > 0)
				g->width = 2;
		}
	}
	return pos;
}

int
utf8_width(const char *s, size_t n)
{
	struct glyph g;
	int w = 0;

	for (size_t i = 0; i < n && w < 1 << 28; i += utf8_glyph(s + i, n - i, &g), w += g.width)
		;
	return w;
}

int
utf8_width_str(const char *s)
{
	return utf8_width(s, strlen(s));
}

size_t
utf8_fit(const char *s, size_t n, int cols, int *used)
{
	struct glyph g;
	size_t i = 0;
	int w = 0;

	while (i < n) {
		size_t k = utf8_glyph(s + i, n - i, &g);

		if (w + g.width > cols)
			break;
		w += g.width;
		i += k;
	}
	if (used)
		*used = w;
	return i;
}

/* Punctuation that does not begin a line, or end one, where text breaks anywhere (JIS X 4051, the common part). */
static bool
in_set(const char *glyph, const char *set)
{
	return glyph[0] & 0x80 && strstr(set, glyph);
}

static bool
may_break(const struct glyph *before, const struct glyph *g)
{
	static const char not_first[] =
		"、。，．・：；？！）」』】〉》〕］｝ーっゃゅょッャュョぁぃぅぇぉァィゥェォ々…‥";
	static const char not_last[] = "（「『【〈《〔［｛";

	if (before->width != 2 && g->width != 2)
		return false;
	/* Around Latin words only a space breaks, or the wide character itself. */
	return g->text[0] != ' ' && g->width > 0 && !in_set(g->text, not_first) &&
	       !in_set(before->text, not_last);
}

size_t
utf8_line(const char *s, size_t n, int cols, size_t *next)
{
	size_t i = 0, space = 0, after = 0;
	struct glyph g, before = {"", 0};
	int w = 0;

	while (i < n) {
		size_t k;

		if (s[i] == '\n') {
			*next = i + 1;
			return i;
		}
		k = utf8_glyph(s + i, n - i, &g);
		if (i && may_break(&before, &g))
			space = after = i;
		if (w + g.width > cols) {
			if (s[i] == ' ') { /* the space that does not fit is the break */
				*next = i + 1;
				return i;
			}
			if (after) {
				*next = after;
				return space;
			}
			*next = i ? i : k;
			return i ? i : k;
		}
		if (s[i] == ' ') {
			space = i;
			after = i + 1;
		}
		w += g.width;
		i += k;
		if (g.width)
			before = g;
	}
	*next = n;
	return n;
}

size_t
utf8_after(const char *s, size_t n, size_t pos)
{
	struct glyph g;

	if (pos >= n)
		return n;
	return pos + utf8_glyph(s + pos, n - pos, &g);
}

size_t
utf8_before(const char *s, size_t n, size_t pos)
{
	size_t i, last;

	if (pos > n)
		pos = n;
	/* Cluster borders are only known from the left: start at the line's beginning. */
	for (i = pos; i > 0 && s[i - 1] != '\n'; i--)
		;
	if (i == pos)
		return pos ? pos - 1 : 0;
	for (last = i; i < pos; i = utf8_after(s, n, i))
		last = i;
	return last;
}

/* By shape; sorted by nothing but habit, it is short. */
static const struct {
	const char *from;
	char to;
} shapes[] = {
	{"─", '-'}, {"━", '='}, {"│", '|'},  {"┃", '|'}, {"┊", ':'},  {"┆", ':'},  {"╌", '-'},
	{"┄", '-'}, {"┈", '.'}, {"┌", '+'},  {"┐", '+'}, {"└", '+'},  {"┘", '+'},  {"├", '+'},
	{"┤", '+'}, {"┬", '+'}, {"┴", '+'},  {"┼", '+'}, {"╭", '+'},  {"╮", '+'},  {"╰", '+'},
	{"╯", '+'}, {"…", '~'}, {"·", '.'},  {"•", '*'}, {"●", 'O'},  {"○", 'o'},  {"◆", '*'},
	{"▸", '>'}, {"›", '>'}, {"‹", '<'},  {"▾", 'v'}, {"▴", '^'},  {"▿", 'v'},  {"▵", '^'},
	{"▪", '#'}, {"→", '>'}, {"←", '<'},  {"↑", '^'}, {"↓", 'v'},  {"✓", 'v'},  {"✗", 'x'},
	{"×", 'x'}, {"−", '-'}, {"–", '-'},  {"—", '-'}, {"’", '\''}, {"‘", '\''}, {"“", '"'},
	{"”", '"'}, {"█", '#'}, {"▓", '%'},  {"▒", '+'}, {"░", '.'},  {"▏", '|'},  {"▎", '|'},
	{"▍", '|'}, {"▌", '|'}, {"▋", '#'},  {"▊", '#'}, {"▉", '#'},  {"▁", '_'},  {"▂", '_'},
	{"▃", '.'}, {"▄", '-'}, {"▅", '='},  {"▆", '+'}, {"▇", '*'},  {"▀", '"'},  {"▐", '|'},
	{"▕", '|'}, {"±", '~'}, {"σ", 's'},  {"α", 'a'}, {"β", 'b'},  {"λ", 'l'},  {"Σ", 'S'},
	{"Δ", 'd'}, {"‖", '|'}, {"≤", '<'},  {"≥", '>'}, {"²", '2'},  {"⁰", '0'},  {"¹", '1'},
	{"³", '3'}, {"⁴", '4'}, {"⁵", '5'},  {"⁶", '6'}, {"⁷", '7'},  {"⁸", '8'},  {"⁹", '9'},
	{"⁻", '-'}, {"ᵀ", 'T'}, {"◌", '\''}, {"↵", '<'}, {"⏎", '<'},  {"═", '='},  {"║", '|'},
	{"◂", '<'}, {"▲", '^'}, {"▼", 'v'},  {"■", '#'}, {"□", '.'},  {"★", '*'},  {"°", '\''},
};

char
utf8_ascii(const char *glyph)
{
	utf8proc_int32_t cp, out[8];
	utf8proc_ssize_t k;
	int cls = 0;

	if ((unsigned char)glyph[0] < 0x80)
		return glyph[0];
	for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
		if (!strcmp(glyph, shapes[i].from))
			return shapes[i].to;
	k = utf8proc_iterate((const utf8proc_uint8_t *)glyph, (utf8proc_ssize_t)strlen(glyph), &cp);
	if (k <= 0)
		return '?';
	if (cp >= 0x2800 && cp <= 0x28ff)
		return cp == 0x2800 ? ' ' : '*';
	k = utf8proc_decompose_char(cp, out, 8, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT, &cls);
	if (k >= 1 && k <= 8 && out[0] >= 0x20 && out[0] < 0x7f)
		return (char)out[0];
	return '?';
}
