/*
 * See scanner.h. A state machine with one function for each group of states. A function returns the next state, and may
 * replace the byte.
 */
#include "gateway/http/scanner.h"

#include <string.h>
#include <strings.h>

enum state {
    AT_METHOD,
    AT_EMPTY_LF, /* of an empty line before the request */
    AT_TARGET_BEGIN,
    AT_TARGET,
    AT_VERSION,
    AT_REQUEST_LF,
    AT_HEADER, /* first byte of a line */
    AT_NAME,
    AT_VALUE,
    AT_VALUE_LF,
    AT_HEAD_LF, /* of the empty line after the headers */
    AT_BODY,
    AT_SIZE,
    AT_SIZE_BLANK, /* blanks between size and semicolon */
    AT_EXTENSION,
    AT_SIZE_LF,
    AT_CHUNK,
    AT_CHUNK_CR,
    AT_CHUNK_LF,
    AT_TRAILER, /* first byte of a line */
    AT_TRAILER_NAME,
    AT_TRAILER_VALUE,
    AT_TRAILER_LF,
    AT_END_LF,
    AT_END,
    AT_ERROR,
};

static const char version_start[] = "HTTP/1.";

/* ---- bytes and words ---- */

/* A byte of a token (RFC 9110, 5.6.2). */
static bool is_token(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

/* A byte of a header value: no control character but the tab. */
static bool is_text(char c)
{
    return c == '\t' || ((unsigned char)c >= ' ' && c != '\x7f');
}

static bool is_visible(char c)
{
    return c > ' ' && c < '\x7f';
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Returns -1 for another byte. */
static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void word_clear(struct scanner_word *word)
{
    word->length = 0;
    word->cut = false;
}

static void word_add(struct scanner_word *word, char c)
{
    if (word->length == sizeof(word->text)) {
        word->cut = true;
    } else {
        word->text[word->length++] = c;
    }
}

static bool word_is(const struct scanner_word *word, const char *text)
{
    return !word->cut && word->length == strlen(text) && strncasecmp(word->text, text, word->length) == 0;
}

static enum state fail(struct scanner *scanner, enum error_code error)
{
    scanner->error = error;
    return AT_ERROR;
}

static enum state expect(struct scanner *scanner, bool ok, enum state next)
{
    return ok ? next : fail(scanner, ERROR_BAD_REQUEST);
}

/* ---- request line ---- */

static bool is_method(const struct scanner *scanner, const char *name)
{
    size_t length = strlen(name);
    return scanner->method.length == length && memcmp(scanner->method.text, name, length) == 0;
}

static enum state read_method(struct scanner *scanner, char c)
{
    if (c == '\r' && scanner->method.length == 0) {
        return expect(scanner, scanner->empty_lines < SCANNER_EMPTY_LINES_MAX, AT_EMPTY_LF);
    }
    if (c == ' ' && scanner->method.length > 0) {
        return AT_TARGET_BEGIN;
    }
    word_add(&scanner->method, c);
    return expect(scanner, is_token(c), AT_METHOD);
}

static enum state read_empty_lf(struct scanner *scanner, char c)
{
    scanner->empty_lines++;
    scanner->empty_bytes += 2;
    return expect(scanner, c == '\n', AT_METHOD);
}

static enum state read_target(struct scanner *scanner, char c)
{
    if (c == ' ' && scanner->state == AT_TARGET) {
        return AT_VERSION;
    }
    return expect(scanner, is_visible(c), AT_TARGET);
}

/* A later version than 1.1 becomes 1.1: evhttp would answer with the version of the request. */
static enum state read_version(struct scanner *scanner, char *byte)
{
    const char c = *byte;
    size_t at = scanner->version_length++;
    if (at < sizeof(version_start) - 1) {
        return expect(scanner, c == version_start[at], AT_VERSION);
    }
    if (at == sizeof(version_start) - 1) {
        scanner->version_10 = c == '0';
        *byte = c == '0' ? '0' : '1';
        return expect(scanner, c >= '0' && c <= '9', AT_VERSION);
    }
    return expect(scanner, c == '\r', AT_REQUEST_LF);
}

/* ---- headers ---- */

static enum state read_header(struct scanner *scanner, char c)
{
    if (c == '\r') {
        return AT_HEAD_LF;
    }
    /* A blank would continue the header before (obs-fold), which servers and proxies read differently. */
    word_clear(&scanner->name);
    word_clear(&scanner->value);
    word_add(&scanner->name, c);
    return expect(scanner, is_token(c), AT_NAME);
}

static enum state read_name(struct scanner *scanner, char c)
{
    if (c == ':') {
        return AT_VALUE;
    }
    word_add(&scanner->name, c);
    return expect(scanner, is_token(c), AT_NAME);
}

static enum state read_value(struct scanner *scanner, char *c)
{
    if (*c == '\r') {
        return AT_VALUE_LF;
    }
    if (!is_blank(*c) || scanner->value.length > 0) {
        word_add(&scanner->value, *c);
    } else {
        *c = ' '; /* evhttp would keep a tab as part of the value */
    }
    return expect(scanner, is_text(*c), AT_VALUE);
}

/* False: not a number, or a second one. A number over 64 bits counts as the largest one. */
static bool take_length(struct scanner *scanner)
{
    const struct scanner_word *value = &scanner->value;
    bool ok = !scanner->has_length && !value->cut && value->length > 0;
    scanner->has_length = true;
    scanner->length = 0;
    for (size_t i = 0; ok && i < value->length; i++) {
        ok = value->text[i] >= '0' && value->text[i] <= '9';
        uint64_t digit = (uint64_t)(value->text[i] - '0');
        bool fits = scanner->length <= (UINT64_MAX - digit) / 10;
        scanner->length = fits ? scanner->length * 10 + digit : UINT64_MAX;
    }
    return ok;
}

static enum state end_value(struct scanner *scanner, char c)
{
    struct scanner_word *value = &scanner->value;
    bool ok = c == '\n';
    while (value->length > 0 && is_blank(value->text[value->length - 1]) && !value->cut) {
        value->length--;
    }
    if (word_is(&scanner->name, "content-length")) {
        ok = ok && take_length(scanner);
    } else if (word_is(&scanner->name, "transfer-encoding")) {
        ok = ok && !scanner->chunked && word_is(value, "chunked");
        scanner->chunked = true;
    } else if (word_is(&scanner->name, "expect")) {
        scanner->expects = word_is(value, "100-continue");
        scanner->expects_other = !scanner->expects;
    }
    return expect(scanner, ok, AT_HEADER);
}

/* evhttp reads the body of no other method; dispatch.c refuses it there, and closes the connection. */
static bool method_has_body(const struct scanner *scanner)
{
    static const char *const methods[] = {"POST", "PUT", "PATCH"};
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (is_method(scanner, methods[i])) {
            return true;
        }
    }
    return false;
}

static enum state end_head(struct scanner *scanner, char c)
{
    if (c != '\n' || (scanner->chunked && (scanner->version_10 || scanner->has_length))) {
        return fail(scanner, ERROR_BAD_REQUEST);
    }
    if (is_method(scanner, "CONNECT")) {
        return fail(scanner, ERROR_NOT_IMPLEMENTED); /* evhttp would not close the connection after its answer */
    }
    scanner->headed = true;
    if (!method_has_body(scanner)) {
        return AT_END;
    }
    /* A client that waits for 100 Continue has not sent the body yet. evhttp would read it before it answers. */
    if (scanner->expects && !scanner->version_10 && scanner->length > scanner->body_max) {
        return fail(scanner, ERROR_BODY_TOO_LARGE);
    }
    scanner->left = scanner->length;
    if (scanner->chunked) {
        return AT_SIZE;
    }
    return scanner->left > 0 ? AT_BODY : AT_END;
}

/* ---- chunks ---- */

static enum state read_size(struct scanner *scanner, char c)
{
    int value = hex_value(c);
    if (value >= 0) {
        scanner->left = (scanner->digits == 0 ? 0 : scanner->left * 16) + (uint64_t)value;
        return expect(scanner, scanner->digits++ < SCANNER_CHUNK_DIGITS, AT_SIZE);
    }
    if (scanner->digits == 0) {
        return fail(scanner, ERROR_BAD_REQUEST);
    }
    if (c == '\r') {
        return AT_SIZE_LF;
    }
    if (c == ';') {
        return AT_EXTENSION;
    }
    return expect(scanner, is_blank(c), AT_SIZE_BLANK);
}

static bool discard(struct scanner *scanner, char *c)
{
    *c = ' ';
    return ++scanner->discarded <= SCANNER_DISCARDED_MAX;
}

static enum state read_extension(struct scanner *scanner, char *c)
{
    if (*c == '\r' && scanner->state == AT_EXTENSION) {
        return AT_SIZE_LF;
    }
    bool begins = *c == ';' || scanner->state == AT_EXTENSION;
    bool ok = begins ? is_text(*c) : is_blank(*c);
    return expect(scanner, discard(scanner, c) && ok, begins ? AT_EXTENSION : AT_SIZE_BLANK);
}

static enum state end_size(struct scanner *scanner, char c)
{
    scanner->digits = 0;
    return expect(scanner, c == '\n', scanner->left == 0 ? AT_TRAILER : AT_CHUNK);
}

/* Each trailer line becomes "t:" and blanks, a header that nobody reads. evhttp would mix trailers with the headers. */
static enum state read_trailer(struct scanner *scanner, char *c)
{
    if (scanner->state == AT_TRAILER) {
        scanner->trailer_length = 0;
    }
    if (*c == '\r' && scanner->state != AT_TRAILER_NAME) {
        return scanner->state == AT_TRAILER ? AT_END_LF : AT_TRAILER_LF;
    }
    bool in_value = scanner->state == AT_TRAILER_VALUE;
    bool colon = *c == ':' && scanner->state == AT_TRAILER_NAME;
    bool ok = colon || (in_value ? is_text(*c) : is_token(*c));
    ok = discard(scanner, c) && ok;
    size_t at = scanner->trailer_length++;
    if (at < 2) {
        *c = at == 0 ? 't' : ':';
    }
    return expect(scanner, ok, colon || in_value ? AT_TRAILER_VALUE : AT_TRAILER_NAME);
}

/* ---- all ---- */

static enum state read_head(struct scanner *scanner, char *byte)
{
    const char c = *byte;
    switch ((enum state)scanner->state) {
    case AT_METHOD:
        return read_method(scanner, c);
    case AT_EMPTY_LF:
        return read_empty_lf(scanner, c);
    case AT_TARGET_BEGIN:
    case AT_TARGET:
        return read_target(scanner, c);
    case AT_VERSION:
        return read_version(scanner, byte);
    case AT_REQUEST_LF:
        return expect(scanner, c == '\n', AT_HEADER);
    case AT_HEADER:
        return read_header(scanner, c);
    case AT_NAME:
        return read_name(scanner, c);
    case AT_VALUE:
        return read_value(scanner, byte);
    case AT_VALUE_LF:
        return end_value(scanner, c);
    default:
        return end_head(scanner, c);
    }
}

static enum state read_chunked(struct scanner *scanner, char *c)
{
    switch ((enum state)scanner->state) {
    case AT_SIZE: {
        enum state next = read_size(scanner, *c);
        bool discards = next == AT_EXTENSION || next == AT_SIZE_BLANK;
        return expect(scanner, next != AT_ERROR && (!discards || discard(scanner, c)), next);
    }
    case AT_SIZE_BLANK:
    case AT_EXTENSION:
        return read_extension(scanner, c);
    case AT_SIZE_LF:
        return end_size(scanner, *c);
    case AT_CHUNK_CR:
        return expect(scanner, *c == '\r', AT_CHUNK_LF);
    case AT_CHUNK_LF:
        return expect(scanner, *c == '\n', AT_SIZE);
    case AT_TRAILER_LF:
        return expect(scanner, *c == '\n', AT_TRAILER);
    case AT_END_LF:
        return expect(scanner, *c == '\n', AT_END);
    default:
        return read_trailer(scanner, c);
    }
}

/* Skips bytes of the body. Returns how many. */
static size_t skip_body(struct scanner *scanner, size_t length)
{
    size_t skipped = scanner->left < length ? (size_t)scanner->left : length;
    scanner->left -= skipped;
    if (scanner->left == 0) {
        scanner->state = scanner->state == AT_BODY ? AT_END : AT_CHUNK_CR;
    }
    return skipped;
}

/* Reads most bytes of a head: those of a target or value that change no state. Returns how many. */
static size_t read_run(struct scanner *scanner, const char *bytes, size_t length)
{
    size_t at = 0;
    if (scanner->state == AT_TARGET) {
        while (at < length && is_visible(bytes[at])) {
            at++;
        }
    } else if (scanner->state == AT_VALUE && scanner->value.length > 0) {
        while (at < length && is_text(bytes[at])) {
            word_add(&scanner->value, bytes[at++]);
        }
    }
    return at;
}

/* Whether the next byte is of the body. */
static bool in_body(const struct scanner *scanner)
{
    return scanner->state >= AT_BODY && scanner->state < AT_END;
}

uint64_t scanner_content(const struct scanner *scanner)
{
    return scanner->state == AT_BODY || scanner->state == AT_CHUNK ? scanner->left : 0;
}

void scanner_begin(struct scanner *scanner, size_t body_max)
{
    *scanner = (struct scanner){.state = AT_METHOD, .error = ERROR_COUNT, .body_max = body_max};
}

size_t scanner_read(struct scanner *scanner, char *bytes, size_t length)
{
    size_t at = 0;
    while (at < length && scanner->state != AT_END && scanner->state != AT_ERROR &&
           !(scanner->stops && in_body(scanner))) {
        if (scanner->state == AT_BODY || scanner->state == AT_CHUNK) {
            at += skip_body(scanner, length - at);
            continue;
        }
        at += read_run(scanner, bytes + at, length - at);
        if (at < length) {
            bool in_head = scanner->state < AT_BODY;
            scanner->state = (int)(in_head ? read_head(scanner, &bytes[at]) : read_chunked(scanner, &bytes[at]));
            at++;
        }
    }
    scanner->ended = scanner->state == AT_END;
    return at;
}
