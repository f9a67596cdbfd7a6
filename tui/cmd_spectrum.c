#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "engine/svf/spectrum.h"
#include "tui/cmd_spectrum.h"

static const struct opt opts[] = {
	{"--matrix", "NAME", "one matrix by name"},
	{"--csv", NULL, "matrix,component,sigma lines (with --expert also z and sigma*z)"},
	{"--expert", "NAME", "adds an expert's z"},
	{"--transfer", NULL, "allow an expert of another model where shapes fit"},
	{"--compare", "OTHER", "against another model's spectra, matrix by matrix"},
	{0},
};

json_t *
spectrum_numbers(const float *v, const double *v64, int n)
{
	json_t *a = json_array();

	for (int i = 0; i < n; i++)
		json_array_append_new(a, cli_json_real(v64 ? v64[i] : (double)v[i]));
	return a;
}

void
spectrum_stats_json(json_t *o, const struct spectrum_stats *s)
{
	const struct {
		const char *name;
		double x;
	} real[] = {{"spectral_norm", s->spectral_norm}, {"frobenius_norm", s->frobenius_norm},
		    {"stable_rank", s->stable_rank},	 {"effective_rank", s->effective_rank},
		    {"tail_exponent", s->tail_exponent}, {"noise_edge", s->noise_edge},
		    {"tail_xmin", s->tail_xmin}};

	for (size_t k = 0; k < sizeof real / sizeof *real; k++)
		json_object_set_new(
			o, real[k].name,
			cli_json_real(real[k].x)); /* the tail of a short spectrum has no fit */
	json_object_set_new(o, "above_edge", json_integer(s->above_edge));
	json_object_set_new(o, "tail_n", json_integer(s->tail_n));
}

json_t *
spectrum_matrix_json(const struct weight *w, int i, const struct factor *f,
		     const struct spectrum_stats *s, const struct zset *z)
{
	json_t *o =
		json_pack("{s:s,s:i,s:s,s:i,s:i,s:i,s:o}", "name", w->name, "layer", i / MAT_KINDS,
			  "kind", mat_kind_name(i % MAT_KINDS), "m", f->m, "n", f->n, "rank", f->r,
			  "sigma", spectrum_numbers(f->sigma, f->sigma64, f->r));

	spectrum_stats_json(o, s);
	if (z && z->z[i])
		json_object_set_new(o, "z", spectrum_numbers(z->z[i], NULL, f->r));
	return o;
}

static void
print_csv(const struct weight *w, int i, const struct factor *f, const struct zset *z)
{
	for (int k = 0; k < f->r; k++) {
		double s = f->sigma64 ? f->sigma64[k] : (double)f->sigma[k];

		printf("%s,%d,%.17g", w->name, k, s);
		if (z) {
			double x = z->z[i] ? (double)z->z[i][k] : 1;

			printf(",%.9g,%.17g", x, s * x);
		}
		printf("\n");
	}
}

static int
spectrum_run(struct cli *c)
{
	const char *only = cli_str(c, "--matrix"), *expert = cli_str(c, "--expert");
	char spec[PATH_MAX + 16], note[256];
	struct zset *z = NULL;
	bool both = cli_str(c, "--compare") && expert, csv = cli_flag(c, "--csv");
	int rc = both		  ? cli_usage(c, "--compare and --expert do not go together")
		 : csv && c->json ? cli_usage(c, "--csv and --json: one of the two")
				  : cli_open(c, 0, WS_FACTORS | WS_UNKEPT),
	    want = -1;
	json_t *list;

	if (rc)
		return rc;
	if (only && (want = model_matrix_find(c->ws.model, only)) < 0) {
		t2_fail(&c->err, T2_ENOTFOUND,
			"matrix %s: the model has none of that name; \"t2tui info\" lists them",
			only);
		return cli_fail(c);
	}
	if (cli_str(c, "--compare"))
		return spectrum_compare(c, cli_str(c, "--compare"), want, csv);
	snprintf(spec, sizeof spec, "expert:%s", expert ? expert : "");
	if (expert && workspace_zset(&c->ws, spec, cli_flag(c, "--transfer"), &z, note, &c->err))
		return cli_fail(c);
	if (csv)
		printf(expert ? "matrix,component,sigma,z,sigma_z\n" : "matrix,component,sigma\n");
	else if (!c->json)
		printf("%-44s %10s %10s %9s %9s %8s %10s %6s\n", "matrix", "spectral", "frobenius",
		       "stable r", "effect. r", "tail", "edge", "above");
	list = json_array();
	for (int i = 0; i < model_matrices(c->ws.model) && !rc; i++) {
		const struct factor *f = factors_get(c->ws.factors, i);
		const struct weight *w = model_matrix(c->ws.model, i);
		struct spectrum_stats s;

		if (!f || (want >= 0 && i != want))
			continue;
		if (csv) {
			print_csv(w, i, f, z);
			continue;
		}
		if (f->sigma64 ? spectrum_compute_f64(&s, f->sigma64, f->m, f->n, &c->err)
			       : spectrum_compute(&s, f->sigma, f->m, f->n, &c->err))
			rc = cli_fail(c);
		else if (c->json)
			json_array_append_new(list, spectrum_matrix_json(w, i, f, &s, z));
		else
			printf("%-44s %10.4g %10.4g %9.3g %9.3g %8.3g %10.4g %6d\n", w->name,
			       s.spectral_norm, s.frobenius_norm, s.stable_rank, s.effective_rank,
			       s.tail_exponent, s.noise_edge, s.above_edge);
	}
	if (c->json && !rc)
		cli_json(json_pack("{s:o}", "matrices", list));
	else
		json_decref(list);
	zset_free(z);
	return rc;
}

const struct command cmd_spectrum = {"spectrum", "MODEL",      "singular values and what they say",
				     opts,	 spectrum_run, 1};
