/* What is said of a model, and a second one beside it, on the sample. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/strbuf.h"
#include "engine/svf/factors.h"
#include "tests/lib/tinymodel.h"
#include "tui/beside.h"
#include "tui/model_info.h"

static char cache[4096];

static int
setup(void **state)
{
	(void)state;
	return realpath(new_folder(), cache) ? 0 : -1;
}

static void
add_line(void *arg, const char *label, const char *text)
{
	strbuf_printf(arg, "%s=%s\n", label, text);
}

static void
test_sample(void **state)
{
	struct model_info *i;
	struct strbuf b = {0};
	char shape[64];

	(void)state;
	assert_int_equal(model_info_open(&i, "samples/model", cache, NULL, NULL), T2_OK);
	assert_int_equal(i->parameters, 864512);
	assert_int_equal(i->matrices, 28);
	assert_int_equal(i->adaptable[MAT_DOWN], 4);
	assert_int_equal(model_info_decomposed(i), 0);
	assert_int_equal(i->types, 1);
	assert_int_equal(i->type[0].tensors, i->tensors);
	assert_int_equal(i->type[0].numbers, i->parameters);
	assert_int_equal(i->files, 1);
	assert_int_equal(i->file[0].bytes, i->bytes);
	assert_int_equal(access(i->file[0].path, R_OK), 0);
	assert_int_equal(i->vocab, 601);
	assert_string_equal(i->tokenizer, "byte-level BPE");
	for (int k = 0; k < i->tensors; k++)
		if (!strcmp(i->tensor[k].name, "model.layers.0.mlp.up_proj.weight"))
			assert_string_equal(model_tensor_shape(&i->tensor[k], shape, sizeof shape),
					    "384 × 128");
	model_info_lines(i, add_line, &b);
	assert_non_null(strstr(b.s, "heads=4 of 32, 2 for keys and values\n"));
	assert_non_null(strstr(b.s, "Question: {prompt}\\nAnswer:"));
	assert_non_null(strstr(b.s, i->fingerprint));
	strbuf_free(&b);
	model_info_free(i);
}

static void
test_no_model(void **state)
{
	struct model_info *i;
	struct t2_err err = {0};
	const char *folder = new_folder();

	(void)state;
	assert_int_not_equal(model_info_open(&i, folder, cache, NULL, &err), T2_OK);
	assert_null(i);
	assert_non_null(strstr(err.msg, folder));
}

/* A model without a tokenizer is a model all the same, and says why it has none. */
static void
test_no_tokenizer(void **state)
{
	const char *folder = new_folder();
	struct model_info *i;

	(void)state;
	write_config(folder, "{}");
	write_tensors(folder, NULL, NULL, 0);
	assert_int_equal(model_info_open(&i, folder, cache, NULL, NULL), T2_OK);
	assert_true(i->text);
	assert_int_equal(i->vocab, 0);
	assert_non_null(strstr(i->tokenizer, "tokenizer"));
	assert_int_equal(i->config.tied, false);
	model_info_free(i);
}

static void
test_beside(void **state)
{
	const struct beside_matrix *x;
	struct model_info *i;
	struct pool *pool = pool_new(1);
	struct beside *b;
	struct model *m;

	(void)state;
	assert_int_equal(beside_read(&b, "samples/model", cache, NULL, NULL), T2_OK);
	assert_int_equal(b->n, 28);
	assert_int_equal(b->have, 0);
	x = beside_find(b, "model.layers.3.mlp.down_proj.weight");
	assert_non_null(x);
	assert_null(x->sigma);
	assert_null(beside_find(b, "model.layers.4.mlp.down_proj.weight"));
	beside_free(b);

	assert_int_equal(model_open(&m, "samples/model", NULL), T2_OK);
	assert_int_equal(factors_decompose(m, cache, "attn", false, false, pool, NULL, NULL, NULL,
					   NULL, NULL),
			 T2_OK);
	assert_int_equal(beside_read(&b, "samples/model", cache, NULL, NULL), T2_OK);
	assert_int_equal(b->have, 16);
	x = beside_find(b, "model.layers.1.self_attn.k_proj.weight");
	assert_non_null(x);
	assert_non_null(x->sigma);
	assert_int_equal(x->r, 64);
	for (int k = 1; k < x->r; k++)
		assert_true(x->sigma[k] <= x->sigma[k - 1]);
	assert_true(x->stats.spectral_norm == x->sigma[0]);
	beside_free(b);

	assert_int_equal(model_info_open(&i, "samples/model", cache, NULL, NULL), T2_OK);
	assert_int_equal(model_info_decomposed(i), 16);
	assert_int_equal(i->decomposed[MAT_K], 4);
	assert_int_equal(i->decomposed[MAT_UP], 0);
	model_info_free(i);
	model_free(m);
	pool_free(pool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sample),
		cmocka_unit_test(test_no_model),
		cmocka_unit_test(test_no_tokenizer),
		cmocka_unit_test(test_beside),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
