#include "engine/task/decimal.h"

#include <stdlib.h>
#include <string.h>

enum {
	FRACTION_DIGITS = 2000
}; /* of what is multiplied: answers with more are not worth the square */

/* Drops the zeros at both ends. */
static void
trim(struct decimal *d)
{
	struct strbuf *b = &d->digits;
	size_t lead = 0;

	while (b->len && b->s[b->len - 1] == '0') {
		b->len--;
		d->exp++;
	}
	while (lead < b->len && b->s[lead] == '0')
		lead++;
	if (lead) {
		memmove(b->s, b->s + lead, b->len - lead);
		b->len -= lead;
	}
	if (!b->len)
		d->exp = 0;
}

static void
decimal_set(struct decimal *d, const char *s, size_t n)
{
	bool point = false;

	strbuf_clear(&d->digits);
	d->exp = 0;
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '.') {
			point = true;
		} else if (s[i] >= '0' && s[i] <= '9') {
			strbuf_char(&d->digits, s[i]);
			d->exp -= point;
		}
	}
	trim(d);
}

/* Schoolbook product. */
static void
multiply(struct decimal *out, const struct decimal *a, const struct decimal *b)
{
	size_t na = a->digits.len, nb = b->digits.len;
	char *p;

	memset(out, 0, sizeof *out);
	if (!na || !nb)
		return;
	for (size_t i = 0; i < na + nb; i++)
		strbuf_char(&out->digits, 0);
	if (out->digits.failed)
		return;
	p = out->digits.s;
	for (size_t i = na; i-- > 0;) {
		int carry = 0;

		for (size_t j = nb; j-- > 0;) {
			int v = p[i + j + 1] + (a->digits.s[i] - '0') * (b->digits.s[j] - '0') +
				carry;

			p[i + j + 1] = (char)(v % 10);
			carry = v / 10;
		}
		p[i] = (char)(p[i] + carry);
	}
	for (size_t i = 0; i < na + nb; i++)
		p[i] = (char)(p[i] + '0');
	out->exp = a->exp + b->exp;
	trim(out);
}

/* Digits in front of the point, zeros included: both are integers. */
static char
digit_from_right(const struct decimal *d, size_t i)
{
	size_t zeros = (size_t)d->exp;

	if (i < zeros || i - zeros >= d->digits.len)
		return 0;
	return (char)(d->digits.s[d->digits.len - 1 - (i - zeros)] - '0');
}

static void
add_integers(struct decimal *out, const struct decimal *a, const struct decimal *b)
{
	size_t na = a->digits.len + (size_t)a->exp, nb = b->digits.len + (size_t)b->exp,
	       n = (na > nb ? na : nb) + 1;
	int carry = 0;

	memset(out, 0, sizeof *out);
	for (size_t i = 0; i < n; i++)
		strbuf_char(&out->digits, '0');
	if (out->digits.failed)
		return;
	for (size_t i = 0; i < n; i++) {
		int v = digit_from_right(a, i) + digit_from_right(b, i) + carry;

		out->digits.s[n - 1 - i] = (char)('0' + v % 10);
		carry = v / 10;
	}
	trim(out);
}

static void
decimal_free(struct decimal *d)
{
	strbuf_free(&d->digits);
	d->exp = 0;
}

bool
fraction_set(struct fraction *f, bool neg, const char *num, size_t nnum, const char *den,
	     size_t nden)
{
	decimal_set(&f->num, num, nnum);
	decimal_set(&f->den, den ? den : "1", den ? nden : 1);
	f->neg = neg && f->num.digits.len;
	return !f->num.digits.failed && !f->den.digits.failed && f->den.digits.len;
}

bool
fraction_mixed(struct fraction *f, bool neg, const char *whole, size_t nwhole, const char *num,
	       size_t nnum, const char *den, size_t nden)
{
	struct decimal w = {0}, product = {0}, sum = {0};
	bool ok = nwhole < FRACTION_DIGITS && nnum < FRACTION_DIGITS && nden < FRACTION_DIGITS &&
		  fraction_set(f, neg, num, nnum, den, nden);

	decimal_set(&w, whole, nwhole);
	if (ok) {
		multiply(&product, &w, &f->den);
		add_integers(&sum, &product, &f->num);
		ok = !w.digits.failed && !product.digits.failed && !sum.digits.failed;
		decimal_free(&f->num);
		f->num = sum;
		f->neg = neg && sum.digits.len;
	}
	decimal_free(&w);
	decimal_free(&product);
	return ok;
}

void
fraction_scale(struct fraction *f, long exp)
{
	if (f->num.digits.len)
		f->num.exp += exp;
}

static bool
same(const struct decimal *a, const struct decimal *b)
{
	return a->exp == b->exp && a->digits.len == b->digits.len &&
	       (!a->digits.len || !memcmp(a->digits.s, b->digits.s, a->digits.len));
}

int
fraction_equal(const struct fraction *a, const struct fraction *b)
{
	const struct decimal *part[] = {&a->num, &a->den, &b->num, &b->den};
	struct decimal x, y;
	int eq;

	if (a->neg != b->neg)
		return 0;
	if (same(&a->den, &b->den))
		return same(&a->num, &b->num);
	for (int i = 0; i < 4; i++)
		if (part[i]->digits.len > FRACTION_DIGITS)
			return 0;
	multiply(&x, &a->num, &b->den);
	multiply(&y, &b->num, &a->den);
	eq = same(&x, &y);
	if (x.digits.failed || y.digits.failed)
		eq = -1;
	decimal_free(&x);
	decimal_free(&y);
	return eq;
}

bool
digits_less(const char *a, size_t na, const char *b, size_t nb)
{
	while (na && *a == '0')
		a++, na--;
	while (nb && *b == '0')
		b++, nb--;
	return na != nb ? na < nb : memcmp(a, b, na) < 0;
}

static void
decimal_print(const struct decimal *d, struct strbuf *out)
{
	long n = (long)d->digits.len, point = n + d->exp; /* digits in front of the point */

	if (!n) {
		strbuf_char(out, '0');
		return;
	}
	if (point > n + 400 || point < -400) { /* 1e999 stays short */
		strbuf_add(out, d->digits.s, d->digits.len);
		strbuf_printf(out, "e%ld", d->exp);
		return;
	}
	if (point <= 0)
		strbuf_str(out, "0.");
	for (long i = point; i < 0; i++)
		strbuf_char(out, '0');
	for (long i = 0; i < n || i < point; i++) {
		if (i == point && i)
			strbuf_char(out, '.');
		strbuf_char(out, i < n ? d->digits.s[i] : '0');
	}
}

void
fraction_print(const struct fraction *f, struct strbuf *out)
{
	bool whole = f->den.digits.len == 1 && f->den.digits.s[0] == '1' && !f->den.exp;

	if (f->neg)
		strbuf_char(out, '-');
	decimal_print(&f->num, out);
	if (whole)
		return;
	strbuf_char(out, '/');
	decimal_print(&f->den, out);
}

void
fraction_free(struct fraction *f)
{
	decimal_free(&f->num);
	decimal_free(&f->den);
}
