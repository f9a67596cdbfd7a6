/* make-samples: makes the sample model of t2tui, its tokenizer and its tasks.
 *
 *	make-samples tasks samples/tasks
 *	make-samples tokenizer samples/model
 *	make-samples pretrain samples/model --steps 20000 --threads 2
 *	make-samples check samples/model
 *
 * Everything is a function of --seed (default 0).  Data goes to stdout, messages to stderr. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "samples/make/command.h"

#define LEN(a) (sizeof(a) / sizeof *(a))

static const struct command {
	const char *name, *help;
	enum t2_status (*run)(const struct options *o, struct t2_err *err);
} commands[] = {
	{"tasks", "write the task folders below DIR", command_tasks},
	{"sums", "write DIR/sums: two-digit addition, for a model of the user's own", command_sums},
	{"tokenizer", "train the tokenizer, write tokenizer.json into DIR", command_tokenizer},
	{"pretrain", "train the model in DIR, which has a tokenizer; goes on where it was stopped",
	 command_pretrain},
	{"check", "greedy and forced-opener accuracy of the model in DIR on the task folders",
	 command_check},
};

static void
usage(FILE *f)
{
	fprintf(f, "usage: make-samples COMMAND DIR [--seed N] [--steps N] [--threads N] [--tasks "
		   "DIR] [--limit N]\n");
	for (size_t i = 0; i < LEN(commands); i++)
		fprintf(f, "  %-10s %s\n", commands[i].name, commands[i].help);
}

static long
number(const char *option, const char *s, long lo, long hi)
{
	char *end;
	long v;

	errno = 0;
	v = strtol(s, &end, 10);
	if (errno || !*s || *end || v < lo || v > hi) {
		fprintf(stderr, "make-samples: --%s: %s is not a number in %ld .. %ld\n", option, s,
			lo, hi);
		exit(2);
	}
	return v;
}

static void
options_read(struct options *o, int argc, char **argv)
{
	static const struct option table[] = {
		{"seed", required_argument, NULL, 's'},
		{"steps", required_argument, NULL, 'n'},
		{"threads", required_argument, NULL, 't'},
		{"tasks", required_argument, NULL, 'k'},
		{"limit", required_argument, NULL, 'l'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};

	for (int c; (c = getopt_long(argc, argv, "h", table, NULL)) != -1;) {
		switch (c) {
		case 's':
			o->seed = (uint64_t)number("seed", optarg, 0, 0x7fffffffffffffff);
			break;
		case 'n':
			o->steps = (int)number("steps", optarg, 1, 10000000);
			break;
		case 't':
			o->threads = (int)number("threads", optarg, 0, 1024);
			break;
		case 'k':
			o->tasks = optarg;
			break;
		case 'l':
			o->limit = (int)number("limit", optarg, 1, 1000000);
			break;
		case 'h':
			usage(stdout);
			exit(0);
		default:
			usage(stderr);
			exit(2);
		}
	}
}

int
main(int argc, char **argv)
{
	struct options o = {.tasks = "samples/tasks"};
	struct t2_err err = {0};

	options_read(&o, argc, argv);
	if (argc - optind != 2) {
		usage(stderr);
		return 2;
	}
	o.dir = argv[optind + 1];
	for (size_t i = 0; i < LEN(commands); i++) {
		if (strcmp(argv[optind], commands[i].name))
			continue;
		if (!commands[i].run(&o, &err))
			return 0;
		fprintf(stderr, "make-samples: %s\n", err.msg);
		return 1;
	}
	usage(stderr);
	return 2;
}
