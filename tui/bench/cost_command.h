/* cost_command.h - `t2tui info MODEL --cost`, and how far it would have been off. */
#ifndef T2_BENCH_COST_COMMAND_H
#define T2_BENCH_COST_COMMAND_H

struct cli;

/* Exit statuses. */
int cost_command(struct cli *c);
int cost_held_command(struct cli *c); /* `t2tui bench --held-out` */

#endif
