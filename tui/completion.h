/* completion.h - what may stand at the end of a command line of the program: from the tables of verbs and options.
 *
 *	const char *words[] = {"eval", "sample", "--task", "ma"};
 *	completion_words(words, 4, &out);	// "math\tmath\n..." : a word, a tab, what it is; a line each
 *
 * The first line is ":files" where names of files may stand there too.  Names of experts, mixtures, models and runs come
 * from the store, if there is one: nothing is made. */
#ifndef T2_COMPLETION_H
#define T2_COMPLETION_H

struct strbuf;

void completion_words(const char *const *words, int n, struct strbuf *out);

#endif
