#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/json.h"
#include "engine/base/mapfile.h"
#include "tui/training.h"

extern char **environ;

/* The trainer's own session, so that neither the terminal's end nor ours reaches it; stdin is nothing.  life stays open as
 * long as it lives. */
static void
child(const char *exe, char *const *args, int log, int life)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int s = 1; s < 32; s++)
		signal(s, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	setsid();
	if (null >= 0)
		dup2(null, 0);
	dup2(log, 1);
	dup2(log, 2);
	fcntl(life, F_SETFD, 0);
	execve(exe, args, environ);
	_exit(127);
}

/* A child of nobody here: it is not to stay in the process table after its end, for as long as we live.  *life ends when it
 * does. */
static pid_t
launch(const char *exe, char *const *args, int log, int *life)
{
	int ends[2];
	pid_t between, pid = -1;

	*life = -1;
	if (pipe2(ends, O_CLOEXEC))
		return -1;
	between = fork();
	if (between == 0) {
		pid = fork();
		if (pid == 0)
			child(exe, args, log, ends[1]);
		_exit(write(ends[1], &pid, sizeof pid) != sizeof pid);
	}
	close(ends[1]);
	if (between < 0 || TEMP_FAILURE_RETRY(read(ends[0], &pid, sizeof pid)) != sizeof pid)
		pid = -1;
	if (between > 0)
		waitpid(between, NULL, 0);
	if (pid > 0)
		*life = ends[0];
	else
		close(ends[0]);
	return pid;
}

/* Does what launch() started still live after so many milliseconds? */
static bool
lives(int life, int ms)
{
	struct pollfd p = {life, POLLIN, 0};

	return poll(&p, 1, ms) <= 0;
}

/* {"event":"start","run":N} in the log, else the last line it wrote. */
static bool
find_start(const char *path, int64_t *run, char *last, size_t size)
{
	struct mapfile m;
	const char *p, *end;

	last[0] = 0;
	if (mapfile_open(&m, path, NULL))
		return false;
	p = (const char *)m.data;
	end = p + m.size;
	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		json_t *o = NULL;

		if (!nl)
			break;
		snprintf(last, size, "%.*s", (int)(nl - p), p);
		if (*p == '{' && !json_read_bytes(&o, p, (size_t)(nl - p), path, NULL)) {
			const char *event = json_string_value(json_object_get(o, "event"));
			json_t *id = json_object_get(o, "run");

			if (event && !strcmp(event, "start") && json_is_integer(id)) {
				*run = json_integer_value(id);
				json_decref(o);
				mapfile_close(&m);
				return true;
			}
		}
		json_decref(o);
		p = nl + 1;
	}
	mapfile_close(&m);
	return false;
}

/* A trainer that said nothing may not have been able to: its log is on the disk that is full. */
static enum t2_status
log_writable(const char *path, struct t2_err *err)
{
	int log = open(path, O_WRONLY | O_APPEND | O_CLOEXEC), why;

	if (log >= 0 && write(log, "\n", 1) == 1) {
		close(log);
		return T2_OK;
	}
	why = errno;
	if (log >= 0)
		close(log);
	return t2_fail(err, T2_EIO, "%s: cannot write: %s", path, strerror(why));
}

static enum t2_status
await_start(const char *path, pid_t pid, int life, int64_t *run, struct job *job,
	    struct t2_err *err)
{
	char last[400];
	enum t2_status st;

	for (;;) {
		bool alive = lives(life, 20);

		if (find_start(path, run, last, sizeof last))
			return T2_OK;
		if (!alive && !*last && (st = log_writable(path, err)))
			return st;
		if (!alive)
			return t2_fail(err, T2_EIO, "%s",
				       !strncmp(last, "t2tui: ", 7) ? last + 7
				       : *last			    ? last
					       : "the trainer ended without a word");
		if (job && job_cancelled(job)) {
			kill(pid, SIGTERM);
			while (lives(life, 20) && job_left(job) > 0)
				;
			return t2_fail(err, T2_ECANCEL, "trainer: cancelled before its run began");
		}
	}
}

enum t2_status
training_detach(struct workspace *ws, const char *const *argv, int argc, int64_t *run,
		struct job *job, struct t2_err *err)
{
	char dir[1000], path[1100], exe[1024];
	char **args = calloc((size_t)argc + 6, sizeof *args);
	enum t2_status st;
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	int log, life, k = 0;
	pid_t pid;

	(void)ws;
	if (!args || n <= 0) {
		free(args);
		return t2_fail(err, T2_EIO, "cannot start a trainer: /proc/self/exe: %s",
			       strerror(errno));
	}
	exe[n] = 0;
	if ((st = store_data_dir(dir, sizeof dir, err))) {
		free(args);
		return st;
	}
	snprintf(path, sizeof path, "%s/log", dir);
	mkdir(path, 0700);
	snprintf(path, sizeof path, "%s/log/train-%ld-%d.log", dir, (long)time(NULL),
		 (int)getpid());
	log = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (log < 0) {
		free(args);
		return t2_fail(err, T2_EIO, "%s: cannot write: %s", path, strerror(errno));
	}
	args[k++] = exe;
	args[k++] = "train";
	for (int i = 0; i < argc; i++)
		args[k++] = (char *)argv[i];
	args[k++] = "--json";
	pid = launch(exe, args, log, &life);
	close(log);
	free(args);
	if (pid < 0)
		return t2_fail(err, T2_EIO, "cannot start a trainer: %s", strerror(errno));
	/* decomposing a model that is new may come first: wait as long as the process lives */
	st = await_start(path, pid, life, run, job, err);
	close(life);
	return st;
}
