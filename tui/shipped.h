/* shipped.h - the sample world that comes with the program, entered into a store that does not have it. */
#ifndef T2_SHIPPED_H
#define T2_SHIPPED_H

#include "engine/base/status.h"

struct store;

/* Registers the sample model, its experts (samples/experts/index.json) and recorded runs, once per store and sample: those of
 * an older sample leave.  Where the shipped files are not found, nothing happens. */
enum t2_status shipped_register(struct store *s, struct t2_err *err);

#endif
