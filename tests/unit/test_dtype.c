/* Stored number formats against the golden blocks, bit for bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/linalg/dtype.h"
#include "tests/lib/golden.h"
#include "tests/lib/tensors.h"

static void
test_blocks(void **state)
{
	const char *path = golden_path("quant/blocks.safetensors");
	struct tensors t;

	(void)state;
	if (!path)
		skip();
	tensors_open(&t, path);
	for (enum dtype type = T2_F16; type < T2_DTYPES; type++) {
		char name[32];
		size_t raw_bytes, want_bytes;

		snprintf(name, sizeof name, "%s.raw", dtype_name(type));
		const char *raw = tensors_get(&t, name, &raw_bytes);
		snprintf(name, sizeof name, "%s.f32", dtype_name(type));
		const float *want = tensors_get(&t, name, &want_bytes);
		assert_non_null(raw);
		assert_non_null(want);
		size_t n = want_bytes / sizeof *want;
		assert_int_equal(raw_bytes, dtype_row_bytes(type, n));

		/* At an odd address too: tensors need not be aligned. */
		char *moved = malloc(raw_bytes + 1);
		float *got = malloc(want_bytes);
		memcpy(moved + 1, raw, raw_bytes);
		dtype_to_f32(type, moved + 1, n, got);
		assert_memory_equal(got, want, want_bytes);
		free(moved);
		free(got);
	}
	tensors_close(&t);
}

static void
test_row_bytes(void **state)
{
	(void)state;
	assert_int_equal(dtype_row_bytes(T2_F32, 5), 20);
	assert_int_equal(dtype_row_bytes(T2_Q4_1, 576), 360);
	assert_int_equal(dtype_row_bytes(T2_Q4_1, 33), 0);
	assert_int_equal(dtype_row_bytes(T2_Q6_K, 512), 420);
	assert_int_equal(dtype_row_bytes(T2_Q6_K, 288), 0);
	assert_int_equal(dtype_row_bytes(T2_F32, SIZE_MAX), 0);
}

static uint32_t
bits(float f)
{
	uint32_t b;

	memcpy(&b, &f, 4);
	return b;
}

/* Every half there is goes to float32 and back; the value is checked against ldexp(). */
static void
test_half_both_ways(void **state)
{
	(void)state;
	for (uint32_t h = 0; h < 0x10000; h++) {
		int exponent = h >> 10 & 31, mantissa = h & 1023;
		float f = f16_to_f32((uint16_t)h);

		if (exponent == 31 && mantissa) {
			assert_true(isnan(f));
			assert_true(isnan(f16_to_f32(f32_to_f16(f))));
			continue;
		}
		double want = exponent == 31 ? INFINITY
			      : exponent     ? ldexp(1024 + mantissa, exponent - 25)
					     : ldexp(mantissa, -24);
		assert_int_equal(bits(f), bits((float)(h & 0x8000 ? -want : want)));
		assert_int_equal(f32_to_f16(f), h);
	}
}

/* Halfway between neighbours rounds to the even one, a hair to either side to the nearer one. */
static void
test_half_rounding(void **state)
{
	(void)state;
	for (uint16_t h = 0; h < 0x7bff; h++) {
		float a = f16_to_f32(h), b = f16_to_f32(h + 1), mid = a + (b - a) / 2;

		assert_int_equal(f32_to_f16(mid), h & 1 ? h + 1 : h);
		assert_int_equal(f32_to_f16(nextafterf(mid, 0)), h);
		assert_int_equal(f32_to_f16(-nextafterf(mid, INFINITY)), 0x8000 | (h + 1));
	}
	assert_int_equal(f32_to_f16(65519.996f), 0x7bff);
	assert_int_equal(f32_to_f16(65520.0f), 0x7c00);
	assert_int_equal(f32_to_f16(-3e38f), 0xfc00);
	assert_int_equal(f32_to_f16(1e-30f), 0);
}

static void
test_bf16_rounding(void **state)
{
	(void)state;
	for (uint32_t b = 0; b < 0x7f80; b++) {
		uint32_t up = b << 16;
		float exact, half;

		memcpy(&exact, &up, 4);
		up |= 0x8000;
		memcpy(&half, &up, 4);
		assert_int_equal(f32_to_bf16(exact), b);
		assert_int_equal(f32_to_bf16(half), b & 1 ? b + 1 : b);
		assert_int_equal(f32_to_bf16(-nextafterf(half, 0)), 0x8000 | b);
		assert_int_equal(f32_to_bf16(nextafterf(half, INFINITY)), b + 1);
	}
	/* A NaN whose payload sits in the dropped bits must not become infinity. */
	uint32_t nan_bits = 0x7f800001;
	float f;
	memcpy(&f, &nan_bits, 4);
	assert_true((f32_to_bf16(f) & 0x7fff) > 0x7f80);
	assert_int_equal(f32_to_bf16(INFINITY), 0x7f80);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blocks),	       cmocka_unit_test(test_row_bytes),
		cmocka_unit_test(test_half_both_ways), cmocka_unit_test(test_half_rounding),
		cmocka_unit_test(test_bf16_rounding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
