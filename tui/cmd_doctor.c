#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <langinfo.h>

#include "engine/linalg/blas.h"
#include "engine/linalg/kern.h"
#include "tui/cli.h"
#include "tui/paths.h"
#include "tui/verbs.h"

static void
report(struct cli *c, json_t *list, const char *name, bool ok, const char *detail,
       const char *remedy)
{
	if (c->json)
		json_array_append_new(list,
				      json_pack("{s:s,s:b,s:s,s:s}", "name", name, "ok", ok,
						"detail", detail, "remedy", ok ? "" : remedy));
	else if (ok)
		printf("ok    %-10s %s\n", name, detail);
	else
		printf("WARN  %-10s %s\n                 %s\n", name, detail, remedy);
}

static void
check_kernels(struct cli *c, json_t *list)
{
	char detail[200], remedy[200];

	snprintf(detail, sizeof detail, "BLIS runs its %s kernels; this CPU is best served by %s",
		 blas_family(), blas_best_family());
	snprintf(remedy, sizeof remedy,
		 "unset BLIS_ARCH_TYPE: it forces slower kernels than this CPU can run");
	report(c, list, "blis", !strcmp(blas_family(), blas_best_family()), detail, remedy);
	report(c, list, "lapack", strstr(blas_library(), "BLIS") != NULL, blas_library(),
	       "rebuild: LAPACK should be linked on BLIS");
	snprintf(detail, sizeof detail, "vector kernels: %s, %d threads%s", kern_name(),
		 pool_threads(c->ws.pool),
		 kern_has_amx() && kern_level() != KERN_AMX
			 ? "; this CPU has AMX, off unless T2_KERNELS=amx asks for it"
			 : "");
	report(c, list, "kernels", kern_level() != KERN_PLAIN || !getenv("T2_KERNELS"), detail,
	       "unset T2_KERNELS: it forces slower kernels");
}

static void
check_folder(struct cli *c, json_t *list, const char *name, const char *dir)
{
	struct statvfs v;
	char detail[1200];
	double gib;

	if (statvfs(dir, &v)) {
		report(c, list, name, false, dir,
		       "make the folder, or set XDG_CACHE_HOME / XDG_DATA_HOME");
		return;
	}
	gib = (double)v.f_bavail * (double)v.f_frsize / (1 << 30);
	snprintf(detail, sizeof detail, "%s, %.1f GiB free", dir, gib);
	report(c, list, name, gib > 1, detail,
	       "free some space: factors of a 1 B model take about 8 GiB");
}

static int
doctor_run(struct cli *c)
{
	json_t *list = json_array();
	struct t2_err err;
	char path[1024];
	const char *term = getenv("TERM"), *codeset;
	bool ok = true;

	if (workspace_start(&c->ws, (int)c->threads, c->store_path, &err)) {
		report(c, list, "store", false, err.msg,
		       "see the message, or name another file with --store");
		ok = false;
	}
	check_kernels(c, list);
	if (c->ws.store)
		report(c, list, "store", true, store_path(c->ws.store), "");
	if (c->ws.cache[0])
		check_folder(c, list, "cache", c->ws.cache);
	if (paths_share("samples/model", path, sizeof path))
		report(c, list, "sample", true, path, "");
	else
		report(c, list, "sample", false, "the shipped files are not found",
		       "set T2TUI_SHARE to the folder that holds samples/");
	setlocale(LC_ALL, "");
	codeset = nl_langinfo(CODESET);
	report(c, list, "locale", !strcmp(codeset, "UTF-8"), codeset,
	       "set LANG=C.UTF-8 for braille plots; without it they are ASCII");
	report(c, list, "terminal", term && strcmp(term, "dumb"), term ? term : "TERM is not set",
	       "set TERM (xterm-256color); verbs work without it, the workbench does not");
	for (size_t i = 0; i < json_array_size(list); i++)
		ok = ok && json_is_true(json_object_get(json_array_get(list, i), "ok"));
	if (c->json)
		cli_json(json_pack("{s:O}", "checks", list));
	json_decref(list);
	return ok ? 0 : 1;
}

const struct command cmd_doctor = {
	"doctor", "",	      "is everything as it should be: kernels, store, folders, terminal",
	NULL,	  doctor_run, 0};
