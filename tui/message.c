#include "tui/message.h"

#include <stdlib.h>
#include <string.h>

enum { MESSAGES = 1000 };

struct message_log {
	struct message ring[MESSAGES];
	int first, n;
};

struct message_log *
message_log_new(void)
{
	return calloc(1, sizeof(struct message_log));
}

void
message_log_free(struct message_log *l)
{
	if (!l)
		return;
	for (int i = 0; i < MESSAGES; i++)
		free(l->ring[i].text);
	free(l);
}

void
message_add(struct message_log *l, enum message_level level, const char *text)
{
	struct message *m;
	char *copy;

	if (l->n) {
		m = &l->ring[(l->first + l->n - 1) % MESSAGES];
		if (m->level == level && !strcmp(m->text, text)) {
			m->times++;
			m->when = time(NULL);
			return;
		}
	}
	copy = strdup(text);
	if (!copy)
		return; /* it was on the screen; only the record is lost */
	if (l->n == MESSAGES) {
		free(l->ring[l->first].text);
		l->ring[l->first].text = NULL;
		l->first = (l->first + 1) % MESSAGES;
		l->n--;
	}
	m = &l->ring[(l->first + l->n++) % MESSAGES];
	*m = (struct message){time(NULL), level, 1, copy};
}

int
message_count(const struct message_log *l)
{
	return l->n;
}

const struct message *
message_get(const struct message_log *l, int i)
{
	if (i < 0 || i >= l->n)
		return NULL;
	return &l->ring[(l->first + i) % MESSAGES];
}
