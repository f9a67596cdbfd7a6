/* tensors.h - a tiny reader of safetensors files for goldens: a second one beside the engine's, trusting its input.
 *
 *	struct tensors t;
 *	tensors_open(&t, golden_path("quant/blocks.safetensors"));	// aborts when it cannot
 *	const float *f = tensors_get(&t, "Q8_0.f32", &count);		// count of bytes; NULL: no such name
 *	tensors_close(&t); */
#ifndef T2_TENSORS_H
#define T2_TENSORS_H

#include <jansson.h>
#include <stddef.h>

struct tensors {
	char *bytes;
	size_t size;
	const char *data;
	json_t *header;
};

void tensors_open(struct tensors *t, const char *path);
const void *tensors_get(const struct tensors *t, const char *name, size_t *bytes);
/* Extent i of a tensor's shape; 0 where there is none. */
int tensors_dim(const struct tensors *t, const char *name, int i);
void tensors_close(struct tensors *t);

#endif
