#include <dirent.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/model/checkpoint.h"
#include "engine/svf/factor_file.h"
#include "tests/lib/golden.h"
#include "tests/lib/svf.h"

static const char *const model = "models/tinystories-656k";
static struct t2_err err;

static void
ok(enum t2_status st)
{
	if (st)
		fail_msg("%s", err.msg);
}

static enum t2_status
decompose(const struct bed *b, const char *modules, bool check, bool force,
	  struct decompose_report *r)
{
	return factors_decompose(b->m, b->cache, modules, check, force, b->pool, NULL, NULL, NULL,
				 r, &err);
}

static const char *
file_of(const struct bed *b, int mat)
{
	static char path[900];

	snprintf(path, sizeof path, "%s/%s/%s.safetensors", b->cache, model_fingerprint(b->m),
		 model_matrix(b->m, mat)->name);
	return path;
}

/* Files in the cache whose names have this in them. */
static int
count_files(const struct bed *b, const char *part)
{
	char dir[700];
	struct dirent *e;
	int n = 0;
	DIR *d;

	snprintf(dir, sizeof dir, "%s/%s", b->cache, model_fingerprint(b->m));
	d = opendir(dir);
	while (d && (e = readdir(d)))
		n += strstr(e->d_name, part) != NULL;
	if (d)
		closedir(d);
	return n;
}

static void
wipe(const struct bed *b)
{
	char cmd[800];

	snprintf(cmd, sizeof cmd, "rm -rf '%s/%s'", b->cache, model_fingerprint(b->m));
	assert_int_equal(system(cmd), 0);
}

/* goldens/sigma/README.md: 1e-12 s_1 with a float64 SVD. */
static void
test_sigma(void **state)
{
	struct decompose_report r;
	struct tensors t;
	struct bed b;
	double worst = 0;

	(void)state;
	if (!golden_path("sigma/T.sigma.safetensors") || !bed_open(&b, model, 2))
		skip();
	b.cache = temp_dir();
	ok(decompose(&b, "all", true, false, &r));
	assert_true(r.matrices == 14 && r.computed == 14 && r.cached == 0);
	assert_true(r.max_rel_error > 0 && r.max_rel_error <= 1e-6 &&
		    model_matrix_find(b.m, r.worst) >= 0);
	print_message("worst reconstruction %.2g of 1e-5, %.3f s\n", r.max_rel_error, r.seconds);
	ok(factors_open(&b.f, b.m, b.cache, &err));
	tensors_open(&t, golden_path("sigma/T.sigma.safetensors"));
	for (int i = 0; i < 14; i++) {
		const struct factor *a = factors_get(b.f, i);
		const double *want;
		char name[160];

		snprintf(name, sizeof name, "%s.sigma", model_matrix(b.m, i)->name);
		want = tensors_get(&t, name, NULL);
		assert_non_null(want);
		for (int k = 0; k < a->r; k++) {
			worst = fmax(worst, fabs(a->sigma64[k] - want[k]) / want[0]);
			assert_true(a->sigma[k] == (float)a->sigma64[k]);
			assert_true(!k || a->sigma64[k] <= a->sigma64[k - 1]);
		}
	}
	print_message("worst sigma %.2g of 1e-12 s_1\n", worst);
	assert_true(worst <= 1e-12);
	tensors_close(&t);
	bed_close(&b);
}

static void
count_done(void *arg, int mat)
{
	__atomic_fetch_add((int *)arg + mat, 1, __ATOMIC_RELAXED);
}

static void
test_resume(void **state)
{
	int seen[14] = {0};
	struct decompose_report r;
	struct job job;
	struct job_progress p;
	struct bed b;

	(void)state;
	if (!bed_open(&b, model, 2))
		skip();
	b.cache = temp_dir();
	ok(factors_open(&b.f, b.m, b.cache, &err)); /* nothing there yet is fine */
	assert_int_equal(factors_count(b.f), 0);
	assert_null(factors_need(b.f, b.m, 3, &err));
	assert_int_equal(err.code, T2_ENOTFOUND);
	assert_int_equal(decompose(&b, "odd", false, false, &r), T2_EINVAL);
	ok(decompose(&b, "mlp", false, false, &r));
	assert_true(r.matrices == 6 && r.computed == 6 && r.max_rel_error == -1);
	assert_int_equal(factors_refresh(b.f), 6);
	assert_non_null(factors_get(b.f, MAT_UP));
	assert_null(factors_get(b.f, MAT_Q));
	assert_null(factors_get(b.f, 14));

	job_init(&job, NULL, NULL);
	ok(factors_decompose(b.m, b.cache, "all", true, false, b.pool, &job, count_done, seen, &r,
			     &err));
	assert_true(r.computed == 8 && r.cached == 6 && r.max_rel_error > 0);
	job_read(&job, &p);
	assert_true(p.done == 14 && p.total == 14 && !strcmp(p.stage, "decompose"));
	for (int i = 0; i < 14; i++)
		assert_int_equal(seen[i], 1);
	assert_int_equal(factors_refresh(b.f), 14);
	ok(decompose(&b, "all", false, true, &r));
	assert_true(r.computed == 14);

	job_cancel(&job);
	wipe(&b);
	assert_int_equal(factors_decompose(b.m, b.cache, "all", false, false, b.pool, &job, NULL,
					   NULL, &r, &err),
			 T2_ECANCEL);
	assert_int_equal(r.computed, 0);
	job_destroy(&job);
	bed_close(&b);
}

/* What a damaged cache says, and that --force repairs it. */
static void
test_damage(void **state)
{
	struct decompose_report r;
	struct factors *f;
	struct factor a;
	struct safetensors *file;
	struct bed b;
	char dir[700];
	float *U;

	(void)state;
	if (!bed_open(&b, model, 2))
		skip();
	bed_decompose(&b);
	snprintf(dir, sizeof dir, "%s/%s", b.cache, model_fingerprint(b.m));

	/* Cut short. */
	assert_int_equal(truncate(file_of(&b, 5), 5000), 0);
	assert_int_equal(factors_open(&f, b.m, b.cache, &err), T2_EFORMAT);
	assert_null(f);
	assert_non_null(strstr(err.msg, model_matrix(b.m, 5)->name));
	assert_int_equal(decompose(&b, "all", false, false, &r), T2_EFORMAT);
	ok(decompose(&b, "all", false, true, &r));
	ok(factors_open(&f, b.m, b.cache, &err));
	factors_free(f);

	/* Another matrix's file: the shape is wrong; the same shape, wrong numbers: only a check sees it. */
	ok(factor_file_open(&file, &a, b.m, MAT_UP, dir, &err));
	ok(factor_file_write(&a, b.m, MAT_KINDS + MAT_UP, dir, &err));
	ok(decompose(&b, "all", false, false, &r));
	assert_int_equal(decompose(&b, "all", true, false, &r), T2_ENUM);
	assert_non_null(strstr(err.msg, model_matrix(b.m, MAT_KINDS + MAT_UP)->name));
	assert_true(r.max_rel_error > 0.1);
	ok(factor_file_write(&a, b.m, MAT_GATE, dir, &err)); /* same shape again */
	a.r--;
	ok(factor_file_write(&a, b.m, MAT_GATE, dir, &err));
	assert_int_equal(factors_open(&f, b.m, b.cache, &err), T2_EMISMATCH);
	a.r++;

	/* Not a number. */
	U = malloc((size_t)a.m * (size_t)a.r * sizeof *U);
	memcpy(U, a.U, (size_t)a.m * (size_t)a.r * sizeof *U);
	U[17] = NAN;
	a.U = U;
	ok(factor_file_write(&a, b.m, MAT_GATE, dir, &err));
	assert_int_equal(decompose(&b, "all", true, false, &r), T2_ENUM);
	free(U);
	safetensors_free(file);

	/* Other metadata. */
	{
		static const char *const meta[] = {
			"format", "t2-factors",	 "version",
			"1",	  "fingerprint", "00000000000000000000000000000000"};
		float v[2] = {0};
		struct st_write t = {"U", "F32", 1, {2}, v, sizeof v};

		ok(safetensors_write(file_of(&b, 0), &t, 1, meta, 3, &err));
		assert_int_equal(factors_open(&f, b.m, b.cache, &err), T2_EMISMATCH);
		ok(safetensors_write(file_of(&b, 0), &t, 1, meta, 2, &err));
		assert_int_equal(factors_open(&f, b.m, b.cache, &err), T2_EMISMATCH);
		ok(safetensors_write(file_of(&b, 0), &t, 1, NULL, 0, &err));
		assert_int_equal(factors_open(&f, b.m, b.cache, &err), T2_EFORMAT);
	}
	ok(decompose(&b, "all", true, true, &r));
	assert_true(r.computed == 14 && r.max_rel_error < 1e-6);
	bed_close(&b);
}

static void *
thread_main(void *arg)
{
	struct bed *b = arg;
	struct decompose_report r;
	struct t2_err e;

	return factors_decompose(b->m, b->cache, "all", true, false, NULL, NULL, NULL, NULL, &r, &e)
		       ? (void *)-1000
		       : (void *)(intptr_t)r.computed;
}

/* Three processes, then three threads of one, at once: every matrix once, all of them sound. */
static void
test_together(void **state)
{
	enum { PROCESSES = 3 };
	struct decompose_report r;
	int total = 0, fds[2];
	pthread_t thread[PROCESSES];
	struct bed b;
	char orphan[1000];
	FILE *f;

	(void)state;
	if (!bed_open(&b, model, 1))
		skip();
	b.cache = temp_dir();
	ok(decompose(&b, "mlp", false, false, &r));
	wipe(&b);
	assert_int_equal(pipe(fds), 0);
	for (int i = 0; i < PROCESSES; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (!pid) {
			int got = decompose(&b, "all", true, false, &r) ? -1000 : r.computed;

			_exit(write(fds[1], &got, sizeof got) != sizeof got);
		}
	}
	for (int i = 0; i < PROCESSES; i++) {
		int status, got;

		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
		assert_int_equal(read(fds[0], &got, sizeof got), (int)sizeof got);
		total += got;
	}
	close(fds[0]);
	close(fds[1]);
	assert_int_equal(total, 14);
	assert_int_equal(count_files(&b, ".tmp."), 0);
	ok(decompose(&b, "all", true, false, &r));
	assert_int_equal(r.cached, 14);

	wipe(&b);
	total = 0;
	for (int i = 0; i < PROCESSES; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, thread_main, &b), 0);
	for (int i = 0; i < PROCESSES; i++) {
		void *got;

		pthread_join(thread[i], &got);
		total += (int)(intptr_t)got;
	}
	assert_int_equal(total, 14);

	/* What a killed writer left goes with the next call. */
	snprintf(orphan, sizeof orphan, "%s.tmp.999999.0", file_of(&b, 2));
	f = fopen(orphan, "w");
	assert_non_null(f);
	fclose(f);
	ok(decompose(&b, "all", false, false, &r));
	assert_int_equal(count_files(&b, ".tmp."), 0);
	bed_close(&b);
}

/* No room: one clear line, nothing left behind, and what was finished stays. */
static void
test_full(void **state)
{
	struct rlimit was, small = {60000, 60000};
	struct decompose_report r;
	enum t2_status st;
	struct bed b;

	(void)state;
	if (!bed_open(&b, model, 1))
		skip();
	b.cache = temp_dir();
	getrlimit(RLIMIT_FSIZE, &was);
	small.rlim_max = was.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &small);
	st = decompose(&b, "all", false, false, &r);
	setrlimit(RLIMIT_FSIZE, &was);
	assert_int_equal(st, T2_EIO);
	assert_non_null(strstr(err.msg, "cannot write"));
	assert_int_equal(count_files(&b, ".tmp."), 0);
	assert_int_equal(count_files(&b, ".safetensors"), 0);
	/* A cache that cannot be made at all. */
	b.cache = "/proc/nowhere";
	assert_int_equal(decompose(&b, "all", false, false, &r), T2_EIO);
	assert_non_null(strstr(err.msg, "/proc/nowhere"));
	bed_close(&b);
}

static void
test_from(void **state)
{
	struct factor list[14] = {{0}};
	struct factors *f;
	struct bed b;

	(void)state;
	if (!bed_open(&b, model, 2))
		skip();
	bed_decompose(&b);
	list[3] = *factors_get(b.f, 3);
	list[3].sigma64 = NULL;
	ok(factors_from(&f, b.m, list, &err));
	assert_int_equal(factors_count(f), 1);
	assert_int_equal(factors_refresh(f), 1);
	assert_true(factors_get(f, 3)->sigma64[2] == list[3].sigma[2]);
	factors_free(f);
	list[4] = list[3];
	assert_int_equal(factors_from(&f, b.m, list, &err), T2_EMISMATCH);
	assert_null(f);
	bed_close(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sigma),  cmocka_unit_test(test_resume),
		cmocka_unit_test(test_damage), cmocka_unit_test(test_together),
		cmocka_unit_test(test_full),   cmocka_unit_test(test_from),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
