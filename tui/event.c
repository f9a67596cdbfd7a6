#include "tui/event.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tui/utf8.h"
#include <utf8proc.h>

static const struct {
	const char *name;
	int key;
} key_names[] = {
	{"Enter", K_ENTER},
	{"Tab", K_TAB},
	{"Esc", K_ESC},
	{"Space", K_SPACE},
	{"Up", K_UP},
	{"Down", K_DOWN},
	{"Left", K_LEFT},
	{"Right", K_RIGHT},
	{"Home", K_HOME},
	{"End", K_END},
	{"PgUp", K_PAGE_UP},
	{"PgDn", K_PAGE_DOWN},
	{"Insert", K_INSERT},
	{"Delete", K_DELETE},
	{"Backspace", K_BACKSPACE},
	{"Shift-Tab", K_BACK_TAB},
	{"Semicolon", ';'}, /* in t2tui.conf it would begin a comment */
	{"F1", K_F1},
	{"F2", K_F1 + 1},
	{"F3", K_F1 + 2},
	{"F4", K_F1 + 3},
	{"F5", K_F1 + 4},
	{"F6", K_F1 + 5},
	{"F7", K_F1 + 6},
	{"F8", K_F1 + 7},
	{"F9", K_F1 + 8},
	{"F10", K_F1 + 9},
	{"F11", K_F1 + 10},
	{"F12", K_F1 + 11},
};

enum { NKEY_NAMES = sizeof key_names / sizeof *key_names };

static int
key_find(const char *s, size_t n)
{
	utf8proc_int32_t cp;

	for (int i = 0; i < NKEY_NAMES; i++)
		if (strlen(key_names[i].name) == n && !memcmp(key_names[i].name, s, n))
			return key_names[i].key;
	if (utf8proc_iterate((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)n, &cp) ==
		    (utf8proc_ssize_t)n &&
	    cp > 0x20 && cp != 0x7f)
		return cp;
	return K_NONE;
}

int
key_parse(const char **s)
{
	static const struct {
		const char *prefix;
		int bit;
	} mods[] = {{"Ctrl-", K_CTRL}, {"Alt-", K_ALT}, {"Shift-", K_SHIFT}};
	const char *p = *s + strspn(*s, " ");
	size_t n = strcspn(p, " "), len = n;
	const char *k = p;
	int bits = 0, key;

	if (!n)
		return K_NONE;
	while (!(key = key_find(k, len))) {
		int i;

		for (i = 0; i < 3; i++) {
			size_t m = strlen(mods[i].prefix);

			if (len > m && !memcmp(k, mods[i].prefix, m)) {
				bits |= mods[i].bit;
				k += m;
				len -= m;
				break;
			}
		}
		if (i == 3)
			return K_NONE;
	}
	*s = p + n;
	return key | bits;
}

const char *
key_text(int key, char *buf)
{
	int base = key & ~(K_ALT | K_CTRL | K_SHIFT);
	char text[5] = {0};
	const char *name = NULL;

	for (int i = 0; i < NKEY_NAMES && !name; i++)
		if (key_names[i].key == base)
			name = key_names[i].name;
	if (!name) {
		if (base == '\n') {
			base = 'j';
			key |= K_CTRL;
		}
		glyph_put(base, text);
		name = text;
	}
	snprintf(buf, 24, "%s%s%s%s", key & K_CTRL ? "Ctrl-" : "", key & K_ALT ? "Alt-" : "",
		 key & K_SHIFT ? "Shift-" : "", name);
	return buf;
}

struct node {
	struct node *next;
	struct event e;
};

struct event_queue {
	pthread_mutex_t lock;
	struct node *first, **last;
	int rd, wr;
	atomic_bool awake; /* a byte is in the pipe already */
};

struct event_queue *
event_queue_new(void)
{
	struct event_queue *q = calloc(1, sizeof *q);
	int fd[2];

	if (!q)
		return NULL;
	if (pipe2(fd, O_CLOEXEC | O_NONBLOCK)) {
		free(q);
		return NULL;
	}
	q->rd = fd[0];
	q->wr = fd[1];
	q->last = &q->first;
	pthread_mutex_init(&q->lock, NULL);
	return q;
}

void
event_queue_free(struct event_queue *q)
{
	struct event e;

	if (!q)
		return;
	while (event_take(q, &e))
		event_drop(&e);
	close(q->rd);
	close(q->wr);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

void
event_wake(struct event_queue *q)
{
	if (atomic_exchange(&q->awake, true))
		return;
	/* A full pipe wakes as well as one more byte does. */
	if (write(q->wr, "", 1) < 0)
		return;
}

bool
event_post(struct event_queue *q, const void *to, int type, void *data, void (*drop)(void *))
{
	struct node *n = calloc(1, sizeof *n);

	if (!n) {
		if (drop && data)
			drop(data);
		return false;
	}
	n->e = (struct event){to, type, data, drop};
	pthread_mutex_lock(&q->lock);
	*q->last = n;
	q->last = &n->next;
	pthread_mutex_unlock(&q->lock);
	event_wake(q);
	return true;
}

int
event_fd(const struct event_queue *q)
{
	return q->rd;
}

void
event_drain(struct event_queue *q)
{
	char buf[64];

	/*
	 * The flag last: cleared before, a byte written in between would be read here with the flag left set, and
	 * nothing would ever wake again.  What was posted until now is taken after this without a byte.
	 */
	while (read(q->rd, buf, sizeof buf) > 0)
		;
	atomic_store(&q->awake, false);
}

bool
event_take(struct event_queue *q, struct event *out)
{
	struct node *n;

	pthread_mutex_lock(&q->lock);
	n = q->first;
	if (n) {
		q->first = n->next;
		if (!q->first)
			q->last = &q->first;
	}
	pthread_mutex_unlock(&q->lock);
	if (!n)
		return false;
	*out = n->e;
	free(n);
	return true;
}

void
event_drop(struct event *e)
{
	if (e->drop && e->data)
		e->drop(e->data);
	e->data = NULL;
}
