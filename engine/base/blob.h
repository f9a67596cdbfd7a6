/* blob.h - the state of an object as bytes, for checkpoints in the store.
 *
 *	struct strbuf b = {0};
 *	blob_put(&b, "T2ADAM1", fields, 2, arrays, sizes, 2);	// b.failed: out of memory
 *	...
 *	blob_get(bytes, size, "T2ADAM1", fields, 2, err);		// lets the caller size its arrays
 *	blob_get_arrays(bytes, size, 2, arrays, sizes, 2, err);
 *
 * Layout: 8 bytes of tag (its NUL included), the fields (int64), the arrays (float64), little-endian. */
#ifndef T2_BLOB_H
#define T2_BLOB_H

#include <stdint.h>

#include "engine/base/status.h"
#include "engine/base/strbuf.h"

/* tag: seven characters. */
void blob_put(struct strbuf *out, const char *tag, const int64_t *fields, int nfields,
	      const double *const *arrays, const int64_t *sizes, int narrays);
enum t2_status blob_get(const void *bytes, size_t size, const char *tag, int64_t *fields,
			int nfields, struct t2_err *err);
/* After blob_get(); T2_EFORMAT unless the arrays fill the rest exactly, and then no array has changed. */
enum t2_status blob_get_arrays(const void *bytes, size_t size, int nfields, double *const *arrays,
			       const int64_t *sizes, int narrays, struct t2_err *err);

#endif
