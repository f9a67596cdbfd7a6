/* tokenizer.h - text to token ids and back, from tokenizer.json or a GGUF vocabulary.
 *
 *	tokenizer_open(&t, model_path, err);			// a folder with tokenizer.json, that file, or a .gguf
 *	tokenizer_encode(t, text, len, TOK_SPECIAL, &ids, err);	// as the model's own tokenizer does
 *	tokenizer_decode(t, ids.v, ids.n, &text, err);
 *	tokenizer_free(t);
 *
 * Byte-level BPE with its pre-tokenizer expression, and SentencePiece-style BPE (by Metaspace or by a normalizer) with byte
 * fallback.  What a file asks for and we lack is refused by name (T2_EUNSUP).  Input bytes that are not UTF-8 become
 * U+FFFD, one for each maximal part.  Immutable after opening: any number of threads may use it. */
#ifndef T2_TOKENIZER_H
#define T2_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/status.h"
#include "engine/base/strbuf.h"

enum { TOKENIZER_TEXT_MAX = 256 << 20 }; /* bytes of one text, before and after normalizing */

struct tokenizer;

struct ids {
	int *v;
	int n, cap;
};
enum t2_status ids_push(struct ids *ids, int id, struct t2_err *err);
void ids_free(struct ids *ids);

enum tok_flags {
	TOK_PLAIN = 0,	 /* no BOS/EOS added; special tokens written in the text are recognised */
	TOK_SPECIAL = 1, /* what the tokenizer's own encode adds (its post-processor) is added */
};

enum t2_status tokenizer_open(struct tokenizer **out, const char *path, struct t2_err *err);
void tokenizer_free(struct tokenizer *t);
int tokenizer_size(const struct tokenizer *t); /* ids are 0 .. size-1 */
/* "byte-level BPE", "BPE with byte fallback", "BPE". */
const char *tokenizer_kind(const struct tokenizer *t);
int tokenizer_merges(const struct tokenizer *t);

/* Appends to *ids. */
enum t2_status tokenizer_encode(const struct tokenizer *t, const char *text, size_t len, int flags,
				struct ids *ids, struct t2_err *err);
/* Appends the text of the whole list; special tokens are shown as they are written, no clean-up.  An id without an entry
 * is U+FFFD: a model may have more rows than its tokenizer has tokens, and draw one of them. */
enum t2_status tokenizer_decode(const struct tokenizer *t, const int *ids, int n,
				struct strbuf *out, struct t2_err *err);

/* Streaming: appends what has become certain with this token; bytes of an unfinished character wait, and byte tokens
 * (<0xE4>) until their run ends, because one that is not UTF-8 spoils it.  The parts together are tokenizer_decode(). */
struct tok_stream;
enum t2_status tok_stream_new(struct tok_stream **out, const struct tokenizer *t,
			      struct t2_err *err);
enum t2_status tok_stream_push(struct tok_stream *s, int id, struct strbuf *out,
			       struct t2_err *err);
enum t2_status tok_stream_end(struct tok_stream *s, struct strbuf *out, struct t2_err *err);
void tok_stream_free(struct tok_stream *s);

/* The vocabulary entry as written (e.g. "Ġthe", "▁the", "<0x0A>"), borrowed; NULL: no such id. */
const char *tokenizer_piece(const struct tokenizer *t, int id, size_t *len);
int tokenizer_id(const struct tokenizer *t, const char *piece); /* -1: none */
bool tokenizer_is_special(const struct tokenizer *t, int id);
int tokenizer_bos(const struct tokenizer *t); /* -1: none */
int tokenizer_eos(const struct tokenizer *t);
const char *
tokenizer_bos_text(const struct tokenizer *t); /* "" when none: what templates call bos_token */
const char *tokenizer_eos_text(const struct tokenizer *t);
/* The chat template (Jinja source), from tokenizer_config.json, chat_template.jinja or GGUF; NULL: none. */
const char *tokenizer_chat_template(const struct tokenizer *t);

#endif
