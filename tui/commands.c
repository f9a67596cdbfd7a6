#include "tui/cli.h"
#include "tui/verbs.h"

/* In the order in which help and manual show them. */
const struct command *const commands[] = {
	&cmd_info,   &cmd_tokenize,  &cmd_generate, &cmd_logits,     &cmd_decompose, &cmd_spectrum,
	&cmd_ask,    &cmd_train,     &cmd_grad,	    &cmd_search,     &cmd_eval,	     &cmd_score,
	&cmd_expert, &cmd_mix,	     &cmd_run,	    &cmd_export,     &cmd_bench,     &cmd_doctor,
	&cmd_tour,   &cmd_reproduce, &cmd_store,    &cmd_completion, NULL,
};
