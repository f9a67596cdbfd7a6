/* Rows of the screen, measured through a pseudo-terminal: the group "tui". */
#include <stdlib.h>
#include <unistd.h>

#include "engine/base/job.h"
#include "tui/bench/rows.h"
#include "tui/bench/screen.h"

enum { KEYS = 40, LETTERS = 50, VIEWS = 9, ASKS = 4 };

/* One workbench for all repetitions of a row, and what they have seen together. */
struct watched {
	struct screen s;
	double *x; /* every key's time or every frame's bytes */
	int n, cap, keys;
	double most, bytes;
};

static void
note(struct watched *w, double x)
{
	if (w->n == w->cap) {
		int cap = w->cap ? 2 * w->cap : 256;
		double *grown = realloc(w->x, (size_t)cap * sizeof *grown);

		if (!grown)
			return;
		w->x = grown;
		w->cap = cap;
	}
	w->x[w->n++] = x;
	w->most = x > w->most ? x : w->most;
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The smallest that so large a share of those from `from` on do not exceed. */
static double
quantile(struct watched *w, int from, double share)
{
	int n = w->n - from, k = (int)(share * n + 0.999999) - 1;

	if (n < 1)
		return 0;
	qsort(w->x + from, (size_t)n, sizeof *w->x, by_size);
	return w->x[from + (k < 0 ? 0 : k)];
}

static enum t2_status
watched_open(struct watched *w, int view, const char *text, bool training, struct t2_err *err)
{
	enum t2_status st = screen_open(&w->s, err);

	if (!st)
		st = screen_start(&w->s, view, text, err);
	if (!st) {
		screen_rest(&w->s, 0.5);
		if (training)
			st = screen_train(&w->s, err);
	}
	return st;
}

static void
watched_close(struct watched *w)
{
	screen_close(&w->s);
	free(w->x);
}

/* -- first screen, and a key's whole frame --------------------------------------------------------------------- */

static enum t2_status
first_once(void *arg, double *value, struct t2_err *err)
{
	struct screen *s = arg;
	double t0 = clock_seconds();
	enum t2_status st = screen_start(s, 2, "effective rank", err);

	*value = (clock_seconds() - t0) * 1e3;
	screen_stop(s);
	return st;
}

enum t2_status
row_first_screen(struct bench *b, struct bench_result *r, struct t2_err *err)
{
	struct screen s;
	enum t2_status st = screen_open(&s, err);

	if (!st)
		st = bench_repeat(b, r, false, first_once, &s, err);
	if (!st)
		bench_detail(
			r, "on the sample, 200 x 60, from exec to the map's name on the terminal");
	screen_close(&s);
	return st;
}

static enum t2_status
frame_once(void *arg, double *value, struct t2_err *err)
{
	struct watched *w = arg;
	int from = w->n;

	for (int i = 0; i < KEYS; i++) {
		double t0 = clock_seconds(), last = t0;
		struct screen_frame f;
		enum t2_status st = screen_key(&w->s, i % 2 ? "k" : "j", err);

		if (st)
			return st;
		for (double wait = 0.2; screen_frame(&w->s, wait, &f); wait = 0.004) {
			w->bytes += (double)f.n;
			last = f.at;
		}
		w->keys++;
		note(w, (last - t0) * 1e3);
	}
	*value = quantile(w, from, 0.5);
	return screen_alive(&w->s, err);
}

enum t2_status
row_frame(struct bench *b, struct bench_result *r, struct t2_err *err)
{
	struct watched w = {0};
	enum t2_status st = watched_open(&w, 2, "effective rank", true, err);

	if (!st)
		st = bench_repeat(b, r, false, frame_once, &w, err);
	if (!st)
		bench_detail(r,
			     "from a key in Spectrum to the last byte of its screen, 200 x 60, a "
			     "trainer on all cores; %.0f bytes a key",
			     w.keys ? w.bytes / w.keys : 0);
	watched_close(&w);
	return st;
}

/* -- bytes a frame ------------------------------------------------------------------------------------------- */

/* The largest frame that comes before the screen rests; 0: none came.  Every frame is noted where all is. */
static double
largest(struct watched *w, double rest, bool all)
{
	struct screen_frame f;
	double most = 0;

	for (double wait = 0.5; screen_frame(&w->s, wait, &f); wait = rest) {
		most = (double)f.n > most ? (double)f.n : most;
		if (all)
			note(w, (double)f.n);
	}
	if (!all && most > 0)
		note(w, most);
	return most;
}

static enum t2_status
nothing_came(const char *keys, struct t2_err *err)
{
	return t2_fail(err, T2_EIO, "bench: the key %s brought nothing on the screen", keys);
}

static enum t2_status
move_once(void *arg, double *value, struct t2_err *err)
{
	static const char *const way[] = {"j", "l", "k", "h"};
	struct watched *w = arg;
	int from = w->n;

	for (int i = 0; i < KEYS; i++) {
		enum t2_status st = screen_key(&w->s, way[i % 4], err);

		if (st)
			return st;
		if (largest(w, 0.02, false) <= 0)
			return nothing_came(way[i % 4], err);
	}
	*value = quantile(w, from, 0.5);
	return screen_alive(&w->s, err);
}

static enum t2_status
views_once(void *arg, double *value, struct t2_err *err)
{
	struct watched *w = arg;
	int from = w->n;

	for (int i = 0; i < VIEWS; i++) {
		const char key[] = {(char)('1' + (i + 2) % VIEWS), 0}; /* 3 .. 9, 1, 2 */
		enum t2_status st = screen_key(&w->s, key, err);

		if (st)
			return st;
		if (largest(w, 0.15, false) <= 0)
			return nothing_came(key, err);
	}
	*value = quantile(w, from, 0.5);
	return screen_alive(&w->s, err);
}

static enum t2_status
stream_once(void *arg, double *value, struct t2_err *err)
{
	struct watched *w = arg;
	int from = w->n;

	for (int i = 0; i < ASKS; i++) {
		enum t2_status st = screen_key(&w->s, "a", err);

		if (st)
			return st;
		if (largest(w, 0.5, true) <= 0)
			return nothing_came("a", err);
	}
	*value = quantile(w, from, 0.5);
	return screen_alive(&w->s, err);
}

/* what: of what the bytes are, and the count of it. */
static enum t2_status
bytes(struct bench *b, struct bench_result *r, int view, const char *text, bench_once *once,
      const char *what, struct t2_err *err)
{
	struct watched w = {0};
	enum t2_status st = watched_open(&w, view, text, false, err);

	if (!st)
		st = bench_repeat(b, r, false, once, &w, err);
	if (!st)
		bench_detail(r, "%s, 200 x 60; %d frames, the largest %.0f bytes", what, w.n,
			     w.most);
	watched_close(&w);
	return st;
}

enum t2_status
row_bytes_move(struct bench *b, struct bench_result *r, struct t2_err *err)
{
	return bytes(b, r, 2, "effective rank", move_once,
		     "median of the map's cursor moving in Spectrum", err);
}

enum t2_status
row_bytes_view(struct bench *b, struct bench_result *r, struct t2_err *err)
{
	return bytes(b, r, 2, "effective rank", views_once,
		     "median of the largest frame after each of the keys 1 to 9", err);
}

enum t2_status
row_bytes_stream(struct bench *b, struct bench_result *r, struct t2_err *err)
{
	return bytes(b, r, 5, "history", stream_once,
		     "median of the frames while Ask decides and answers", err);
}

/* -- from a key to its letter --------------------------------------------------------------------------------- */

static enum t2_status
letter(struct watched *w, char c, struct t2_err *err)
{
	const char key[] = {c, 0};
	double t0 = clock_seconds();
	struct screen_frame f;
	enum t2_status st = screen_key(&w->s, key, err);

	while (!st && screen_frame(&w->s, 2, &f))
		if (screen_prints(&f, c)) {
			note(w, (f.at - t0) * 1e3);
			return T2_OK;
		}
	return st ? st : nothing_came(key, err);
}

static enum t2_status
letters_once(void *arg, double *value, struct t2_err *err)
{
	/* letters that no word of the screen has next to what changes there */
	static const char some[] = "qxzvwjkyfb";
	struct watched *w = arg;
	int from = w->n;
	enum t2_status st = screen_key(&w->s, "\025", err); /* Ctrl-u: an empty line again */

	usleep(100000);
	for (int i = 0; i < LETTERS && !st; i++) {
		struct screen_frame f;

		/* at no beat that the program might keep, too */
		for (double until = clock_seconds() + 0.03 + 0.0011 * (i % 17);
		     clock_seconds() < until;)
			screen_frame(&w->s, until - clock_seconds(), &f);
		st = letter(w, some[i % (int)(sizeof some - 1)], err);
	}
	if (st)
		return st;
	*value = quantile(w, from, 0.95);
	return screen_alive(&w->s, err);
}

static enum t2_status
letters(struct bench *b, struct bench_result *r, bool training, struct t2_err *err)
{
	struct watched w = {0};
	enum t2_status st = watched_open(&w, 5, "history", training, err);

	if (!st)
		st = screen_key(&w.s, "e", err);
	if (!st)
		st = bench_repeat(b, r, false, letters_once, &w, err);
	if (!st)
		bench_detail(
			r,
			"95 of 100 letters typed into Ask's prompt, 200 x 60%s; median %.2f ms, "
			"worst of %d %.1f ms",
			training ? ", a trainer on all cores" : "", quantile(&w, 0, 0.5), w.n,
			w.most);
	watched_close(&w);
	return st;
}

enum t2_status
row_key(struct bench *b, struct bench_result *r, struct t2_err *err)
{
	return letters(b, r, false, err);
}

enum t2_status
row_key_training(struct bench *b, struct bench_result *r, struct t2_err *err)
{
	return letters(b, r, true, err);
}

/* -- nothing moves -------------------------------------------------------------------------------------------- */

static const double idle_seconds = 3;

static enum t2_status
idle_bytes_once(void *arg, double *value, struct t2_err *err)
{
	struct watched *w = arg;

	*value = (double)screen_bytes(&w->s, idle_seconds);
	return screen_alive(&w->s, err);
}

static enum t2_status
idle_cpu_once(void *arg, double *value, struct t2_err *err)
{
	struct watched *w = arg;
	double before = screen_cpu(&w->s);

	usleep((useconds_t)(idle_seconds * 1e6));
	*value = screen_cpu(&w->s) - before;
	return screen_alive(&w->s, err);
}

static enum t2_status
idle(struct bench *b, struct bench_result *r, bench_once *once, struct t2_err *err)
{
	struct watched w = {0};
	enum t2_status st = watched_open(&w, 2, "effective rank", false, err);

	if (!st) {
		screen_rest(&w.s, 2); /* what the first screen still brings, messages that go */
		st = bench_repeat(b, r, false, once, &w, err);
	}
	if (!st)
		bench_detail(r, "in %.0f s of Spectrum without a key, 200 x 60", idle_seconds);
	watched_close(&w);
	return st;
}

enum t2_status
row_idle_bytes(struct bench *b, struct bench_result *r, struct t2_err *err)
{
	return idle(b, r, idle_bytes_once, err);
}

enum t2_status
row_idle_cpu(struct bench *b, struct bench_result *r, struct t2_err *err)
{
	return idle(b, r, idle_cpu_once, err);
}
