/* The kernels in plain C: what the others are tested against, and all there is on unknown processors. */
#include <math.h>

#include "engine/linalg/kern_impl.h"

#define CHUNK 256 /* values unpacked at a time: a whole number of blocks of every type */

/* Four sums side by side: shorter rounding chains, and the compiler may keep them in one register. */
static float
dot(const float *a, const float *b, int n)
{
	float sum[4] = {0};
	int i = 0;

	for (; i + 4 <= n; i += 4)
		for (int j = 0; j < 4; j++)
			sum[j] += a[i + j] * b[i + j];
	for (; i < n; i++)
		sum[0] += a[i] * b[i];
	return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static void
matvec(enum dtype t, const void *W, int mrows, int n, const float *x, int ldx, int rows, float *y,
       int ldy, const float *arranged)
{
	const char *w = W;
	size_t row_bytes = dtype_row_bytes(t, (size_t)n), chunk_bytes = dtype_row_bytes(t, CHUNK);

	(void)arranged;
	for (int j = 0; j < mrows; j++, w += row_bytes) {
		float buf[CHUNK], sum[KERN_ROWS] = {0};
		const char *p = w;

		for (int c = 0; c < n; c += CHUNK, p += chunk_bytes) {
			int part = n - c < CHUNK ? n - c : CHUNK;
			dtype_to_f32(t, p, (size_t)part, buf);
			for (int i = 0; i < rows; i++)
				sum[i] += dot(buf, x + (size_t)i * ldx + c, part);
		}
		for (int i = 0; i < rows; i++)
			y[(size_t)i * ldy + j] = sum[i];
	}
}

static void
axpy(float *y, float a, const float *x, int n)
{
	for (int i = 0; i < n; i++)
		y[i] += a * x[i];
}

static void
scale_mul(float *y, const float *x, const float *s, int n)
{
	for (int i = 0; i < n; i++)
		y[i] = x[i] * s[i];
}

static void
rmsnorm(float *y, const float *x, const float *w, int n, float eps)
{
	float scale = 1 / sqrtf(dot(x, x, n) / (float)n + eps);

	for (int i = 0; i < n; i++)
		y[i] = x[i] * scale * w[i];
}

static void
silu_mul(float *y, const float *gate, const float *up, int n)
{
	for (int i = 0; i < n; i++)
		y[i] = gate[i] / (1 + expf(-gate[i])) * up[i];
}

static float
largest(const float *x, int n)
{
	float max = x[0];

	for (int i = 1; i < n; i++)
		max = x[i] > max ? x[i] : max;
	return max;
}

static void
softmax(float *x, int n)
{
	float max = largest(x, n), sum = 0;

	for (int i = 0; i < n; i++)
		sum += x[i] = expf(x[i] - max);
	for (int i = 0; i < n; i++)
		x[i] /= sum;
}

static double
logsumexp(const float *x, int n)
{
	float max = largest(x, n);
	double sum = 0;

	for (int i = 0; i < n; i++)
		sum += (double)expf(x[i] - max);
	return (double)max + log(sum);
}

#define MR 4
#define NR 8

static void
micro(int rows, int cols, int k, const float *A, size_t lda, const struct ahead *next,
      const float *b, int width, float *C, int ldc, bool add)
{
	(void)next;
	for (int i = 0; i < rows; i++, A += lda, C += ldc) {
		float sum[NR] = {0};

		for (int l = 0; l < k; l++)
			for (int j = 0; j < width; j++)
				sum[j] += A[l] * b[(size_t)l * width + j];
		for (int j = 0; j < cols; j++)
			C[j] = add ? C[j] + sum[j] : sum[j];
	}
}

void
kern_turn(int wrows, int rows, const float *sum, int width, const float *const *scale, int at,
	  float *Y, int ldy)
{
	for (int c = 0; c < rows; c++)
		for (int i = 0; i < wrows; i++)
			Y[(size_t)c * ldy + i] =
				sum[i * width + c] * (scale ? scale[c][at + i] : 1);
}

static void
pack_rows(const float *src, size_t ld, int rows, int k, float *dst, int width)
{
	for (int l = 0; l < k; l++, dst += width)
		for (int i = 0; i < width; i++)
			dst[i] = i < rows ? src[(size_t)i * ld + l] : 0;
}

static void
pack_cols(const float *src, size_t ld, int cols, int k, float *dst, int width)
{
	for (int l = 0; l < k; l++, dst += width, src += ld)
		for (int j = 0; j < width; j++)
			dst[j] = j < cols ? src[j] : 0;
}

const struct kern_impl kern_plain = {
	.name = "plain",
	.matvec = matvec,
	.unpack = dtype_to_f32,
	.dot = dot,
	.axpy = axpy,
	.scale_mul = scale_mul,
	.rmsnorm = rmsnorm,
	.silu_mul = silu_mul,
	.softmax = softmax,
	.logsumexp = logsumexp,
	.mr = MR,
	.nr = NR,
	.micro = micro,
	.turn = kern_turn,
	.pack_rows = pack_rows,
	.pack_cols = pack_cols,
};
