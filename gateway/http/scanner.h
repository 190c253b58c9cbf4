/*
 * Checks the bytes of one request before evhttp parses them. evhttp accepts more than RFC 9112 allows: a sign in a
 * chunk size, a NUL or a bare line feed in a header, chunks in HTTP/1.0. A proxy in front may read the same bytes as
 * other requests (request smuggling). So what is not exactly HTTP is refused here.
 *
 * Chunk extensions and trailer fields are discarded: blanks and empty fields of the same length replace them. A tab
 * before a header value becomes a blank. No other byte changes. Pure: no I/O, no memory but the struct. Caller:
 * conn_read.c, which feeds the bytes as they arrive.
 */
#ifndef ROSTRUM_GATEWAY_HTTP_SCANNER_H
#define ROSTRUM_GATEWAY_HTTP_SCANNER_H

#include "common/base/base.h"
#include "gateway/http/errors.h"

enum {
    SCANNER_WORD_SIZE = 32,       /* of a method, header name or header value that matters here */
    SCANNER_CHUNK_DIGITS = 16,    /* maximum, leading zeros included */
    SCANNER_DISCARDED_MAX = 4096, /* bytes of chunk extensions and trailer fields of a request */
    SCANNER_EMPTY_LINES_MAX = 8,  /* before a request line */
};

/* A text that is compared; a longer one is cut, and `cut` then set, because it equals none. */
struct scanner_word {
    char text[SCANNER_WORD_SIZE];
    size_t length;
    bool cut;
};

struct scanner {
    int state;             /* of scanner.c */
    enum error_code error; /* ERROR_COUNT: none yet */
    bool ended;            /* the last byte of the request was read */
    size_t body_max;       /* bytes; set by the caller until the head has ended */
    size_t empty_bytes;    /* of empty lines before the request line, since the caller last discarded them */
    int empty_lines;
    struct scanner_word method;
    struct scanner_word name; /* of the present header, in lower case */
    struct scanner_word value;
    size_t version_length;
    bool version_10; /* HTTP/1.0 */
    bool has_length;
    bool chunked;
    bool expects; /* 100 Continue */
    bool expects_other;
    bool stops;      /* set by the caller: at the end of the head, before a body */
    bool headed;     /* the head has ended */
    uint64_t length; /* Content-Length */
    uint64_t left;   /* bytes of the body, or of the present chunk */
    int digits;      /* of the present chunk size */
    size_t discarded;
    size_t trailer_length; /* of the present trailer line */
};

/* Begins with the first byte of a request. */
void scanner_begin(struct scanner *scanner, size_t body_max);
/*
 * Reads bytes of the request, and changes them as above. Returns how many belong to it: fewer than `length` if it has
 * ended, or if an error was found. Empty lines before the request line are counted in `empty_bytes`; the caller must
 * not pass them on.
 */
size_t scanner_read(struct scanner *scanner, char *bytes, size_t length);
/* How many of the next bytes are content of the body; 0: the next byte frames it, or is none of it. */
uint64_t scanner_content(const struct scanner *scanner);

#endif
