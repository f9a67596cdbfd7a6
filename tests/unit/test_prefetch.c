/* A model's files are read to their end and counted; nothing is where there is none; a cancelled job reads no further. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "engine/base/job.h"
#include "tests/lib/golden.h"
#include "tui/prefetch.h"

static void
write_bytes(const char *dir, const char *name, long n)
{
	char path[800];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	for (long i = 0; i < n; i++)
		fputc((int)(i & 127), f);
	assert_int_equal(fclose(f), 0);
}

static void
test_counts(void **state)
{
	const char *dir = temp_dir();
	char path[800];
	struct job job;

	(void)state;
	write_bytes(dir, "model-1.safetensors", (3 << 20) + 5);
	write_bytes(dir, "model-2.safetensors", 17);
	write_bytes(dir, "tokenizer.json", 1000);
	job_init(&job, NULL, NULL);
	prefetch_model(dir, &job);
	assert_int_equal(job.total, 4 + 1); /* MiB begun */
	assert_int_equal(job.done, job.total);
	snprintf(path, sizeof path, "%s/model-2.safetensors", dir);
	prefetch_model(path, &job); /* one file by itself */
	assert_int_equal(job.total, 1);
	assert_int_equal(job.done, 1);
	prefetch_model("/no/such/model", &job);
	assert_int_equal(job.total, 0);
	job_cancel(&job);
	prefetch_model(dir, &job);
	assert_int_equal(job.done, 0);
	job_destroy(&job);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_counts)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
