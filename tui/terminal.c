#include "tui/terminal.h"

#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "engine/base/job.h"
#include "tui/rescue.h"
#include "tui/terminal_impl.h"
#include "tui/utf8.h"

enum { TK_MOUSE = 0x7000, TK_PASTE, TK_PASTE_END, TK_MODIFIED };
enum { PASTE_MAX = 1 << 20, PASTE_GAP = 5, COPY_MAX = 74994 }; /* xterm's limit for OSC 52 */

static const char mouse_on[] = "\033[?1000h\033[?1002h\033[?1006h";
static const char mouse_off[] = "\033[?1006l\033[?1002l\033[?1000l";
static const char paste_on[] = "\033[?2004h", paste_off[] = "\033[?2004l";
static const char paste_end[] = "\033[201~";

static void
modes_on(struct terminal *t)
{
	terminal_put_cap(t, cursor_invisible);
	if (t->has_mouse) {
		terminal_put(t, paste_on);
		if (t->mouse)
			terminal_put(t, mouse_on);
	}
	terminal_send(t);
	t->all = true;
	t->now_known = false;
}

static void
modes_off(struct terminal *t)
{
	if (t->has_mouse) {
		terminal_put(t, mouse_off);
		terminal_put(t, paste_off);
	}
	terminal_put_cap(t, exit_attribute_mode);
	terminal_put_cap(t, cursor_normal);
	if (!exit_ca_mode && t->h > 0 &&
	    clr_eol) { /* no other screen to go back to: a clean line at least */
		terminal_put_cap(t, tparm(cursor_address, t->h - 1, 0, 0, 0, 0, 0, 0, 0, 0));
		terminal_put_cap(t, clr_eol);
	}
	terminal_send(t);
}

static void
keys_define(void)
{
	static const struct {
		const char *seq;
		int key;
	} more[] = {
		{"\033[<", TK_MOUSE}, {"\033[200~", TK_PASTE}, {paste_end, TK_PASTE_END},
		{"\033[Z", KEY_BTAB}, {"\033[1~", KEY_HOME},   {"\033[4~", KEY_END},
		{"\033[H", KEY_HOME}, {"\033[F", KEY_END},     {"\033[1;", TK_MODIFIED},
		{"\033[A", KEY_UP},   {"\033[B", KEY_DOWN},    {"\033[C", KEY_RIGHT},
		{"\033[D", KEY_LEFT},
	};

	for (size_t i = 0; i < sizeof more / sizeof *more; i++)
		define_key(more[i].seq, more[i].key);
}

/* Only where the terminal itself says nothing: the variables are left over from some other size as often as not. */
static int
size_told(const char *name, int otherwise)
{
	const char *v = getenv(name);
	long n = v ? strtol(v, NULL, 10) : 0;

	return n > 0 && n < 10000 ? (int)n : otherwise;
}

/* What the terminal says, else the variables, else what is usual. */
static void
size_find(int usual_w, int usual_h, int *w, int *h)
{
	struct winsize ws = {0};

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws))
		ws.ws_col = ws.ws_row = 0;
	*w = ws.ws_col ? ws.ws_col : size_told("COLUMNS", usual_w);
	*h = ws.ws_row ? ws.ws_row : size_told("LINES", usual_h);
	*w = *w > 1000 ? 1000 : *w;
	*h = *h > 400 ? 400 : *h;
}

static void
env_put(const char *name, const char *value)
{
	if (value)
		setenv(name, value, 1);
	else
		unsetenv(name);
}

/* curses believes LINES and COLUMNS before anything else, and asks for the memory: for this call they are right. */
static SCREEN *
screen_new(void)
{
	const char *l = getenv("LINES"), *c = getenv("COLUMNS");
	char *lines_was = l ? strdup(l) : NULL, *columns_was = c ? strdup(c) : NULL, text[16];
	SCREEN *s;
	int w, h;

	size_find(80, 24, &w, &h);
	snprintf(text, sizeof text, "%d", w);
	setenv("COLUMNS", text, 1);
	snprintf(text, sizeof text, "%d", h);
	setenv("LINES", text, 1);
	s = newterm(NULL, stdout, stdin);
	env_put("LINES", lines_was);
	env_put("COLUMNS", columns_was);
	free(lines_was);
	free(columns_was);
	return s;
}

enum t2_status
terminal_open(struct terminal **out, const struct terminal_options *opt, struct t2_err *err)
{
	const char *term = getenv("TERM"), *set;
	struct terminal *t;
	int rc = 0;
	bool able;

	*out = NULL;
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return t2_fail(
			err, T2_EUNSUP,
			"screen: stdin and stdout must be a terminal; \"t2tui --help\" lists "
			"what works without one");
	if (!term || !*term || !strcmp(term, "dumb"))
		return t2_fail(err, T2_EUNSUP,
			       "screen: TERM is \"%s\": a terminal that can place "
			       "the cursor is needed",
			       term ? term : "");
	if (setupterm(term, STDOUT_FILENO, &rc) != OK)
		return t2_fail(err, T2_EUNSUP, "screen: TERM is \"%s\": %s", term,
			       rc == 0 ? "no such entry in the terminfo database"
				       : "no terminfo database found");
	able = cursor_address && clear_screen;
	del_curterm(cur_term); /* newterm() makes its own */
	if (!able)
		return t2_fail(
			err, T2_EUNSUP,
			"screen: TERM is \"%s\": a terminal that can place the cursor is needed",
			term);
	t = calloc(1, sizeof *t);
	if (!t)
		return t2_nomem(err, "screen");
	if (!rescue_open(err)) {
		free(t);
		return T2_EIO;
	}
	t->screen = screen_new();
	t->input = t->screen ? newpad(1, 1) : NULL;
	if (!t->input) {
		if (t->screen) {
			endwin();
			delscreen(t->screen);
		}
		rescue_close();
		free(t);
		return t2_fail(err, T2_EUNSUP, "screen: curses cannot start on TERM \"%s\"", term);
	}
	raw();
	noecho();
	nonl();
	keypad(t->input, TRUE);
	nodelay(t->input, TRUE);
	set_escdelay(25);
	keys_define();
	refresh();
	set = nl_langinfo(CODESET);
	t->glyphs = opt->glyphs >= 0 ? (enum glyph_level)opt->glyphs
		    : set && !strcmp(set, "UTF-8")
			    ? (strcmp(term, "linux") ? GLYPHS_BRAILLE : GLYPHS_BLOCK)
			    : GLYPHS_ASCII;
	t->depth = opt->depth >= 0 ? (enum color_depth)opt->depth
				   : color_detect(tigetnum("colors"), tigetflag("RGB") > 0);
	t->has_mouse = (tigetstr("XM") && tigetstr("XM") != (char *)-1) || key_mouse;
	t->mouse = opt->mouse;
	if (t->has_mouse) {
		rescue_add(mouse_off);
		rescue_add(paste_off);
	}
	rescue_add(exit_attribute_mode);
	rescue_add(cursor_normal);
	rescue_add(keypad_local);
	rescue_add(exit_ca_mode);
	rescue_arm();
	modes_on(t);
	*out = t;
	return T2_OK;
}

void
terminal_close(struct terminal *t)
{
	if (!t)
		return;
	modes_off(t);
	endwin();
	rescue_close();
	delwin(t->input);
	delscreen(t->screen);
	strbuf_free(&t->out);
	strbuf_free(&t->paste);
	free(t->front);
	free(t);
}

int
terminal_fd(const struct terminal *t)
{
	(void)t;
	return STDIN_FILENO;
}

int
terminal_signal_fd(const struct terminal *t)
{
	(void)t;
	return rescue_fd();
}

int
terminal_signal(struct terminal *t)
{
	(void)t;
	return rescue_signal();
}

void
terminal_size(struct terminal *t, int *w, int *h)
{
	(void)t;
	size_find(columns > 0 ? columns : 80, lines > 0 ? lines : 24, w, h);
}

enum color_depth
terminal_depth(const struct terminal *t)
{
	return t->depth;
}

enum glyph_level
terminal_glyphs(const struct terminal *t)
{
	return t->glyphs;
}

void
terminal_mouse(struct terminal *t, bool on)
{
	t->mouse = on;
	if (!t->has_mouse)
		return;
	terminal_put(t, on ? mouse_on : mouse_off);
	terminal_send(t);
}

bool
terminal_has_mouse(const struct terminal *t)
{
	return t->has_mouse;
}

void
terminal_repaint(struct terminal *t)
{
	t->all = true;
}

void
terminal_suspend(struct terminal *t)
{
	modes_off(t);
	endwin();
	rescue_stop();
	clearok(curscr, TRUE);
	refresh();
	modes_on(t);
}

void
terminal_resume(struct terminal *t)
{
	reset_prog_mode();
	modes_on(t);
	t->all = true;
}

/* -- copying ------------------------------------------------------------------------------------------------ */

static void
base64(struct strbuf *b, const char *text, size_t n)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < n; i += 3) {
		unsigned v = (unsigned)(unsigned char)text[i] << 16;

		v |= i + 1 < n ? (unsigned)(unsigned char)text[i + 1] << 8 : 0;
		v |= i + 2 < n ? (unsigned)(unsigned char)text[i + 2] : 0;
		strbuf_char(b, digits[v >> 18]);
		strbuf_char(b, digits[v >> 12 & 63]);
		strbuf_char(b, i + 1 < n ? digits[v >> 6 & 63] : '=');
		strbuf_char(b, i + 2 < n ? digits[v & 63] : '=');
	}
}

/* As tmux and screen pass it on to the terminal outside: tmux whole with every ESC doubled, screen in pieces, of which it
 * takes at most 768 bytes. */
static void
pass_on(struct terminal *t, const struct strbuf *seq, bool tmux)
{
	enum { PIECE = 700 };
	size_t piece = tmux ? seq->len : PIECE;

	for (size_t at = 0; at < seq->len; at += piece) {
		size_t n = seq->len - at < piece ? seq->len - at : piece;

		terminal_put(t, tmux ? "\033Ptmux;\033"
				     : "\033P"); /* the only ESC is the first byte */
		strbuf_add(&t->out, seq->s + at, n);
		terminal_put(t, "\033\\");
	}
}

static bool
is_set(const char *name)
{
	const char *v = getenv(name);

	return v && *v;
}

enum terminal_copied
terminal_copy(struct terminal *t, const char *text, size_t n)
{
	bool tmux = is_set("TMUX"), screen = !tmux && is_set("STY");
	struct strbuf seq = {0};

	if (!t->has_mouse) /* not of xterm's kin: it would write the sequence on the screen */
		return COPY_UNABLE;
	if (n > COPY_MAX)
		return COPY_TOO_LONG;
	strbuf_str(&seq, "\033]52;c;");
	base64(&seq, text, n);
	strbuf_char(&seq, '\a');
	/* tmux with set-clipboard takes the plain one itself; with allow-passthrough it lets the other through. */
	if (!screen)
		strbuf_add(&t->out, seq.s, seq.len);
	if (tmux || screen)
		pass_on(t, &seq, tmux);
	strbuf_free(&seq);
	terminal_send(t);
	return COPY_SENT;
}

/* -- input -------------------------------------------------------------------------------------------------- */

/* The next curses key or character; false: none there. */
static bool
read_key(struct terminal *t, wint_t *ch, bool *special)
{
	int rc;

	rc = wget_wch(t->input, ch);
	if (rc == ERR)
		return false;
	*special = rc == KEY_CODE_YES;
	return true;
}

/* Like read_key() for the rest of a sequence that has begun: waits a little for it. */
static bool
read_more(struct terminal *t, wint_t *ch, bool *special)
{
	struct pollfd p = {STDIN_FILENO, POLLIN, 0};

	return read_key(t, ch, special) || (poll(&p, 1, 100) > 0 && read_key(t, ch, special));
}

static int
utf8_of(wint_t ch, char out[4])
{
	return glyph_put((long)ch, out);
}

/* Its end, torn by a pause, so that curses took it for an Esc and text. */
static bool
torn_end(struct strbuf *b)
{
	size_t n = strlen(paste_end);

	if (b->len < n || memcmp(b->s + b->len - n, paste_end, n))
		return false;
	b->s[b->len -= n] = 0;
	return true;
}

/* A long paste comes in pieces, over a slow line with pauses: what follows a pause are no keys.  Only after PASTE_GAP
 * seconds without its end it is taken for ended. */
static bool
read_paste(struct terminal *t, struct input *in)
{
	double now = clock_seconds();
	bool special, ended = now - t->paste_at > PASTE_GAP;
	wint_t ch;

	while (!ended && read_key(t, &ch, &special)) {
		char u[4];

		t->paste_at = now;
		ended = special && ch == TK_PASTE_END;
		if (special || t->paste.len > PASTE_MAX)
			continue;
		if (ch == '\r')
			ch = '\n';
		strbuf_add(&t->paste, u, (size_t)utf8_of(ch, u));
		ended = ch == '~' && torn_end(&t->paste);
	}
	if (!ended)
		return false;
	t->pasting = false;
	in->kind = IN_PASTE;
	in->text = strbuf_take(&t->paste);
	return in->text != NULL;
}

/* ESC [ < has been read: BUTTON ; X ; Y and M or m. */
static bool
read_mouse(struct terminal *t, struct input *in)
{
	int v[3] = {0}, i = 0;
	bool special;
	wint_t ch;

	while (read_more(t, &ch, &special) && !special) {
		if (ch >= '0' && ch <= '9') {
			if (v[i] < 10000)
				v[i] = v[i] * 10 + (int)(ch - '0');
		} else if (ch == ';' && i < 2) {
			i++;
		} else {
			break;
		}
	}
	if (special || (ch != 'M' && ch != 'm') || i != 2)
		return false;
	in->kind = IN_MOUSE;
	in->mouse.x = v[1] - 1;
	in->mouse.y = v[2] - 1;
	in->mouse.button = (v[0] & 3) + 1;
	if (v[0] & 64)
		in->mouse.kind = v[0] & 1 ? MOUSE_WHEEL_DOWN : MOUSE_WHEEL_UP;
	else if (ch == 'm')
		in->mouse.kind = MOUSE_RELEASE;
	else
		in->mouse.kind = v[0] & 32 ? MOUSE_DRAG : MOUSE_PRESS;
	return (v[0] & 64) ? (v[0] & 3) < 2 : true;
}

/* ESC [ 1 ; has been read: MODIFIERS and a letter. */
static int
read_modified(struct terminal *t)
{
	static const char letters[] = "ABCDHF";
	static const int keys[] = {K_UP, K_DOWN, K_RIGHT, K_LEFT, K_HOME, K_END};
	int mod = 0, key = K_NONE;
	bool special;
	wint_t ch;

	while (read_more(t, &ch, &special) && !special && ch >= '0' && ch <= '9' && mod < 100)
		mod = mod * 10 + (int)(ch - '0');
	for (int i = 0; letters[i]; i++)
		if (!special && ch == (wint_t)letters[i])
			key = keys[i];
	mod = mod > 0 ? mod - 1 : 0;
	return key ? key | (mod & 1 ? K_SHIFT : 0) | (mod & 2 ? K_ALT : 0) | (mod & 4 ? K_CTRL : 0)
		   : K_NONE;
}

static int
key_of(wint_t ch, bool special)
{
	if (!special) {
		if (ch == 127 || ch == 8)
			return K_BACKSPACE;
		if (ch == '\r' || ch == '\n' || ch == '\t' || ch == 27)
			return (int)ch;
		if (ch == 0)
			return ' ' | K_CTRL;
		if (ch < 27)
			return (int)(ch + 'a' - 1) | K_CTRL;
		if (ch < 32)
			return (int)(ch + '@') | K_CTRL;
		return ch < K_FIRST ? (int)ch : K_NONE;
	}
	switch (ch) {
	case KEY_UP:
		return K_UP;
	case KEY_DOWN:
		return K_DOWN;
	case KEY_LEFT:
		return K_LEFT;
	case KEY_RIGHT:
		return K_RIGHT;
	case KEY_SLEFT:
		return K_LEFT | K_SHIFT;
	case KEY_SRIGHT:
		return K_RIGHT | K_SHIFT;
	case KEY_HOME:
		return K_HOME;
	case KEY_END:
	case KEY_LL:
		return K_END;
	case KEY_PPAGE:
		return K_PAGE_UP;
	case KEY_NPAGE:
		return K_PAGE_DOWN;
	case KEY_IC:
		return K_INSERT;
	case KEY_DC:
		return K_DELETE;
	case KEY_BACKSPACE:
		return K_BACKSPACE;
	case KEY_BTAB:
		return K_BACK_TAB;
	case KEY_ENTER:
		return K_ENTER;
	default:
		if (ch >= KEY_F(1) && ch <= KEY_F(12))
			return K_F1 + (int)(ch - KEY_F(1));
		return K_NONE;
	}
}

/* A terminal that is gone polls as readable for ever; curses only says ERR. */
static void
check_gone(struct terminal *t)
{
	struct pollfd p = {STDIN_FILENO, POLLIN, 0};
	int left = 0;

	if (poll(&p, 1, 0) > 0 &&
	    ((p.revents & (POLLHUP | POLLERR | POLLNVAL)) ||
	     (p.revents & POLLIN && !ioctl(STDIN_FILENO, FIONREAD, &left) && left == 0)))
		t->eof = true;
}

bool
terminal_input(struct terminal *t, struct input *in)
{
	bool special;
	wint_t ch;

	memset(in, 0, sizeof *in);
	for (;;) {
		if (t->pasting && read_paste(t, in))
			return true;
		if (t->pasting || !read_key(t, &ch, &special)) {
			check_gone(t);
			if (!t->eof)
				return false;
			in->kind = IN_EOF;
			return true;
		}
		if (special && ch == TK_MOUSE) {
			if (read_mouse(t, in))
				return true;
			continue;
		}
		if (special && ch == TK_PASTE) {
			t->pasting = true;
			t->paste_at = clock_seconds();
			continue;
		}
		in->kind = IN_KEY;
		if (special && ch == TK_MODIFIED)
			in->key = read_modified(t);
		else
			in->key = key_of(ch, special);
		if (!special && ch == 27 && read_key(t, &ch, &special)) {
			/* ESC and a key at once: Alt. */
			in->key = key_of(ch, special);
			if (in->key && in->key != K_ESC)
				in->key |= K_ALT;
		}
		if (in->key)
			return true;
	}
}
