/* verbs.h - the subcommands, each in its own tui/cmd_NAME.c. */
#ifndef T2_VERBS_H
#define T2_VERBS_H

struct command;

extern const struct command cmd_workbench, cmd_info, cmd_tokenize, cmd_generate, cmd_logits,
	cmd_decompose, cmd_spectrum, cmd_ask, cmd_train, cmd_grad, cmd_search, cmd_eval, cmd_score,
	cmd_expert, cmd_mix, cmd_run, cmd_export, cmd_bench, cmd_doctor, cmd_tour, cmd_reproduce,
	cmd_store, cmd_completion;

#endif
