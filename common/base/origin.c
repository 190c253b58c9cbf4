/*
 * See origin.h.
 */
#include "common/base/origin.h"

#include <string.h>
#include <strings.h>

enum { PORT_DIGITS_MAX = 5, PORT_MAX = 65535, PORT_HTTP = 80, PORT_HTTPS = 443 };

static const char scheme_characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-.";
static const char host_characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_[]:";

struct slice {
    const char *text;
    size_t length;
};

struct origin {
    struct slice scheme;
    struct slice host; /* an IPv6 address with its brackets */
    int port;          /* 0: none was named, and the scheme has no known default */
};

/* The number of bytes at the begin that are in `allowed`. */
static size_t span(struct slice text, const char *allowed)
{
    size_t length = 0;
    while (length < text.length && text.text[length] != '\0' && strchr(allowed, text.text[length]) != NULL) {
        length++;
    }
    return length;
}

static struct slice after(struct slice text, size_t length)
{
    return (struct slice){text.text + length, text.length - length};
}

static bool is_word(struct slice text, const char *word)
{
    return text.length == strlen(word) && strncasecmp(text.text, word, text.length) == 0;
}

static bool read_port(struct slice text, int *port)
{
    *port = 0;
    if (text.length == 0 || text.length > PORT_DIGITS_MAX || span(text, "0123456789") != text.length) {
        return false;
    }
    for (size_t i = 0; i < text.length; i++) {
        *port = *port * 10 + (text.text[i] - '0');
    }
    return *port > 0 && *port <= PORT_MAX;
}

/* Splits "host:port" or "[::1]:port". */
static bool read_authority(struct slice text, struct origin *origin)
{
    size_t host = 0;
    if (text.length > 0 && text.text[0] == '[') {
        const char *end = memchr(text.text, ']', text.length);
        host = end == NULL ? 0 : (size_t)(end - text.text) + 1;
    } else {
        const char *colon = memchr(text.text, ':', text.length);
        host = colon == NULL ? text.length : (size_t)(colon - text.text);
    }
    origin->host = (struct slice){text.text, host};
    struct slice rest = after(text, host);
    if (rest.length > 0) {
        return host > 0 && rest.text[0] == ':' && read_port(after(rest, 1), &origin->port);
    }
    if (is_word(origin->scheme, "https")) {
        origin->port = PORT_HTTPS;
    } else {
        origin->port = is_word(origin->scheme, "http") ? PORT_HTTP : 0;
    }
    return host > 0;
}

/* Reads an origin at the begin of `text`. `*rest` is what follows it. */
static bool read_origin(struct slice text, struct origin *origin, struct slice *rest)
{
    static const char separator[] = "://";
    const size_t separator_length = sizeof(separator) - 1;
    origin->scheme = (struct slice){text.text, span(text, scheme_characters)};
    struct slice authority = after(text, origin->scheme.length);
    if (origin->scheme.length == 0 || authority.length <= separator_length ||
        memcmp(authority.text, separator, separator_length) != 0) {
        return false;
    }
    authority = after(authority, separator_length);
    size_t length = span(authority, host_characters);
    *rest = after(authority, length);
    authority.length = length;
    return read_authority(authority, origin);
}

/* Reads the whole text as an origin, as browsers write it in the header Origin. */
static bool read_whole(struct slice text, struct origin *origin)
{
    struct slice rest;
    return read_origin(text, origin, &rest) && rest.length == 0;
}

static bool slices_equal(struct slice a, struct slice b)
{
    return a.length == b.length && strncasecmp(a.text, b.text, a.length) == 0;
}

static bool origins_equal(const struct origin *a, const struct origin *b)
{
    return slices_equal(a->scheme, b->scheme) && slices_equal(a->host, b->host) && a->port == b->port;
}

bool origin_valid(const char *text, size_t length)
{
    struct origin origin;
    return read_whole((struct slice){text, length}, &origin);
}

static bool read_url(const char *url, struct origin *origin)
{
    struct slice rest;
    return read_origin((struct slice){url, strlen(url)}, origin, &rest) &&
           (rest.length == 0 || strchr("/?#", rest.text[0]) != NULL);
}

bool origin_url_valid(const char *url)
{
    struct origin origin;
    return read_url(url, &origin);
}

bool origin_of_url(const char *origin, size_t length, const char *url)
{
    struct origin own;
    struct origin other;
    return read_url(url, &own) && read_whole((struct slice){origin, length}, &other) && origins_equal(&own, &other);
}

bool origin_listed(const char *origin, size_t length, const char *list)
{
    struct origin asked;
    if (!read_whole((struct slice){origin, length}, &asked)) {
        return false;
    }
    while (*list != '\0') {
        struct origin entry;
        size_t word = strcspn(list, " ");
        if (read_whole((struct slice){list, word}, &entry) && origins_equal(&entry, &asked)) {
            return true;
        }
        list += word;
        list += strspn(list, " ");
    }
    return false;
}
