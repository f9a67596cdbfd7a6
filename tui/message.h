/* message.h - everything the workbench has said, the last thousand lines of it.
 *
 *	message_add(l, MESSAGE_ERROR, "store: disk full");
 *	for (int i = 0; i < message_count(l); i++) show(message_get(l, i));	// 0 is the oldest kept
 *
 * The UI thread only. */
#ifndef T2_MESSAGE_H
#define T2_MESSAGE_H

#include <time.h>

enum message_level { MESSAGE_INFO, MESSAGE_ERROR };

struct message {
	time_t when;
	enum message_level level;
	int times; /* the same line again and again is one entry */
	char *text;
};

struct message_log;

struct message_log *message_log_new(void);
void message_log_free(struct message_log *l);
void message_add(struct message_log *l, enum message_level level, const char *text);
int message_count(const struct message_log *l);
const struct message *message_get(const struct message_log *l, int i); /* NULL out of range */

#endif
