/* status.h - how every call of ours says that it failed.
 *
 *	enum t2_status st = thing_open(&t, path, err);
 *	if (st)
 *		return st;			// err->msg says what, where and what to do
 *	...
 *	return t2_fail(err, T2_EFORMAT, "%s: byte %zu: header cut short", path, pos);
 *
 * err may be NULL everywhere.  A message is one line without a final period: what: where: why.  File names and texts of
 * others may stand in it: control bytes are shown as '?', and no UTF-8 sequence is cut in the middle. */
#ifndef T2_STATUS_H
#define T2_STATUS_H

enum t2_status {
	T2_OK = 0,
	T2_EINVAL,  /* an argument or setting out of range */
	T2_EIO,	    /* the system said no: open, read, write, disk full */
	T2_EFORMAT, /* a file is not what it claims to be */
	T2_EUNSUP,  /* understood, but not supported; named in the message */
	T2_ENOMEM,
	T2_ECANCEL,   /* the caller's job was cancelled */
	T2_ENOTFOUND, /* no such name */
	T2_EMISMATCH, /* two things do not fit: shapes, fingerprints */
	T2_EDB,	      /* the store */
	T2_ENUM,      /* numerical failure: no convergence, NaN */
	T2_EBUSY,     /* held by somebody else */
};

struct t2_err {
	enum t2_status code;
	char msg[512];
};

/* Fills err (when there is one) and returns code, so that "return t2_fail(...)" reads as one act. */
enum t2_status t2_fail(struct t2_err *err, enum t2_status code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Puts "prefix: " in front of a message that is already there; returns err's code. */
enum t2_status t2_wrap(struct t2_err *err, enum t2_status code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
enum t2_status t2_nomem(struct t2_err *err, const char *what);

#endif
