#include "tui/weights.h"

#include <stdio.h>
#include <string.h>

int
weights_open(struct cli *c, int pos, int what, struct weights *w)
{
	const char *expert = cli_str(c, "--expert"), *mix = cli_str(c, "--mix"),
		   *form = cli_str(c, "--form");
	char note[256] = "";
	bool factored;
	int rc;

	memset(w, 0, sizeof *w);
	if (expert && mix)
		return cli_usage(c, "--expert and --mix: one of the two");
	if (form && !form_parse(form, &w->form))
		return cli_usage(c, "--form %s: base, dense, factored, delta or auto is wanted",
				 form);
	if ((expert || mix) && w->form == FORM_BASE)
		return cli_usage(c, "--form base: the base model knows no %s",
				 expert ? "--expert" : "--mix");
	if (expert)
		snprintf(w->label, sizeof w->label, "expert:%s", expert);
	else if (mix)
		snprintf(w->label, sizeof w->label, "mix:%s", mix);
	else
		snprintf(w->label, sizeof w->label, "none");
	factored = expert || mix || (w->form != FORM_AUTO && w->form != FORM_BASE);
	if ((rc = cli_open(c, pos, what | WS_UNKEPT | (factored ? WS_FACTORS : WS_CACHED))))
		return rc;
	if (workspace_zset(&c->ws, w->label, cli_flag(c, "--transfer"), &w->z, note, &c->err) ||
	    adaptation_new(&w->ad, c->ws.model, c->ws.factors, c->ws.pool, 1, w->form, &c->err) ||
	    adaptation_set(w->ad, 0, w->z, &c->err)) {
		weights_close(w);
		return cli_fail(c);
	}
	if (note[0])
		cli_note(c, "%s", note);
	return 0;
}

void
weights_close(struct weights *w)
{
	adaptation_free(w->ad);
	zset_free(w->z);
	memset(w, 0, sizeof *w);
}
