#include "engine/train/settings.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"

#define AT(field)                                                                                  \
	offsetof(struct train_settings, field), sizeof(((struct train_settings *)0)->field)

const struct setting train_settings_table[] = {
	{"modules", SETTING_CHOICE, AT(modules), 0, 0, "all|mlp|attn", "which matrices get a z"},
	{"scale", SETTING_CHOICE, AT(scale), 0, 0, "plain|reference",
	 "z itself, or the authors' c * sigmoid(p)"},
	{"steps", SETTING_INT, AT(steps), 1, 1000000, NULL, "optimiser steps"},
	{"batch", SETTING_INT, AT(batch), 1, 100000, NULL, "prompts a step"},
	{"samples", SETTING_INT, AT(samples), 1, 1024, NULL, "answers a prompt"},
	{"temp", SETTING_REAL, AT(temp), 0, 10, NULL,
	 "sampling temperature of rollouts; 0 is greedy"},
	{"baseline", SETTING_CHOICE, AT(baseline), 0, 0, "rloo|mean|none",
	 "taken off the reward: the prompt's other samples' mean, the step's mean, nothing"},
	{"lr", SETTING_REAL, AT(lr), 0, 10, NULL,
	 "Adam's step size; 0: 1.2 / sqrt(values), twice that for reference"},
	{"clip", SETTING_REAL, AT(clip), 0, 1e9, NULL, "global gradient norm at most; 0: no clip"},
	{"kl", SETTING_REAL, AT(kl), 0, 1e6, NULL, "weight of KL(base || adapted) in the loss"},
	{"normalise", SETTING_CHOICE, AT(normalise), 0, 0, "no|yes",
	 "rewards to mean 0 and deviation 1 over the step"},
	{"reward-clip", SETTING_REAL, AT(reward_clip), 0, 1e6, NULL,
	 "rewards clipped to +- this; 0: no clip"},
	{"max-new", SETTING_INT, AT(max_new), 0, 100000, NULL,
	 "new tokens an answer at most; 0: the task's"},
	{"eval-every", SETTING_INT, AT(eval_every), 0, 1000000, NULL,
	 "steps between validations; 0: never, and the last step is kept"},
	{"eval-items", SETTING_INT, AT(eval_items), 1, 1000000, NULL, "validation items at most"},
	{0},
};

enum t2_status
train_settings_preset(struct train_settings *s, const char *preset, struct t2_err *err)
{
	static const struct train_settings standard = {.preset = "default",
						       .modules = "all",
						       .scale = "plain",
						       .baseline = "rloo",
						       .normalise = "no",
						       .steps = 60,
						       .batch = 32,
						       .samples = 8,
						       .max_new = 0,
						       .eval_every = 5,
						       .eval_items = 200,
						       .temp = 1,
						       .lr = 0,
						       .clip = 1,
						       .kl = 0,
						       .reward_clip = 0};
	/* REFERENCE.md section 2: the authors' code, with the 200 steps of its training script */
	static const struct train_settings authors = {.preset = "reference",
						      .modules = "mlp",
						      .scale = "reference",
						      .baseline = "none",
						      .normalise = "no",
						      .steps = 200,
						      .batch = 256,
						      .samples = 1,
						      .max_new = 0,
						      .eval_every = 10,
						      .eval_items = 1000000,
						      .temp = 0,
						      .lr = 2e-3,
						      .clip = 1e-3,
						      .kl = 0,
						      .reward_clip = 0};

	if (!strcmp(preset, "default"))
		*s = standard;
	else if (!strcmp(preset, "reference"))
		*s = authors;
	else
		return t2_fail(err, T2_EINVAL, "preset %s: default or reference is wanted", preset);
	return T2_OK;
}

static const struct setting *
find(const char *name)
{
	for (const struct setting *t = train_settings_table; t->name; t++)
		if (!strcmp(t->name, name))
			return t;
	return NULL;
}

static bool
is_choice(const char *choices, const char *value)
{
	size_t n = strlen(value);

	for (const char *p = choices; *p;) {
		size_t len = strcspn(p, "|");

		if (len == n && !memcmp(p, value, n))
			return true;
		p += len + (p[len] == '|');
	}
	return false;
}

enum t2_status
train_settings_set(struct train_settings *s, const char *name, const char *value,
		   struct t2_err *err)
{
	const struct setting *t = find(name);
	char *field, *end;
	double x;

	if (!t)
		return t2_fail(err, T2_EINVAL, "setting %s: no such setting", name);
	field = (char *)s + t->offset;
	if (t->kind == SETTING_CHOICE) {
		if (!is_choice(t->choices, value))
			return t2_fail(err, T2_EINVAL, "%s %s: one of %s is wanted", name, value,
				       t->choices);
		snprintf(field, t->size, "%s", value);
		return T2_OK;
	}
	x = strtod(value, &end);
	if (end == value || *end || !(x >= t->lo && x <= t->hi) ||
	    (t->kind == SETTING_INT && x != floor(x)))
		return t2_fail(err, T2_EINVAL, "%s %s: a%s number from %g to %g is wanted", name,
			       value, t->kind == SETTING_INT ? " whole" : "", t->lo, t->hi);
	if (t->kind == SETTING_INT)
		*(int *)(void *)field = (int)x;
	else
		*(double *)(void *)field = x;
	return T2_OK;
}

void
train_settings_get(const struct train_settings *s, const struct setting *t, char *out, size_t size)
{
	const char *field = (const char *)s + t->offset;

	if (t->kind == SETTING_CHOICE)
		snprintf(out, size, "%s", field);
	else if (t->kind == SETTING_INT)
		snprintf(out, size, "%d", *(const int *)(const void *)field);
	else
		snprintf(out, size, "%g", *(const double *)(const void *)field);
}

enum t2_status
train_settings_check(const struct train_settings *s, struct t2_err *err)
{
	if (!strcmp(s->baseline, "rloo") && s->samples < 2)
		return t2_fail(err, T2_EINVAL,
			       "baseline rloo: needs the prompt's other samples; set samples to 2 "
			       "or more, or baseline to mean");
	if (s->temp == 0 && s->samples > 1)
		return t2_fail(err, T2_EINVAL,
			       "samples %d at temperature 0: they would all be the same answer; "
			       "set temp above 0 or samples to 1",
			       s->samples);
	return T2_OK;
}

double
train_settings_lr(const struct train_settings *s, long values)
{
	double rule = 1.2 / sqrt(values > 0 ? (double)values : 1);

	if (s->lr > 0)
		return s->lr;
	return strcmp(s->scale, "reference") ? rule : 2 * rule;
}

json_t *
train_settings_json(const struct train_settings *s)
{
	json_t *o = json_object();

	json_object_set_new(o, "preset", json_string(s->preset));
	for (const struct setting *t = train_settings_table; t->name; t++) {
		const char *field = (const char *)s + t->offset;

		if (t->kind == SETTING_CHOICE)
			json_object_set_new(o, t->name, json_string(field));
		else if (t->kind == SETTING_INT)
			json_object_set_new(o, t->name,
					    json_integer(*(const int *)(const void *)field));
		else
			json_object_set_new(o, t->name,
					    json_real(*(const double *)(const void *)field));
	}
	return o;
}

enum t2_status
train_settings_from_json(struct train_settings *s, const json_t *obj, const char *where,
			 struct t2_err *err)
{
	const char *preset = "default";
	enum t2_status st = json_opt_string(obj, "preset", &preset, where, err);

	if (!st)
		st = train_settings_preset(s, preset, err);
	for (const struct setting *t = train_settings_table; t->name && !st; t++) {
		const json_t *v = json_object_get(obj, t->name);
		char text[64];

		if (!v)
			continue;
		if (json_is_string(v))
			snprintf(text, sizeof text, "%s", json_string_value(v));
		else
			snprintf(text, sizeof text, "%.17g", json_number_value(v));
		st = train_settings_set(s, t->name, text, err);
		if (st)
			st = t2_wrap(err, st, "%s", where);
	}
	return st;
}
