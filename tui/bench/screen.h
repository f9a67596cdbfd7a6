/* screen.h - this very program in a pseudo-terminal of its own, 200 x 60, on the sample, with a store of its own.
 *
 *	screen_open(&s, err);
 *	screen_start(&s, 2, "effective rank", err);	// Spectrum's first screen stands there
 *	screen_train(&s, err);				// and a training run is at its steps
 *	screen_rest(&s, 0.3);				// until nothing has come for so long
 *	screen_key(&s, "j", err);
 *	while (screen_frame(&s, 0.2, &f)) bytes = f.n;	// what it wrote, frame by frame
 *	screen_close(&s);
 *
 * The terminal is told to be an xterm: each frame stands between the signs of a synchronised update. */
#ifndef T2_BENCH_SCREEN_H
#define T2_BENCH_SCREEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "engine/base/status.h"
#include "engine/base/strbuf.h"

struct screen {
	char dir[64], exe[1024], store[128];
	pid_t ui, trainer;
	int fd;
	struct strbuf in; /* read, not yet taken as frames */
	size_t taken;
	double last; /* clock_seconds() when the newest of it came */
	bool ended;
};

struct screen_frame {
	const char *text; /* until the next call */
	size_t n;
	double at; /* when its last byte was there */
};

enum t2_status screen_open(struct screen *s, struct t2_err *err);
void screen_close(struct screen *s); /* also after screen_open() has failed */
/* Until a frame that shows the text is there, whole. */
enum t2_status screen_start(struct screen *s, int view, const char *text, struct t2_err *err);
void screen_stop(struct screen *s);
enum t2_status screen_train(struct screen *s, struct t2_err *err);
/* T2_EIO where the workbench or its trainer has ended meanwhile: what was measured was something else. */
enum t2_status screen_alive(struct screen *s, struct t2_err *err);
enum t2_status screen_key(struct screen *s, const char *keys, struct t2_err *err);
/* The next whole frame, at most so many seconds from now; false: none. */
bool screen_frame(struct screen *s, double seconds, struct screen_frame *f);
/* Throws away what comes until nothing has come for so long; gives up after 20 s; returns the bytes. */
size_t screen_rest(struct screen *s, double seconds);
/* Bytes that come within so long; they are thrown away. */
size_t screen_bytes(struct screen *s, double seconds);
/* Is this character printed in the frame, and not part of a control sequence? */
bool screen_prints(const struct screen_frame *f, char c);
/* Processor time that the workbench has used, ms. */
double screen_cpu(const struct screen *s);

#endif
