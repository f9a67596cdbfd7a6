/* jinja_text.h - Python's strings: code points over UTF-8.
 *
 * Private to engine/model/jinja*.c.  Every text is valid UTF-8. */
#ifndef T2_JINJA_TEXT_H
#define T2_JINJA_TEXT_H

#include <stdint.h>

#include "engine/model/jinja_value.h"

bool jtext_valid(const char *s, size_t len, size_t *bad); /* *bad: the first wrong byte */
size_t jtext_chars(const char *s, size_t len);		  /* code points */
size_t jtext_offset(const char *s, size_t len,
		    size_t chars); /* byte of the chars-th code point, at most len */
size_t jtext_next(const char *s, size_t len,
		  uint32_t *c); /* bytes of the first code point; len > 0 */
size_t jtext_last(const char *s, size_t len, uint32_t *c); /* of the last one */
size_t jtext_put(uint32_t c, char buf[4]);
bool jtext_space(uint32_t c);	  /* str.isspace() */
bool jtext_printable(uint32_t c); /* str.isprintable() */
const char *jtext_find(const char *s, size_t len, const char *what, size_t n); /* NULL: not in it */
const char *jtext_rfind(const char *s, size_t len, const char *what, size_t n);
/* Ends with s; which: 1 left, 2 right, 3 both; chars NULL: white space. */
void jtext_strip(const char **s, size_t *len, const struct jv *chars, int which);
/* One line of str.splitlines(): its bytes without the line's end; *next is where the following one starts. */
size_t jtext_line(const char *s, size_t len, size_t *next);

/* & < > " ' as HTML writes them; the result is markup. */
bool jtext_escape(struct jrun *r, const struct jv *v, struct jv *out);

enum jtext_case { JTEXT_UPPER, JTEXT_LOWER, JTEXT_CAPITALIZE, JTEXT_TITLE };
/* A character whose mapping needs more than one character, or its neighbours, is refused by name. */
bool jtext_case(struct jrun *r, const struct jv *v, enum jtext_case how, struct jv *out);
bool jtext_cased(uint32_t c, bool *upper);

#endif
