/* cost_command.h - `t2tui info MODEL --cost`. */
#ifndef T2_BENCH_COST_COMMAND_H
#define T2_BENCH_COST_COMMAND_H

struct cli;

int cost_command(struct cli *c); /* exit status */

#endif
