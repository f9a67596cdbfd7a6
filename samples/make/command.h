/* command.h - the subcommands of make-samples; main.c has their table. */
#ifndef T2_WORLD_COMMAND_H
#define T2_WORLD_COMMAND_H

#include <stdint.h>

#include "engine/base/status.h"

struct options {
	const char *dir;
	const char *tasks; /* folder of task folders: check */
	uint64_t seed;
	int steps, threads, limit; /* 0: the default */
};

enum t2_status command_tasks(const struct options *o, struct t2_err *err);
enum t2_status command_sums(const struct options *o, struct t2_err *err);
enum t2_status command_tokenizer(const struct options *o, struct t2_err *err);
enum t2_status command_pretrain(const struct options *o, struct t2_err *err);
enum t2_status command_check(const struct options *o, struct t2_err *err);

#endif
