/* Reading some pages of a large file leaves no single pages in the system's cache, and takes none out that were there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/model/checkpoint.h"
#include "engine/model/peek.h"

enum { PAGES = 64 };

static bool all_cache; /* a file system in memory: nothing can be forgotten */
static char path[] = "/tmp/t2peek.XXXXXX";
static size_t page;

static void *
map(size_t size)
{
	int fd = open(path, O_RDONLY);
	void *p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);

	close(fd);
	assert_true(p != MAP_FAILED);
	return p;
}

static size_t
cached(void *p, size_t size)
{
	size_t n = (size + page - 1) / page, sum = 0;
	unsigned char *in = malloc(n);

	assert_int_equal(mincore(p, size, in), 0);
	for (size_t i = 0; i < n; i++)
		sum += in[i] & 1;
	free(in);
	return sum;
}

static void
drop(void)
{
	int fd = open(path, O_RDONLY);

	fdatasync(fd);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
}

static int
make_file(void **state)
{
	int fd = mkstemp(path);
	char *block;

	(void)state;
	page = (size_t)sysconf(_SC_PAGESIZE);
	block = calloc(PAGES, page);
	for (size_t i = 0; i < PAGES; i++)
		block[i * page] = (char)(i + 1);
	if (fd < 0 || write(fd, block, PAGES * page) != (ssize_t)(PAGES * page))
		return -1;
	free(block);
	close(fd);
	drop();
	block = map(PAGES * page);
	all_cache = cached(block, PAGES * page) > 0;
	return munmap(block, PAGES * page);
}

static int
remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static void
pages_are_read_and_forgotten(void **state)
{
	size_t size = PAGES * page;
	volatile char *p;
	struct peek *peek;

	(void)state;
	if (all_cache)
		skip();
	p = map(size);
	madvise((void *)p, size, MADV_RANDOM);
	assert_int_equal(p[20 * page], 21); /* somebody reads this one */
	assert_int_equal(cached((void *)p, size), 1);
	assert_int_equal(peek_new(&peek, (void *)p, size, NULL), T2_OK);
	peek_range(peek, (const void *)(p + 20 * page), 3);
	peek_range(peek, (const void *)(p + 31 * page - 1), 2); /* across two pages */
	peek_range(peek, (const void *)(p + 30 * page), 1);	/* one of them again */
	peek_range(peek, (const void *)(p + 50 * page), 0);
	peek_ask(peek);
	assert_int_equal(p[30 * page] + p[31 * page], 31 + 32);
	assert_int_equal(cached((void *)p, size), 3);
	peek_free(peek, path);
	assert_int_equal(cached((void *)p, size), 1);
	assert_int_equal(p[20 * page], 21);
	/* without its path nothing is forgotten */
	assert_int_equal(peek_new(&peek, (void *)p, size, NULL), T2_OK);
	peek_range(peek, (const void *)(p + 40 * page), 1);
	peek_ask(peek);
	assert_int_equal(p[40 * page], 41);
	peek_free(peek, NULL);
	assert_true(cached((void *)p, size) >= 2);
	munmap((void *)p, size);
	peek_free(NULL, path);
}

/* A checkpoint of 1.1 GiB, of holes: opening reads samples of it, and nothing of them stays cached. */
static void
large_files_are_opened_lightly(void **state)
{
	const char head[] =
		"{\"a\":{\"dtype\":\"BF16\",\"shape\":[18,32768,1024],"
		"\"data_offsets\":[0,1207959552]},\"v\":{\"dtype\":\"F32\",\"shape\":[4096],"
		"\"data_offsets\":[1207959552,1207975936]}}       ";
	uint64_t n = (sizeof head - 1) / 8 * 8; /* the spaces at its end fill it up */
	size_t size = 8 + n + 1207975936, before, after;
	char file[sizeof path + 20], hex[33], again[33];
	struct checkpoint *c;
	struct t2_err err;
	FILE *f;
	int fd;
	void *p;

	(void)state;
	if (all_cache)
		skip();
	snprintf(file, sizeof file, "%s.safetensors", path);
	f = fopen(file, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(&n, 8, 1, f), 1);
	assert_int_equal(fwrite(head, n, 1, f), 1);
	assert_int_equal(ftruncate(fileno(f), (off_t)size), 0);
	fclose(f);
	fd = open(file, O_RDONLY);
	fdatasync(fd);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	p = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	assert_int_equal(checkpoint_open(&c, file, &err), T2_OK);
	before = cached(p, size); /* the header, and what the system read after it */
	assert_int_equal(checkpoint_peek(c, &err), T2_OK);
	checkpoint_fingerprint(c, "x", 1, hex);
	checkpoint_advise(c);
	after = cached(p, size);
	checkpoint_free(c);
	assert_true(after <= before);
	/* freed before it is advised; and the same fingerprint without */
	assert_int_equal(checkpoint_open(&c, file, &err), T2_OK);
	assert_int_equal(checkpoint_peek(c, &err), T2_OK);
	checkpoint_free(c);
	assert_int_equal(checkpoint_open(&c, file, &err), T2_OK);
	checkpoint_fingerprint(c, "x", 1, again);
	assert_string_equal(hex, again);
	assert_true(cached(p, size) > after); /* this way something stays */
	checkpoint_free(c);
	munmap(p, size);
	unlink(file);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages_are_read_and_forgotten),
		cmocka_unit_test(large_files_are_opened_lightly),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
