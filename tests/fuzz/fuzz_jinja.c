/* libFuzzer entry: a chat template from anywhere, over a conversation with tools.
 *
 *	clang -g -O1 -fsanitize=fuzzer,address,undefined -DCHUNK_MAX=0 -I. -D_GNU_SOURCE tests/fuzz/fuzz_jinja.c
 *		engine/model/jinja*.c engine/base/{status,strbuf,job}.c -ljansson -lutf8proc -lpthread -lm
 *	T2_SEEDS=seeds build/tests/test_jinja; ./fuzz_jinja -timeout=20 seeds/jinja
 * (CHUNK_MAX=0 gives every value its own allocation, so that a byte too far is seen) */
#include <stdint.h>
#include <stdlib.h>

#include "engine/model/jinja.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static json_t *
conversation(void)
{
	static const char text[] =
		"{\"messages\": [{\"role\": \"system\", \"content\": \" Be brief. \"}, {\"role\": "
		"\"user\", \"content\": \"H\u00e9 <b>\"},"
		" {\"role\": \"assistant\", \"content\": \"\", \"tool_calls\": [{\"function\": "
		"{\"name\": \"f\", \"arguments\": {\"x\": 1.5}}}]},"
		" {\"role\": \"tool\", \"content\": \"[1, 2]\"}], \"add_generation_prompt\": true, "
		"\"bos_token\": \"<s>\","
		" \"eos_token\": \"</s>\", \"tools\": [{\"type\": \"function\", \"function\": "
		"{\"name\": \"f\", \"parameters\":"
		" {\"type\": \"object\", \"properties\": {\"x\": {\"type\": [\"number\", "
		"\"null\"]}}}}}], \"documents\": null,"
		" \"s\": \"Hello World\", \"n\": 5, \"f\": 2.5, \"t\": true, \"no\": null, \"l\": "
		"[3, 1, 2], \"d\": {\"b\": 1, \"a\": []},"
		" \"m\": [{\"role\": \"user\", \"content\": \" Hi\", \"n\": 1}], \"big\": "
		"9007199254740993}";

	return json_loads(text, 0, NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct jinja_limits lim = {
		.steps = 20000, .output = 1 << 16, .memory = 1 << 22, .now = 1700000000};
	static json_t *vars;
	struct strbuf out = {0};
	struct t2_err err;
	struct jinja *j;

	if (!vars)
		vars = conversation();
	if (jinja_compile(&j, (const char *)data, size, "fuzz", &err))
		return 0;
	jinja_render(j, vars, &lim, &out, &err);
	strbuf_free(&out);
	jinja_free(j);
	return 0;
}
