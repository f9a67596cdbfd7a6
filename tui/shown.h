/* shown.h - one name on the screen for what has several.
 *
 *	shown_strategy("none")			// "base": the weights as they are; every other strategy as it is spelled
 *	shown_strategy_typed("base")		// "none"
 */
#ifndef T2_SHOWN_H
#define T2_SHOWN_H

/* Of a strategy, or of what it decided.  Borrowed: the argument, or a constant. */
const char *shown_strategy(const char *spec);
const char *shown_strategy_typed(const char *shown);

#endif
