#include "tui/tasks.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store.h"
#include "tui/paths.h"

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
add_folder(const char *dir, char ***names, int *n)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int first = *n;

	while (d && (e = readdir(d))) {
		char path[1400], **grown;

		snprintf(path, sizeof path, "%s/%s/task.json", dir, e->d_name);
		if (e->d_name[0] == '.' || access(path, R_OK))
			continue;
		grown = realloc(*names, ((size_t)*n + 2) * sizeof *grown);
		if (!grown)
			break;
		*names = grown;
		if ((grown[*n] = strdup(e->d_name)))
			(*n)++;
		grown[*n] = NULL;
	}
	if (d)
		closedir(d);
	if (*n > first)
		qsort(*names + first, (size_t)(*n - first), sizeof **names, by_name);
}

char **
tasks_names(int *n)
{
	char **names = NULL, dir[1024], data[1000];

	*n = 0;
	if (paths_share("samples/tasks", dir, sizeof dir))
		add_folder(dir, &names, n);
	if (!store_data_dir(data, sizeof data, NULL)) {
		snprintf(dir, sizeof dir, "%s/tasks", data);
		add_folder(dir, &names, n);
	}
	return names;
}

void
tasks_names_free(char **names, int n)
{
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
}
