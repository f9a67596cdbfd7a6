/* strbuf.h - a string that grows.
 *
 *	struct strbuf b = {0};
 *	strbuf_printf(&b, "%d layers", n);
 *	if (b.failed) return t2_nomem(err, "text");	// checked once, at the end
 *	use(b.s, b.len);
 *	strbuf_free(&b);
 *
 * s is NULL or always ends in a NUL that len does not count; bytes of any value may be in it. */
#ifndef T2_STRBUF_H
#define T2_STRBUF_H

#include <stdbool.h>
#include <stddef.h>

struct strbuf {
	char *s;
	size_t len, cap;
	bool failed; /* an allocation failed: the text is incomplete */
};

void strbuf_add(struct strbuf *b, const void *bytes, size_t n);
void strbuf_str(struct strbuf *b, const char *s);
void strbuf_char(struct strbuf *b, char c);
void strbuf_printf(struct strbuf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strbuf_csv(struct strbuf *b, const char *field);	    /* in quotes where it must be */
void strbuf_number(struct strbuf *b, double v);		    /* for CSV; nothing where not finite */
void strbuf_xml(struct strbuf *b, const char *s, size_t n); /* with < > & as entities */
void strbuf_clear(struct strbuf *b);			    /* keeps the memory */
char *strbuf_take(
	struct strbuf
		*b); /* the caller frees it; "" rather than NULL unless failed; b is empty after */
void strbuf_free(struct strbuf *b);

#endif
