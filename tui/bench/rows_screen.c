/* Rows of the screen: this very program in a pseudo-terminal of its own, on the sample, with a store of its own. */
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tui/bench/rows.h"

enum { KEYS = 40 };

struct screen {
	char dir[64], exe[1024], store[128];
	pid_t ui, trainer;
	int fd;
};

static enum t2_status
screen_open(struct screen *s, struct t2_err *err)
{
	ssize_t n = readlink("/proc/self/exe", s->exe, sizeof s->exe - 1);

	s->fd = -1;
	snprintf(s->dir, sizeof s->dir, "/tmp/t2bench.XXXXXX");
	if (n <= 0 || !mkdtemp(s->dir))
		return t2_fail(err, T2_EIO, "bench: no folder for a store: %s", strerror(errno));
	s->exe[n] = 0;
	snprintf(s->store, sizeof s->store, "%s/t2.db", s->dir);
	return T2_OK;
}

static void
reap(pid_t *pid, int sig)
{
	if (*pid > 0) {
		kill(*pid, sig);
		waitpid(*pid, NULL, 0);
	}
	*pid = 0;
}

static void
screen_stop(struct screen *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	reap(&s->ui, SIGTERM);
}

static void
screen_close(struct screen *s)
{
	char path[200];
	static const char *const name[] = {"t2.db", "t2.db-wal", "t2.db-shm"};

	screen_stop(s);
	reap(&s->trainer, SIGKILL);
	for (int i = 0; i < 3 && s->dir[0]; i++) {
		snprintf(path, sizeof path, "%s/%s", s->dir, name[i]);
		unlink(path);
	}
	if (s->dir[0])
		rmdir(s->dir);
}

/* Reads what comes within ms; the bytes (0: nothing came), -1: the other side has ended. */
static ssize_t
take(struct screen *s, char *buf, size_t size, int ms)
{
	struct pollfd p = {.fd = s->fd, .events = POLLIN};

	if (poll(&p, 1, ms) <= 0)
		return 0;
	return read(s->fd, buf, size);
}

/* Starts the workbench and reads until its first screen stands there. */
static enum t2_status
start(struct screen *s, struct t2_err *err)
{
	struct winsize size = {.ws_row = 60, .ws_col = 200};
	char buf[65536];
	size_t len = 0;

	s->ui = forkpty(&s->fd, NULL, NULL, &size);
	if (s->ui == 0) {
		setenv("TERM", "xterm-256color", 1);
		setenv("LC_ALL", "C.UTF-8", 1);
		execl(s->exe, s->exe, "sample", "--store", s->store, (char *)NULL);
		_exit(127);
	}
	if (s->ui < 0)
		return t2_fail(err, T2_EIO, "bench: no pseudo-terminal: %s", strerror(errno));
	while (len < sizeof buf) {
		ssize_t n = take(s, buf + len, sizeof buf - len, 5000);

		if (n <= 0)
			break;
		len += (size_t)n;
		/* the map's name is on it: tabs, frames and the spectrum behind them are there or on their way */
		if (memmem(buf, len, "effective rank", 14))
			return T2_OK;
	}
	return t2_fail(err, T2_EIO, "bench: the workbench did not show its first screen");
}

/* What comes until nothing has come for a few milliseconds; returns the bytes, *last: when the last came. */
static long
drain(struct screen *s, int quiet, double *last)
{
	char buf[65536];
	long bytes = 0;
	ssize_t n;

	while ((n = take(s, buf, sizeof buf, bytes ? quiet : 200)) > 0) {
		bytes += n;
		*last = clock_seconds();
	}
	return bytes;
}

static enum t2_status
first_once(void *arg, double *value, struct t2_err *err)
{
	struct screen *s = arg;
	double t0 = clock_seconds();
	enum t2_status st = start(s, err);

	*value = (clock_seconds() - t0) * 1e3;
	screen_stop(s);
	return st;
}

enum t2_status
row_first_screen(struct bench *b, struct bench_result *r, struct t2_err *err)
{
	struct screen s = {0};
	enum t2_status st = screen_open(&s, err);

	if (!st)
		st = bench_repeat(b, r, false, first_once, &s, err);
	if (!st)
		bench_detail(
			r, "on the sample, 200 x 60, from exec to the map's name on the terminal");
	screen_close(&s);
	return st;
}

struct frames {
	struct screen s;
	long bytes;
	int keys;
};

static enum t2_status
frame_once(void *arg, double *value, struct t2_err *err)
{
	struct frames *f = arg;
	double each[KEYS], sum[BENCH_MOST];
	int n = 0;

	(void)err;
	for (int i = 0; i < KEYS; i++) {
		double t0 = clock_seconds(), last = t0;

		if (write(f->s.fd, i % 2 ? "k" : "j", 1) != 1)
			return t2_fail(err, T2_EIO, "bench: the workbench has ended");
		f->bytes += drain(&f->s, 4, &last);
		f->keys++;
		each[i] = (last - t0) * 1e3;
	}
	/* medians of groups, and their median: bench_median() takes few numbers */
	for (int i = 0; i + 8 <= KEYS && n < BENCH_MOST; i += 8)
		sum[n++] = bench_median(each + i, 8);
	*value = bench_median(sum, n);
	return T2_OK;
}

enum t2_status
row_frame(struct bench *b, struct bench_result *r, struct t2_err *err)
{
	struct frames f = {0};
	double last;
	enum t2_status st = screen_open(&f.s, err);

	if (!st)
		st = start(&f.s, err);
	if (!st) {
		drain(&f.s, 300, &last);
		f.s.trainer = fork();
		if (f.s.trainer == 0) {
			if (!freopen("/dev/null", "w", stdout) ||
			    !freopen("/dev/null", "w", stderr))
				_exit(127);
			execl(f.s.exe, f.s.exe, "train", "sample", "--task", "math", "--steps",
			      "100000", "--eval-every", "0", "--store", f.s.store, (char *)NULL);
			_exit(127);
		}
		if (f.s.trainer < 0)
			st = t2_fail(err, T2_EIO, "bench: no trainer: %s", strerror(errno));
	}
	if (!st) {
		sleep(1); /* the trainer is at its steps */
		drain(&f.s, 50, &last);
		st = bench_repeat(b, r, false, frame_once, &f, err);
	}
	if (!st)
		bench_detail(r,
			     "from a key in Spectrum to the last byte of its screen, 200 x 60, a "
			     "trainer on all cores; %.0f bytes a key",
			     f.keys ? (double)f.bytes / f.keys : 0);
	screen_close(&f.s);
	return st;
}
