#include "tests/lib/tensors.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
check(int ok, const char *path, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s: %s\n", path, what);
	abort();
}

void
tensors_open(struct tensors *t, const char *path)
{
	FILE *f = fopen(path, "rb");
	uint64_t length;

	check(f != NULL, path, "cannot open");
	check(!fseek(f, 0, SEEK_END), path, "cannot seek");
	t->size = (size_t)ftell(f);
	rewind(f);
	t->bytes = malloc(t->size + 1);
	check(t->bytes && t->size > 8 && fread(t->bytes, 1, t->size, f) == t->size, path,
	      "cannot read");
	fclose(f);
	memcpy(&length, t->bytes, 8);
	check(length <= t->size - 8, path, "header too long");
	t->header = json_loadb(t->bytes + 8, length, 0, NULL);
	check(t->header != NULL, path, "header is not JSON");
	t->data = t->bytes + 8 + length;
}

const void *
tensors_get(const struct tensors *t, const char *name, size_t *bytes)
{
	json_t *range = json_object_get(json_object_get(t->header, name), "data_offsets");
	size_t from = (size_t)json_integer_value(json_array_get(range, 0));
	size_t to = (size_t)json_integer_value(json_array_get(range, 1));

	if (!range || from > to || to > (size_t)(t->bytes + t->size - t->data))
		return NULL;
	if (bytes)
		*bytes = to - from;
	return t->data + from;
}

int
tensors_dim(const struct tensors *t, const char *name, int i)
{
	json_t *shape = json_object_get(json_object_get(t->header, name), "shape");

	return (int)json_integer_value(json_array_get(shape, (size_t)i));
}

void
tensors_close(struct tensors *t)
{
	json_decref(t->header);
	free(t->bytes);
}
