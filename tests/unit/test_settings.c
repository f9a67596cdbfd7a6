#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/train/settings.h"

static struct train_settings
preset(const char *name)
{
	struct train_settings s;
	struct t2_err err;

	assert_int_equal(train_settings_preset(&s, name, &err), T2_OK);
	return s;
}

static void
refused(struct train_settings *s, const char *name, const char *value)
{
	struct train_settings before = *s;
	struct t2_err err = {0};

	assert_int_equal(train_settings_set(s, name, value, &err), T2_EINVAL);
	assert_memory_equal(s, &before, sizeof before);
	assert_non_null(strstr(err.msg, name));
}

static void
test_presets(void **state)
{
	struct train_settings s = preset("default"), r = preset("reference");
	struct t2_err err;

	(void)state;
	assert_int_equal(train_settings_check(&s, &err), T2_OK);
	assert_int_equal(train_settings_check(&r, &err), T2_OK);
	assert_string_equal(s.scale, "plain");
	assert_int_equal(s.steps, 60);
	assert_int_equal(s.batch * s.samples, 256);
	/* REFERENCE.md section 2 */
	assert_string_equal(r.scale, "reference");
	assert_string_equal(r.modules, "mlp");
	assert_string_equal(r.baseline, "none");
	assert_true(r.lr == 2e-3 && r.clip == 1e-3 && r.temp == 0 && r.kl == 0);
	assert_int_equal(r.batch, 256);
	assert_int_equal(r.samples, 1);
	assert_int_equal(r.eval_every, 10);
	assert_int_equal(train_settings_preset(&s, "fast", &err), T2_EINVAL);
	assert_non_null(strstr(err.msg, "fast"));
}

static void
test_set(void **state)
{
	struct train_settings s = preset("default");
	struct t2_err err;

	(void)state;
	assert_int_equal(train_settings_set(&s, "steps", "40", &err), T2_OK);
	assert_int_equal(s.steps, 40);
	assert_int_equal(train_settings_set(&s, "lr", "5e-3", &err), T2_OK);
	assert_true(s.lr == 5e-3);
	assert_int_equal(train_settings_set(&s, "scale", "reference", &err), T2_OK);
	assert_string_equal(s.scale, "reference");
	refused(&s, "steps", "0");
	refused(&s, "steps", "2.5");
	refused(&s, "steps", "");
	refused(&s, "steps", "4x");
	refused(&s, "lr", "nan");
	refused(&s, "lr", "-1");
	refused(&s, "lr", "inf");
	refused(&s, "scale", "plai");
	refused(&s, "scale", "plain|reference");
	refused(&s, "scale", "");
	refused(&s, "momentum", "1");
}

static void
test_contradictions(void **state)
{
	struct train_settings s = preset("default");
	struct t2_err err;

	(void)state;
	s.samples = 1;
	assert_int_equal(train_settings_check(&s, &err), T2_EINVAL);
	assert_non_null(strstr(err.msg, "rloo"));
	s.samples = 4;
	s.temp = 0;
	assert_int_equal(train_settings_check(&s, &err), T2_EINVAL);
	assert_non_null(strstr(err.msg, "temp"));
}

static void
test_lr(void **state)
{
	struct train_settings s = preset("default");

	(void)state;
	assert_true(fabs(train_settings_lr(&s, 3072) - 1.2 / sqrt(3072)) < 1e-15);
	snprintf(s.scale, sizeof s.scale, "reference");
	assert_true(fabs(train_settings_lr(&s, 3072) - 2.4 / sqrt(3072)) < 1e-15);
	s.lr = 0.5;
	assert_true(train_settings_lr(&s, 3072) == 0.5);
	s.lr = 0;
	assert_true(isfinite(train_settings_lr(&s, 0)));
}

/* What a run keeps gives the same settings back, bit for bit. */
static void
test_json(void **state)
{
	struct train_settings s = preset("reference"), back;
	struct t2_err err;
	json_t *o, *text;
	char *line;

	(void)state;
	s.lr = 1.0 / 3;
	s.kl = 0.1;
	s.steps = 123456;
	memset(&back, 0, sizeof back);
	o = train_settings_json(&s);
	line = json_dumps(o, JSON_COMPACT | JSON_REAL_PRECISION(17));
	text = json_loads(line, 0, NULL);
	assert_int_equal(train_settings_from_json(&back, text, "run 1", &err), T2_OK);
	for (const struct setting *t = train_settings_table; t->name; t++) {
		char a[64], b[64];

		train_settings_get(&s, t, a, sizeof a);
		train_settings_get(&back, t, b, sizeof b);
		assert_string_equal(a, b);
	}
	assert_true(back.lr == s.lr && back.kl == s.kl && back.steps == s.steps);
	assert_string_equal(back.preset, "reference");
	json_object_set_new(text, "steps", json_integer(-1));
	assert_int_equal(train_settings_from_json(&back, text, "run 1", &err), T2_EINVAL);
	assert_non_null(strstr(err.msg, "run 1"));
	json_decref(o);
	json_decref(text);
	free(line);
}

/* The table is what form, options and manual show: every row has its help, a name of its own and a value in range. */
static void
test_table(void **state)
{
	struct train_settings s = preset("default");
	struct t2_err err;

	(void)state;
	for (const struct setting *t = train_settings_table; t->name; t++) {
		char v[64];

		assert_true(t->help && *t->help);
		assert_true((t->kind == SETTING_CHOICE) == (t->choices != NULL));
		for (const struct setting *u = t + 1; u->name; u++)
			assert_string_not_equal(t->name, u->name);
		train_settings_get(&s, t, v, sizeof v);
		assert_int_equal(train_settings_set(&s, t->name, v, &err), T2_OK);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_presets),	       cmocka_unit_test(test_set),
		cmocka_unit_test(test_contradictions), cmocka_unit_test(test_lr),
		cmocka_unit_test(test_json),	       cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
