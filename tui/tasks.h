/* tasks.h - the names of the tasks that can be used by name: shipped ones, then the user's. */
#ifndef T2_TASKS_H
#define T2_TASKS_H

/* Sorted within each place; the caller frees the array and each string; *n 0 and NULL where there are none.  The array
 * ends in a NULL. */
char **tasks_names(int *n);
void tasks_names_free(char **names, int n);

#endif
