#include <stdio.h>
#include <string.h>

#include "engine/base/strbuf.h"
#include "tui/cli.h"
#include "tui/completion.h"
#include "tui/verbs.h"

/* The shells know nothing of the verbs: they ask "t2tui completion words -- WORD ...", the last word being typed. */
static const char bash_script[] = "# bash completion for t2tui: . <(t2tui completion bash)\n"
				  "_t2tui()\n"
				  "{\n"
				  "\tlocal IFS=$'\\n' i w glue= line cur prefix files=\n"
				  "\tlocal -a words=()\n"
				  "\t# readline breaks words at ':' and '='; t2tui does not\n"
				  "\tfor ((i = 1; i <= COMP_CWORD; i++)); do\n"
				  "\t\tw=${COMP_WORDS[i]}\n"
				  "\t\tif [[ $w == [:=] && ${#words[@]} -gt 0 ]]; then\n"
				  "\t\t\twords[${#words[@]} - 1]+=$w\n"
				  "\t\t\tglue=1\n"
				  "\t\t\tcontinue\n"
				  "\t\telif [[ $glue ]]; then\n"
				  "\t\t\twords[${#words[@]} - 1]+=$w\n"
				  "\t\telse\n"
				  "\t\t\twords+=(\"$w\")\n"
				  "\t\tfi\n"
				  "\t\tglue=\n"
				  "\tdone\n"
				  "\tcur=${words[${#words[@]} - 1]}\n"
				  "\tprefix=${cur%\"${cur##*[:=]}\"}\n"
				  "\tCOMPREPLY=()\n"
				  "\tfor line in $(\"${COMP_WORDS[0]}\" completion words -- "
				  "\"${words[@]}\" 2>/dev/null); do\n"
				  "\t\tif [[ $line == :files ]]; then\n"
				  "\t\t\tfiles=1\n"
				  "\t\telse\n"
				  "\t\t\tline=${line%%$'\\t'*}\n"
				  "\t\t\tCOMPREPLY+=(\"${line#\"$prefix\"}\")\n"
				  "\t\tfi\n"
				  "\tdone\n"
				  "\tif [[ $files ]]; then\n"
				  "\t\tcompopt -o filenames 2>/dev/null\n"
				  "\t\tCOMPREPLY+=($(compgen -f -- \"${cur#\"$prefix\"}\"))\n"
				  "\tfi\n"
				  "}\n"
				  "complete -F _t2tui t2tui\n";

static const char zsh_script[] =
	"#compdef t2tui\n"
	"# zsh completion for t2tui: a file _t2tui in a folder of $fpath\n"
	"_t2tui()\n"
	"{\n"
	"\tlocal line files=\n"
	"\tlocal -a found\n"
	"\tfor line in \"${(@f)$(\"$words[1]\" completion words -- \"${(@)words[2,CURRENT]}\" "
	"2>/dev/null)}\"; do\n"
	"\t\tif [[ $line == :files ]]; then\n"
	"\t\t\tfiles=1\n"
	"\t\telif [[ -n $line ]]; then\n"
	"\t\t\tfound+=(\"${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}\")\n"
	"\t\tfi\n"
	"\tdone\n"
	"\t(( $#found )) && _describe -t values t2tui found\n"
	"\t[[ -n $files ]] && _files\n"
	"}\n"
	"if [[ $funcstack[1] == _t2tui ]]; then _t2tui \"$@\"; else compdef _t2tui t2tui; fi\n";

static const char fish_script[] =
	"# fish completion for t2tui: t2tui completion fish | source\n"
	"function __t2tui_complete\n"
	"\tset -l words (commandline -opc) (commandline -ct)\n"
	"\tfor line in ($words[1] completion words -- $words[2..-1] 2>/dev/null)\n"
	"\t\tif test \"$line\" = :files\n"
	"\t\t\t__fish_complete_path (commandline -ct)\n"
	"\t\telse\n"
	"\t\t\techo $line\n"
	"\t\tend\n"
	"\tend\n"
	"end\n"
	"complete -c t2tui -f -a '(__t2tui_complete)'\n";

static int
completion_run(struct cli *c)
{
	static const struct {
		const char *shell, *script;
	} scripts[] = {{"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};
	const char *what = cli_pos(c, 0, "bash, zsh or fish");
	struct strbuf out = {0};

	if (!what)
		return 2;
	if (c->json)
		return cli_usage(c, "--json: a shell's script is not JSON");
	if (!strcmp(what, "words")) {
		completion_words(c->pos + 1, c->npos - 1, &out);
		fwrite(out.s ? out.s : "", 1, out.len, stdout);
		strbuf_free(&out);
		return 0;
	}
	for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++)
		if (!strcmp(what, scripts[i].shell)) {
			if (c->npos > 1)
				return cli_usage(c, "%s: one argument too many", c->pos[1]);
			fputs(scripts[i].script, stdout);
			return 0;
		}
	return cli_usage(c, "completion %s: bash, zsh or fish is wanted", what);
}

const struct command cmd_completion = {
	"completion", "bash | zsh | fish", "completion of this command line for a shell",
	NULL,	      completion_run,	   CLI_MAX};
