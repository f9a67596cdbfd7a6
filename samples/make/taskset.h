/* taskset.h - the seven task folders of the sample world.
 *
 *	taskset_write("samples/tasks", 0, err);		// math/task.json, math/test.jsonl ..
 *
 * Questions of a folder are all different; their splits are the items' own, so nothing tested occurs in the corpus. */
#ifndef T2_WORLD_TASKSET_H
#define T2_WORLD_TASKSET_H

#include <stdint.h>

#include "engine/base/status.h"

enum t2_status taskset_write(const char *dir, uint64_t seed, struct t2_err *err);

#endif
