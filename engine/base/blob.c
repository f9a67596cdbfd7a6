#include "engine/base/blob.h"

#include <string.h>

enum { TAG = 8 };

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "checkpoints are little-endian and are copied as they are"
#endif

void
blob_put(struct strbuf *out, const char *tag, const int64_t *fields, int nfields,
	 const double *const *arrays, const int64_t *sizes, int narrays)
{
	char head[TAG] = {0};

	memcpy(head, tag, strnlen(tag, TAG - 1));
	strbuf_add(out, head, sizeof head);
	strbuf_add(out, fields, (size_t)nfields * sizeof *fields);
	for (int i = 0; i < narrays; i++)
		strbuf_add(out, arrays[i], (size_t)sizes[i] * sizeof(double));
}

enum t2_status
blob_get(const void *bytes, size_t size, const char *tag, int64_t *fields, int nfields,
	 struct t2_err *err)
{
	size_t n = (size_t)nfields * sizeof *fields;

	if (size < TAG + n || strncmp(bytes, tag, TAG))
		return t2_fail(err, T2_EFORMAT, "checkpoint: not a %s state", tag);
	memcpy(fields, (const char *)bytes + TAG, n);
	return T2_OK;
}

enum t2_status
blob_get_arrays(const void *bytes, size_t size, int nfields, double *const *arrays,
		const int64_t *sizes, int narrays, struct t2_err *err)
{
	size_t at = TAG + (size_t)nfields * sizeof(int64_t), left = size - at;
	const char *p = (const char *)bytes + at;

	for (int i = 0; i < narrays; i++) {
		if (sizes[i] < 0 || (size_t)sizes[i] > left / sizeof(double))
			return t2_fail(err, T2_EFORMAT, "checkpoint: cut short");
		left -= (size_t)sizes[i] * sizeof(double);
	}
	if (left)
		return t2_fail(err, T2_EFORMAT, "checkpoint: %zu bytes too many", left);
	for (int i = 0; i < narrays; i++) {
		memcpy(arrays[i], p, (size_t)sizes[i] * sizeof(double));
		p += (size_t)sizes[i] * sizeof(double);
	}
	return T2_OK;
}
