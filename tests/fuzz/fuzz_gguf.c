/* libFuzzer entry: a GGUF file from anywhere, by its parts and as a model.
 *
 *	clang -g -O1 -fsanitize=fuzzer,address,undefined ... tests/fuzz/fuzz_gguf.c -ljansson -lxxhash
 *	T2_SEEDS=seeds build/tests/test_gguf; T2_SEEDS=seeds build/tests/test_model; ./fuzz_gguf seeds/gguf */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/model/checkpoint.h"
#include "engine/model/gguf.h"
#include "engine/model/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_array(const struct gguf *g, const char *key)
{
	size_t n;
	void *room;

	if (!gguf_array_len(g, key, &n))
		return;
	/* no array holds more elements than the file has bytes, or nobody could make room for it */
	room = calloc(n + 1, sizeof(struct gguf_str));
	if (!room)
		abort();
	if (gguf_array_strings(g, key, room)) {
		const struct gguf_str *s = room;
		volatile char last;

		for (size_t i = 0; i < n; i++)
			if (s[i].len)
				last = s[i].s[s[i].len - 1];
		(void)last;
	}
	gguf_array_f32(g, key, room);
	gguf_array_i32(g, key, room);
	free(room);
}

static void
read_parts(const struct gguf *g)
{
	static const char *const keys[] = {
		"general.architecture",
		"general.alignment",
		"tokenizer.ggml.tokens",
		"tokenizer.ggml.scores",
		"tokenizer.ggml.merges",
		"llama.block_count",
		"strings",
		"floats",
		"ints",
		"nested",
		"k",
		"f64",
		"i8",
	};
	struct tensor t;
	struct t2_err err;
	struct gguf_str s;
	uint32_t u;
	float f;
	bool b;

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		gguf_u32(g, keys[i], &u);
		gguf_f32(g, keys[i], &f);
		gguf_bool(g, keys[i], &b);
		gguf_string(g, keys[i], &s);
		read_array(g, keys[i]);
	}
	for (int i = 0; i < gguf_tensor_count(g); i++) {
		const volatile uint8_t *p;

		gguf_tensor(g, i, &t, &err);
		p = t.data;
		(void)p[0];
		(void)p[t.bytes - 1];
	}
}

/* The whole way, through a file without a name. */
static void
open_model(const uint8_t *data, size_t size)
{
	char path[64];
	struct model *m;
	struct t2_err err;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	model_open(&m, path, &err);
	model_free(m);
	close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* aligned as a map is, and ending where the sanitizer sees it */
	uint8_t *copy = malloc(size + 1);
	struct gguf *g;
	struct t2_err err;

	if (!copy)
		return 0;
	memcpy(copy, data, size);
	if (gguf_from_bytes(&g, copy, size, "input", &err)) {
		if (g || strncmp(err.msg, "input: ", 7))
			abort();
	} else {
		read_parts(g);
		gguf_free(g);
		open_model(data, size);
	}
	free(copy);
	return 0;
}
