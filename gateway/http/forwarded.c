/*
 * See forwarded.h.
 */
#include "gateway/http/forwarded.h"

#include <string.h>

enum { PORT_DIGITS_MAX = 5 };

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* ":" and digits, or nothing. */
static bool is_port(const char *text, size_t length)
{
    return length == 0 || (text[0] == ':' && length > 1 && length <= 1 + PORT_DIGITS_MAX &&
                           strspn(text + 1, "0123456789") >= length - 1);
}

/* "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80". */
static bool parse_entry(const char *text, size_t length, struct address *address)
{
    const char *bracket = length > 0 && text[0] == '[' ? memchr(text, ']', length) : NULL;
    if (bracket != NULL) {
        const char *rest = bracket + 1;
        size_t inside = (size_t)(bracket - text) - 1;
        return memchr(text + 1, ':', inside) != NULL && address_parse(text + 1, inside, address) &&
               is_port(rest, length - (size_t)(rest - text));
    }
    if (address_parse(text, length, address)) {
        return true;
    }
    const char *colon = memchr(text, ':', length);
    return colon != NULL && is_port(colon, length - (size_t)(colon - text)) &&
           address_parse(text, (size_t)(colon - text), address);
}

void forwarded_begin(struct forwarded *forwarded, const struct address_networks *trusted, const char *peer)
{
    *forwarded = (struct forwarded){.trusted = trusted};
    if (peer == NULL || !address_parse(peer, strlen(peer), &forwarded->client)) {
        forwarded->ended = true;
    }
}

static void add_entry(struct forwarded *forwarded, const char *text, size_t length)
{
    struct address address;
    while (length > 0 && is_blank(text[length - 1])) {
        length--;
    }
    while (length > 0 && is_blank(*text)) {
        text++;
        length--;
    }
    forwarded->ended = forwarded->hops++ == FORWARDED_HOPS_MAX || !parse_entry(text, length, &address);
    if (!forwarded->ended) {
        forwarded->client = address;
    }
}

void forwarded_add(struct forwarded *forwarded, const char *value)
{
    size_t end = strlen(value);
    bool more = true;
    while (more && !forwarded->ended) {
        size_t begin = end;
        if (!address_is_in(forwarded->trusted, &forwarded->client)) {
            forwarded->ended = true;
            return;
        }
        while (begin > 0 && value[begin - 1] != ',') {
            begin--;
        }
        add_entry(forwarded, value + begin, end - begin);
        more = begin > 0;
        end = more ? begin - 1 : 0;
    }
}
