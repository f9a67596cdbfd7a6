/* libFuzzer entry: a safetensors file from anywhere.
 *
 *	clang -g -O1 -fsanitize=fuzzer,address,undefined ... tests/fuzz/fuzz_safetensors.c -ljansson
 *	T2_SEEDS=seeds build/tests/test_safetensors; ./fuzz_safetensors seeds/safetensors */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/model/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct safetensors *s;
	struct t2_err err;
	size_t file, header;

	if (safetensors_from_bytes(&s, data, size, "input", &err)) {
		if (s || !memchr(err.msg, 0, sizeof err.msg) || strncmp(err.msg, "input: ", 7))
			abort();
		return 0;
	}
	for (int i = 0; i < safetensors_count(s); i++) {
		const struct st_tensor *t = safetensors_tensor(s, i);
		const volatile uint8_t *p = t->data;

		if (safetensors_find(s, t->name) != t)
			abort();
		if (t->bytes) {
			(void)p[0];
			(void)p[t->bytes - 1];
		}
		if (!strcmp(t->dtype, "F32") && (uintptr_t)t->data % 4)
			abort();
	}
	safetensors_meta(s, "format");
	safetensors_file(s, &file, &header);
	if (file != size || header > size)
		abort();
	safetensors_free(s);
	return 0;
}
