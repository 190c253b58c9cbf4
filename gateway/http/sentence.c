/*
 * See sentence.h.
 */
#include "gateway/http/sentence.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/money.h"

struct parameter parameter_number(const char *name, int64_t number)
{
    return (struct parameter){.name = name, .kind = PARAMETER_NUMBER, .number = number};
}

struct parameter parameter_money(const char *name, int64_t minor)
{
    return (struct parameter){.name = name, .kind = PARAMETER_MONEY, .number = minor};
}

struct parameter parameter_time(const char *name, int64_t ms)
{
    return (struct parameter){.name = name, .kind = PARAMETER_TIME, .number = ms};
}

struct parameter parameter_word(const char *name, const char *word)
{
    return (struct parameter){.name = name, .kind = PARAMETER_WORD, .text = word};
}

struct parameter parameter_words(const char *name, const char *words)
{
    return (struct parameter){.name = name, .kind = PARAMETER_WORDS, .text = words};
}

struct parameter parameter_null(const char *name)
{
    return (struct parameter){.name = name, .kind = PARAMETER_NULL};
}

/* ---- the sentence ---- */

struct writer {
    char *out; /* SENTENCE_SIZE bytes */
    size_t length;
};

/* Cuts what does not fit, but never within a UTF-8 character. */
static void append(struct writer *writer, const char *text, size_t length)
{
    size_t space = SENTENCE_SIZE - 1 - writer->length;
    if (length > space) {
        length = space;
        while (length > 0 && ((unsigned char)text[length] & 0xc0U) == 0x80U) {
            length--;
        }
    }
    memcpy(writer->out + writer->length, text, length);
    writer->length += length;
    writer->out[writer->length] = '\0';
}

static void append_words(struct writer *writer, const char *words)
{
    for (;;) {
        size_t length = strcspn(words, " ");
        append(writer, words, length);
        if (words[length] == '\0') {
            return;
        }
        append(writer, ", ", 2);
        words += length + 1;
    }
}

static void append_parameter(struct writer *writer, const struct parameter *parameter)
{
    char text[SENTENCE_SIZE] = "";
    switch (parameter->kind) {
    case PARAMETER_NUMBER:
        (void)snprintf(text, sizeof(text), "%" PRId64, parameter->number);
        break;
    case PARAMETER_MONEY:
        money_format(parameter->number, text);
        break;
    case PARAMETER_TIME:
        clock_format(parameter->number, text);
        break;
    case PARAMETER_WORD:
        append(writer, parameter->text, strlen(parameter->text));
        return;
    case PARAMETER_WORDS:
        append_words(writer, parameter->text);
        return;
    case PARAMETER_NULL:
        return;
    }
    append(writer, text, strlen(text));
}

static const struct parameter *find(const char *name, size_t length, const struct parameter *parameters, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(parameters[i].name) == length && strncmp(parameters[i].name, name, length) == 0) {
            return &parameters[i];
        }
    }
    return NULL;
}

bool sentence_write(const char *pattern, const struct parameter *parameters, size_t count,
                    char out[static SENTENCE_SIZE])
{
    struct writer writer = {.out = out};
    out[0] = '\0';
    while (*pattern != '\0') {
        size_t plain = strcspn(pattern, "{");
        append(&writer, pattern, plain);
        pattern += plain;
        if (*pattern == '{') {
            size_t length = strcspn(++pattern, "}");
            const struct parameter *parameter = find(pattern, length, parameters, count);
            assert(pattern[length] == '}');
            if (parameter == NULL || parameter->kind == PARAMETER_NULL) {
                out[0] = '\0';
                return false;
            }
            append_parameter(&writer, parameter);
            pattern += length + 1;
        }
    }
    return true;
}

/* ---- the members ---- */

static void put_words(struct jsonw *json, const char *words)
{
    jsonw_array(json);
    for (;;) {
        size_t length = strcspn(words, " ");
        jsonw_string_n(json, words, length);
        if (words[length] == '\0') {
            break;
        }
        words += length + 1;
    }
    jsonw_end_array(json);
}

void sentence_put_parameters(struct jsonw *json, const struct parameter *parameters, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct parameter *parameter = &parameters[i];
        jsonw_name(json, parameter->name);
        switch (parameter->kind) {
        case PARAMETER_NUMBER:
            jsonw_int(json, parameter->number);
            break;
        case PARAMETER_MONEY:
            jsonw_money(json, parameter->number);
            break;
        case PARAMETER_TIME:
            jsonw_time(json, parameter->number);
            break;
        case PARAMETER_WORD:
            jsonw_string(json, parameter->text);
            break;
        case PARAMETER_WORDS:
            put_words(json, parameter->text);
            break;
        case PARAMETER_NULL:
            jsonw_null(json);
            break;
        }
    }
}
