/*
 * Sentences for people, made of a pattern and the parameters that an error has beside its code. A client can make its
 * own sentence of the same parameters. `{name}` in a pattern stands for the parameter of this name. Pure.
 *
 * Callers: errors.c, field_errors.c, reply.c, and handlers that name parameters.
 */
#ifndef ROSTRUM_GATEWAY_HTTP_SENTENCE_H
#define ROSTRUM_GATEWAY_HTTP_SENTENCE_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/base.h"

enum { SENTENCE_SIZE = 256 }; /* bytes of a sentence with its NUL; a longer one is cut */

enum parameter_kind {
    PARAMETER_NUMBER, /* a whole number */
    PARAMETER_MONEY,  /* minor units */
    PARAMETER_TIME,   /* milliseconds since 1970 */
    PARAMETER_WORD,   /* a text */
    PARAMETER_WORDS,  /* a list: words separated by single spaces */
    PARAMETER_NULL,   /* null; no sentence has it */
};

struct parameter {
    const char *name; /* the member of the error, in camel case */
    enum parameter_kind kind;
    int64_t number;
    const char *text; /* outlives the parameter */
};

struct jsonw;

struct parameter parameter_number(const char *name, int64_t number);
struct parameter parameter_money(const char *name, int64_t minor);
struct parameter parameter_time(const char *name, int64_t ms);
struct parameter parameter_word(const char *name, const char *word);
struct parameter parameter_words(const char *name, const char *words);
struct parameter parameter_null(const char *name);

/* Writes the pattern with its parameters. False, with "" in `out`: one of them is missing. */
MUST_CHECK bool sentence_write(const char *pattern, const struct parameter *parameters, size_t count,
                               char out[static SENTENCE_SIZE]);
/* Appends each parameter as a member of the open object. */
void sentence_put_parameters(struct jsonw *json, const struct parameter *parameters, size_t count);

#endif
