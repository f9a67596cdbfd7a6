/* event.h - what happens: keys and mouse from the terminal, and messages from worker threads.
 *
 *	worker:	event_post(q, &ask_view, ASK_TOKEN, tok, free);	// any thread; the queue owns tok now
 *	UI:	poll(event_fd(q)); while (event_take(q, &e)) { deliver(&e); event_drop(&e); }
 *
 * Keys are code points, or K_ values above all of them, with modifier bits or'ed in. */
#ifndef T2_EVENT_H
#define T2_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum key_code {
	K_NONE = 0,
	K_ENTER = '\r', /* Ctrl-J is a key of its own: '\n' */
	K_TAB = '\t',
	K_ESC = 27,
	K_SPACE = ' ',
	K_FIRST = 0x110000, /* above every code point */
	K_UP,
	K_DOWN,
	K_LEFT,
	K_RIGHT,
	K_HOME,
	K_END,
	K_PAGE_UP,
	K_PAGE_DOWN,
	K_INSERT,
	K_DELETE,
	K_BACKSPACE,
	K_BACK_TAB,
	K_F1, /* .. K_F1 + 11 */
	K_LAST = K_F1 + 11,
	K_ALT = 1 << 24,
	K_CTRL = 1 << 25,  /* with letters: 'l' | K_CTRL */
	K_SHIFT = 1 << 26, /* with named keys only; a capital letter is its own code point */
};

/* "j", "Ctrl-l", "Alt-Enter", "PgDn", "Space" ...; returns the first key of the space-separated list s and moves *s
 * behind it; K_NONE at the end or where a name is unknown (then *s stays). */
int key_parse(const char **s);
/* The name in the same notation; buf[24]. */
const char *key_text(int key, char *buf);
/* The character that a key types: a printable code point without modifiers, else 0. */
static inline int
key_char(int key)
{
	return key >= 0x20 && key != 0x7f && key < K_FIRST ? key : 0;
}

enum mouse_kind { MOUSE_PRESS, MOUSE_DRAG, MOUSE_RELEASE, MOUSE_WHEEL_UP, MOUSE_WHEEL_DOWN };

struct mouse {
	enum mouse_kind kind;
	int x, y;
	int button; /* 1 left, 2 middle, 3 right */
};

enum input_kind { IN_NONE, IN_KEY, IN_MOUSE, IN_PASTE, IN_EOF };

struct input {
	enum input_kind kind;
	int key;
	struct mouse mouse;
	char *text; /* IN_PASTE: the taker frees it */
};

struct event {
	const void *to; /* the view_ops it is for; NULL: every open view */
	int type;	/* the receiver's own numbering */
	void *data;
	void (*drop)(void *data);
};

struct event_queue;

struct event_queue *event_queue_new(void);    /* NULL: no memory, no pipe */
void event_queue_free(struct event_queue *q); /* drops what is in it */
/* data is dropped at once where there is no memory for the event; returns whether it was queued. */
bool event_post(struct event_queue *q, const void *to, int type, void *data, void (*drop)(void *));
void event_wake(
	struct event_queue *q); /* any thread, signal handlers too: poll() returns, nothing else */
int event_fd(const struct event_queue *q);
void event_drain(struct event_queue *q); /* empties the pipe; before event_take() */
bool event_take(struct event_queue *q, struct event *out);
void event_drop(struct event *e);

#endif
