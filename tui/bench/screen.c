#include "tui/bench/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/job.h"

enum { PATIENCE = 20 }; /* seconds that a screen may go on moving */

static const char frame_end[] = "\033[?2026l";

enum t2_status
screen_open(struct screen *s, struct t2_err *err)
{
	ssize_t n;

	memset(s, 0, sizeof *s);
	s->fd = -1;
	n = readlink("/proc/self/exe", s->exe, sizeof s->exe - 1);
	snprintf(s->dir, sizeof s->dir, "/tmp/t2bench.XXXXXX");
	if (n <= 0 || !mkdtemp(s->dir)) {
		s->dir[0] = 0;
		return t2_fail(err, T2_EIO, "bench: no folder for a store: %s", strerror(errno));
	}
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

void
screen_stop(struct screen *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	reap(&s->ui, SIGTERM);
	strbuf_clear(&s->in);
	s->taken = 0;
	s->ended = false;
}

void
screen_close(struct screen *s)
{
	static const char *const name[] = {"t2.db", "t2.db-wal", "t2.db-shm"};
	char path[200];

	screen_stop(s);
	reap(&s->trainer, SIGKILL);
	strbuf_free(&s->in);
	for (int i = 0; i < 3 && s->dir[0]; i++) {
		snprintf(path, sizeof path, "%s/%s", s->dir, name[i]);
		unlink(path);
	}
	if (s->dir[0])
		rmdir(s->dir);
}

/* Reads what there is, waiting so long for the first of it; false: nothing came. */
static bool
take(struct screen *s, double seconds)
{
	struct pollfd p = {.fd = s->fd, .events = POLLIN};
	char buf[65536];
	ssize_t n;

	if (s->ended || poll(&p, 1, seconds > 0 ? (int)(seconds * 1e3 + 0.999) : 0) <= 0)
		return false;
	n = read(s->fd, buf, sizeof buf);
	if (n <= 0) {
		s->ended = true;
		return false;
	}
	s->last = clock_seconds();
	strbuf_add(&s->in, buf, (size_t)n);
	return !s->in.failed;
}

static void
forget(struct screen *s)
{
	strbuf_clear(&s->in);
	s->taken = 0;
}

enum t2_status
screen_start(struct screen *s, int view, const char *text, struct t2_err *err)
{
	struct winsize size = {.ws_row = 60, .ws_col = 200};
	double until = clock_seconds() + 5;
	char number[12];

	snprintf(number, sizeof number, "%d", view);
	s->ui = forkpty(&s->fd, NULL, NULL, &size);
	if (s->ui == 0) {
		setenv("TERM", "xterm-256color", 1);
		setenv("LC_ALL", "C.UTF-8", 1);
		unsetenv("NO_COLOR");
		unsetenv("COLORTERM");
		execl(s->exe, s->exe, "sample", "--store", s->store, "--view", number,
		      (char *)NULL);
		_exit(127);
	}
	if (s->ui < 0) {
		s->ui = 0;
		return t2_fail(err, T2_EIO, "bench: no pseudo-terminal: %s", strerror(errno));
	}
	fcntl(s->fd, F_SETFD, FD_CLOEXEC);
	while (clock_seconds() < until && take(s, until - clock_seconds())) {
		const char *at = memmem(s->in.s, s->in.len, text, strlen(text));

		if (at && strstr(at, frame_end))
			return T2_OK;
	}
	return t2_fail(err, T2_EIO, "bench: the workbench did not show its first screen");
}

enum t2_status
screen_train(struct screen *s, struct t2_err *err)
{
	s->trainer = fork();
	if (s->trainer == 0) {
		if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
			_exit(127);
		execl(s->exe, s->exe, "train", "sample", "--task", "math", "--steps", "100000",
		      "--eval-every", "0", "--store", s->store, (char *)NULL);
		_exit(127);
	}
	if (s->trainer < 0) {
		s->trainer = 0;
		return t2_fail(err, T2_EIO, "bench: no trainer: %s", strerror(errno));
	}
	sleep(1); /* it is at its steps */
	forget(s);
	return T2_OK;
}

enum t2_status
screen_alive(struct screen *s, struct t2_err *err)
{
	if (s->ended || (s->ui && waitpid(s->ui, NULL, WNOHANG) == s->ui)) {
		s->ui = 0;
		return t2_fail(err, T2_EIO, "bench: the workbench has ended");
	}
	if (s->trainer && waitpid(s->trainer, NULL, WNOHANG) == s->trainer) {
		s->trainer = 0;
		return t2_fail(err, T2_EIO, "bench: the trainer has ended");
	}
	return T2_OK;
}

enum t2_status
screen_key(struct screen *s, const char *keys, struct t2_err *err)
{
	size_t n = strlen(keys);

	return write(s->fd, keys, n) == (ssize_t)n
		       ? T2_OK
		       : t2_fail(err, T2_EIO, "bench: the workbench has ended");
}

bool
screen_frame(struct screen *s, double seconds, struct screen_frame *f)
{
	double until = clock_seconds() + seconds;

	for (;;) {
		const char *from = s->in.s ? s->in.s + s->taken : "", *end;
		size_t left = s->in.len - s->taken;

		end = left ? memmem(from, left, frame_end, sizeof frame_end - 1) : NULL;
		if (end) {
			f->text = from;
			f->n = (size_t)(end - from) + sizeof frame_end - 1;
			f->at = s->last;
			s->taken += f->n;
			return true;
		}
		if (!left)
			forget(s);
		if (!take(s, until - clock_seconds()))
			return false;
	}
}

size_t
screen_rest(struct screen *s, double seconds)
{
	double until = clock_seconds() + PATIENCE;
	size_t bytes = s->in.len - s->taken;

	for (forget(s); clock_seconds() < until && take(s, seconds); forget(s))
		bytes += s->in.len;
	return bytes;
}

size_t
screen_bytes(struct screen *s, double seconds)
{
	double until = clock_seconds() + seconds;
	size_t bytes = 0;

	for (forget(s); clock_seconds() < until && !s->ended; forget(s))
		if (take(s, until - clock_seconds()))
			bytes += s->in.len;
	return bytes;
}

bool
screen_prints(const struct screen_frame *f, char c)
{
	for (size_t i = 0; i < f->n; i++) {
		if (f->text[i] == c)
			return true;
		if (f->text[i] != '\033' || ++i >= f->n)
			continue;
		if (f->text[i] == '[') /* to its final byte */
			while (++i < f->n && (f->text[i] < '@' || f->text[i] > '~'))
				;
		else if (strchr("()*+", f->text[i])) /* a character set's name */
			i++;
	}
	return false;
}

double
screen_cpu(const struct screen *s)
{
	struct timespec t = {0};
	clockid_t clock;

	if (clock_getcpuclockid(s->ui, &clock) || clock_gettime(clock, &t))
		return 0;
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}
