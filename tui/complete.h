/* complete.h - names of files, and words, that go on from what has been typed.
 *
 *	struct completion k;
 *	complete_path(&k, "~/mod", true);
 *	k.stem, k.name[i]: "~/", "models/", "modest.gguf"; k.common: "~/mod"
 *	completion_free(&k);
 *
 * "~" and "~/" stand for the home folder.  Folders end in '/'; hidden files only come after a dot has been typed. */
#ifndef T2_COMPLETE_H
#define T2_COMPLETE_H

#include <stdbool.h>
#include <stddef.h>

enum { COMPLETE_MAX = 500 };

struct completion {
	char *stem;   /* what was typed up to the last '/' */
	char *common; /* stem and what all names begin with; what was typed where there are none */
	char **name;  /* sorted */
	int n;
	bool more; /* there are over COMPLETE_MAX */
};

/* models: only folders and what may be a model's file.  false: no memory; then, too, k may be freed. */
bool complete_path(struct completion *k, const char *typed, bool models);
/* Of these words those that go on from typed; the stem is "". */
bool complete_word(struct completion *k, const char *typed, char *const *words, int n);
void completion_free(struct completion *k);
/* "~/x" -> "/home/me/x"; false: does not fit, or there is no home folder. */
bool path_expand(const char *typed, char *out, size_t size);
/* "/home/me/x" -> "~/x", for showing. */
const char *path_short(const char *path, char *out, size_t size);
bool path_ends(const char *path, const char *end);

#endif
