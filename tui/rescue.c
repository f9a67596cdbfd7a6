#include "tui/rescue.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* All that the handlers need, without calling anything unsafe. */
static struct {
	volatile sig_atomic_t active;
	int pipe[2];
	struct termios saved;
	char restore[256];
	size_t nrestore;
} global = {.pipe = {-1, -1}};

static const int handled[] = {SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGTSTP, SIGCONT, SIGQUIT};
static const int fatal[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};

enum { HANDLED = sizeof handled / sizeof *handled, FATAL = sizeof fatal / sizeof *fatal };

static struct sigaction old_handled[HANDLED], old_fatal[FATAL];
static bool armed;

void
rescue_write(const char *s, size_t n)
{
	while (n) {
		ssize_t k = write(STDOUT_FILENO, s, n);

		if (k > 0) {
			s += k;
			n -= (size_t)k;
		} else if (k < 0 && errno == EAGAIN) {
			struct pollfd p = {STDOUT_FILENO, POLLOUT, 0};

			if (poll(&p, 1, 2000) <= 0)
				return;
		} else if (!(k < 0 && errno == EINTR)) {
			return;
		}
	}
}

static void
on_signal(int sig)
{
	int e = errno;
	unsigned char b = (unsigned char)sig;

	/* A full pipe already holds enough of them. */
	if (write(global.pipe[1], &b, 1) < 0)
		errno = e;
	errno = e;
}

static void
on_fatal(int sig)
{
	if (global.active) {
		global.active = 0;
		rescue_write(global.restore, global.nrestore);
		tcsetattr(STDIN_FILENO, TCSANOW, &global.saved);
	}
	signal(sig, SIG_DFL);
	raise(sig);
}

bool
rescue_open(struct t2_err *err)
{
	if (pipe2(global.pipe, O_CLOEXEC | O_NONBLOCK)) {
		t2_fail(err, T2_EIO, "screen: pipe: %s", strerror(errno));
		return false;
	}
	tcgetattr(STDIN_FILENO, &global.saved);
	global.nrestore = 0;
	return true;
}

void
rescue_add(const char *s)
{
	size_t n = s ? strlen(s) : 0;

	/* Padding ("$<5>") is not wanted by anything that has these capabilities. */
	if (n && !strchr(s, '$') && global.nrestore + n <= sizeof global.restore) {
		memcpy(global.restore + global.nrestore, s, n);
		global.nrestore += n;
	}
}

void
rescue_arm(void)
{
	static char stack[65536]; /* a stack that overflowed is no place for a handler */
	stack_t ss = {.ss_sp = stack, .ss_size = sizeof stack};
	struct sigaction sa = {0};

	global.active = 1;
	sigaltstack(&ss, NULL);
	sigfillset(&sa.sa_mask);
	sa.sa_flags = SA_RESTART;
	sa.sa_handler = on_signal;
	for (int i = 0; i < HANDLED; i++)
		sigaction(handled[i], &sa, &old_handled[i]);
	sa.sa_flags = SA_ONSTACK;
	sa.sa_handler = on_fatal;
	for (int i = 0; i < FATAL; i++)
		sigaction(fatal[i], &sa, &old_fatal[i]);
	armed = true;
}

void
rescue_close(void)
{
	global.active = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &global.saved);
	for (int i = 0; i < HANDLED && armed; i++)
		sigaction(handled[i], &old_handled[i], NULL);
	for (int i = 0; i < FATAL && armed; i++)
		sigaction(fatal[i], &old_fatal[i], NULL);
	armed = false;
	close(global.pipe[0]);
	close(global.pipe[1]);
	global.pipe[0] = global.pipe[1] = -1;
}

int
rescue_fd(void)
{
	return global.pipe[0];
}

int
rescue_signal(void)
{
	unsigned char b;

	return read(global.pipe[0], &b, 1) == 1 ? b : 0;
}

void
rescue_stop(void)
{
	struct sigaction dfl = {.sa_handler = SIG_DFL}, mine;

	tcsetattr(STDIN_FILENO, TCSANOW, &global.saved);
	global.active = 0;
	sigaction(SIGTSTP, &dfl, &mine);
	kill(getpid(), SIGTSTP);
	/* Goes on here after SIGCONT. */
	sigaction(SIGTSTP, &mine, NULL);
	tcgetattr(STDIN_FILENO, &global.saved); /* the shell may have changed it */
	global.active = 1;
}
