/* scorer_text.c - what several kinds of scorer do with a text first. */
#include <string.h>

#include "engine/base/utf8.h"
#include "engine/task/scorer_kind.h"

static bool
letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The last \boxed or \fbox that no letter follows; its end, or NULL. */
static const char *
last_box(struct side s)
{
	static const char *const word[] = {"\\boxed", "\\fbox"};

	for (const char *p = s.s + s.len; p-- > s.s;) {
		for (int i = 0; *p == '\\' && i < 2; i++) {
			size_t n = strlen(word[i]), left = (size_t)(s.s + s.len - p);

			if (left >= n && !memcmp(p, word[i], n) && (left == n || !letter(p[n])))
				return p + n;
		}
	}
	return NULL;
}

bool
text_box(struct side s, struct side *content, size_t *where)
{
	const char *end = s.s + s.len, *p = s.len ? last_box(s) : NULL, *q;
	int depth = 0;

	if (!p)
		return false;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	*where = (size_t)(p - s.s);
	if (p < end && *p == '{') {
		for (q = p; q < end; q++) {
			if (*q == '\\' && q + 1 < end)
				q++;
			else if (*q == '{')
				depth++;
			else if (*q == '}' && !--depth)
				break;
		}
		*content = (struct side){p + 1, (size_t)(q - p) - (q < end)};
		return q < end;
	}
	for (q = p; q < end && *q != '$';) {
		uint32_t c;
		size_t n = utf8_next(q, (size_t)(end - q), &c);

		if (utf8_is_space(c))
			break;
		q += n;
	}
	while (q > p && strchr(".,;:", q[-1]))
		q--;
	*content = (struct side){p, (size_t)(q - p)};
	return q > p;
}

bool
text_rules(const struct scorer *s, int from, int to, struct strbuf *b)
{
	for (int i = from; i < to; i++)
		if (!regex_replace(s->re[i], s->kind->rule[i].replacement, b))
			return false;
	return true;
}

void
text_map(struct strbuf *out, struct side s, const struct text_map *map)
{
	while (s.len) {
		uint32_t c;
		size_t n = utf8_next(s.s, s.len, &c);
		const struct text_map *m = map;

		while (c >= 0x80 && m->to && m->from != c)
			m++;
		if (c >= 0x80 && m->to)
			strbuf_str(out, m->to);
		else
			strbuf_add(out, s.s, n);
		s.s += n;
		s.len -= n;
	}
}
