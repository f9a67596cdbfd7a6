/* What may stand behind a command: the words that Tab offers. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "tui/app_state.h"

static char **
copies(const char *const *names, int n)
{
	char **v = calloc((size_t)n + 1, sizeof *v);

	for (int i = 0; v && i < n; i++) {
		v[i] = strdup(names[i]);
		for (char *s = v[i]; s && *s; s++)
			*s = (char)tolower((unsigned char)*s);
	}
	return v;
}

char **
app_words(struct app *a, enum binding_arg what, int *n)
{
	static const char *const glyphs[] = {"ascii", "block", "braille"};
	const char *views[APP_VIEWS];
	char **v = NULL;

	*n = 0;
	switch (what) {
	case ARG_TEXT:
	case ARG_MODEL:
	case ARG_FILE:
		return NULL;
	case ARG_THEME:
		v = theme_names(n);
		break;
	case ARG_GLYPHS:
		v = copies(glyphs, *n = 3);
		break;
	case ARG_VIEW:
		for (int i = 0; i < APP_VIEWS; i++)
			if (a->view[i].ops)
				views[(*n)++] = a->view[i].ops->name;
		v = copies(views, *n);
		break;
	default:
		if (a->cfg->words)
			v = a->cfg->words(a->cfg->user, what, n);
	}
	return v ? v : calloc(1, sizeof *v); /* none, but not paths either */
}

void
app_words_free(char **words, int n)
{
	for (int i = 0; words && i < n; i++)
		free(words[i]);
	free(words);
}
