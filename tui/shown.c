#include "tui/shown.h"

#include <string.h>

const char *
shown_strategy(const char *spec)
{
	return strcmp(spec, "none") ? spec : "base";
}

const char *
shown_strategy_typed(const char *shown)
{
	return strcmp(shown, "base") ? shown : "none";
}
