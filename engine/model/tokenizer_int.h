/* tokenizer_int.h - the parts of a tokenizer, for the files that read one: tokenizer_json.c and tokenizer_gguf.c fill
 * it, tokenizer.c completes and runs it. */
#ifndef T2_TOKENIZER_INT_H
#define T2_TOKENIZER_INT_H

#include <jansson.h>

#include "engine/model/added.h"
#include "engine/model/bpe.h"
#include "engine/model/detok.h"
#include "engine/model/normalize.h"
#include "engine/model/pretok.h"
#include "engine/model/tokenizer.h"
#include "engine/model/vocab.h"

struct tokenizer {
	struct vocab vocab;
	int size; /* of the vocabulary, without what is only there for merging */
	struct bpe bpe;
	struct added raw;    /* cut out of the text as it is */
	struct added normed; /* cut out of the normalized rest */
	struct normalizer norm;
	struct pretok pretok;
	struct detok detok;
	struct ids prefix, suffix; /* what TOK_SPECIAL puts around the ids */
	int bos, eos;		   /* -1: none */
	char *bos_text, *eos_text; /* NULL: none */
	char *chat_template;
};

struct gguf;

/* An empty one, what tokenizer_free() frees; filled by one of tokenizer_read_json() and _gguf(), then completed. */
struct tokenizer *tokenizer_alloc(void);
enum t2_status tokenizer_complete(struct tokenizer *t, struct t2_err *err);
/* Each fills its part; path, or where, names the file in messages. */
enum t2_status tokenizer_read_json(struct tokenizer *t, const char *bytes, size_t n,
				   const char *path, struct t2_err *err);
enum t2_status tokenizer_read_normalizer(struct tokenizer *t, const json_t *j, const char *path,
					 struct t2_err *err);
enum t2_status tokenizer_read_pretok(struct tokenizer *t, const json_t *j, const char *path,
				     struct t2_err *err);
enum t2_status tokenizer_read_decoder(struct tokenizer *t, const json_t *j, const char *path,
				      struct t2_err *err);
/* tokenizer_config.json and chat_template.jinja beside path, where they are. */
enum t2_status tokenizer_read_config(struct tokenizer *t, const char *path, struct t2_err *err);
enum t2_status tokenizer_read_gguf(struct tokenizer *t, const struct gguf *g, struct t2_err *err);

/* GPT-2's own expression, what ByteLevel uses by itself. */
extern const char tokenizer_gpt2_words[];
/* Every match of an expression, as files write it, becomes a word of its own. */
enum t2_status tokenizer_add_split(struct tokenizer *t, const char *regex, const char *where,
				   struct t2_err *err);
enum t2_status tokenizer_set_template(struct tokenizer *t, const char *s, size_t len,
				      const char *where, struct t2_err *err);
/* A copy of s[0 .. len) with a NUL behind it; NULL: out of memory. */
char *tokenizer_copy(const char *s, size_t len);

#endif
