/* tinymodel.h - a model of a few hundred numbers, as a folder or a GGUF file, for tests to bend.
 *
 *	const char *folder = new_folder();
 *	write_config(folder, "{\"hidden_act\":\"gelu\"}");
 *	write_tensors(folder, NULL, NULL, 0);
 *	expect_open(folder, T2_EUNSUP, "gelu");
 *
 * Hidden 8, 2 heads of 4, 1 key-value head, ffn 12, vocabulary 5, 1 layer, untied.  Failures end the cmocka test. */
#ifndef T2_TINYMODEL_H
#define T2_TINYMODEL_H

#include <stddef.h>

#include "engine/base/status.h"
#include "engine/base/strbuf.h"
#include "engine/model/checkpoint.h"

#define TINY_LAYER "model.layers.0."
enum { TINY_TENSORS = 12, TINY_NUMBERS = 200 };

extern float numbers
	[TINY_NUMBERS]; /* 0, 1, 2 ...: what the tensors are made of, after the first new_folder() */
extern const struct st_write tiny_tensors[TINY_TENSORS];

const char *new_folder(void); /* a fresh one, until the eighth next */
const char *in_folder(const char *folder, const char *name); /* its path, until the fourth next */
void write_bytes(const char *path, const void *bytes, size_t n);
void write_text(const char *path, const char *text);
void copy_file(const char *from, const char *to);
void flip(const char *path, size_t at); /* the lowest bit of that byte */

/* config.json with the patch's fields set, or removed where the patch says "-". */
void write_config(const char *folder, const char *patch);
/* model.safetensors without the tensor named drop, and with count more. */
void write_tensors(const char *folder, const char *drop, const struct st_write *more, int count);

/* One more metadata entry (already encoded), a key or tensor to leave out, one more tensor of n x m (m 0: a vector). */
struct gguf_edit {
	const char *arch, *drop;
	const struct strbuf *value;
	const char *tensor;
	int n, m;
};
void write_gguf(const char *path, const struct gguf_edit *e);

/* model_open() of path ends so, with this in its message. */
void expect_open(const char *path, enum t2_status want, const char *says);

#endif
