/* settings.h - every hyper-parameter of training in one table: it drives the options of `t2tui train`, the Train form, the
 * settings kept with a run, and the manual.
 *
 *	struct train_settings s;
 *	train_settings_preset(&s, "default", err);
 *	train_settings_set(&s, "steps", "40", err);
 *	train_settings_check(&s, err);
 *
 * lr 0 stands for the rule 1.2 / sqrt(values), doubled for the reference scale (train_settings_lr). */
#ifndef T2_SETTINGS_H
#define T2_SETTINGS_H

#include <jansson.h>
#include <stddef.h>

#include "engine/base/status.h"

struct train_settings {
	char preset[16], modules[8], scale[16], baseline[8], normalise[8];
	int steps, batch, samples, max_new, eval_every, eval_items;
	double temp, lr, clip, kl, reward_clip;
};

enum setting_kind { SETTING_INT, SETTING_REAL, SETTING_CHOICE };

struct setting {
	const char *name; /* "eval-every": the option without its dashes, the JSON key */
	enum setting_kind kind;
	size_t offset, size; /* in struct train_settings */
	double lo, hi;
	const char *choices; /* "plain|reference" */
	const char *help;
};

extern const struct setting train_settings_table[]; /* ended by a NULL name */

/* "default" or "reference" (the authors' recipe). */
enum t2_status train_settings_preset(struct train_settings *s, const char *preset,
				     struct t2_err *err);
enum t2_status train_settings_set(struct train_settings *s, const char *name, const char *value,
				  struct t2_err *err);
/* As text, for a form: "0.02", "plain". */
void train_settings_get(const struct train_settings *s, const struct setting *which, char *out,
			size_t size);
/* Settings that contradict each other: leave-one-out with one sample, greedy rollouts with several. */
enum t2_status train_settings_check(const struct train_settings *s, struct t2_err *err);
double train_settings_lr(const struct train_settings *s, long values);

json_t *train_settings_json(const struct train_settings *s); /* a new reference; NULL: no memory */
enum t2_status train_settings_from_json(struct train_settings *s, const json_t *obj,
					const char *where, struct t2_err *err);

#endif
