/* golden.h - where the expected numbers lie, and saying so when they do not.
 *
 *	const char *p = golden_path("tokenize/llama3.jsonl");	// T2_SHARED (default ../shared) / goldens / ...
 *	if (!p) skip();						// cmocka counts it as skipped
 *
 * The returned string is static storage, good until the eighth next call. */
#ifndef T2_GOLDEN_H
#define T2_GOLDEN_H

const char *shared_path(const char *rel); /* NULL where absent */
const char *golden_path(const char *rel);
const char *temp_dir(
	void); /* a fresh folder below $TMPDIR, removed at exit; the string: good until the 16th next call */

#endif
