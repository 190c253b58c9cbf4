/*
 * Web origins: scheme, host and port (RFC 6454). Pure. Callers: the settings' check, gateway/http/cors.c,
 * gateway/http/head_origin.c.
 *
 * Two origins are the same if all three are equal; letter case, and a port that is the scheme's default, make no
 * difference. Nothing is compared by prefix or suffix.
 */
#ifndef ROSTRUM_COMMON_BASE_ORIGIN_H
#define ROSTRUM_COMMON_BASE_ORIGIN_H

#include "common/base/base.h"

/* Returns whether `text` is an origin and nothing more: "https://shop.example:8443". */
MUST_CHECK bool origin_valid(const char *text, size_t length);
/* Returns whether `url` begins with an origin; a path, query or fragment may follow. */
MUST_CHECK bool origin_url_valid(const char *url);
/* Returns whether an Origin header names the origin of `url`, whose path and query are ignored. */
MUST_CHECK bool origin_of_url(const char *origin, size_t length, const char *url);
/* Returns whether an Origin header names one of the origins in `list`, which are separated by spaces. */
MUST_CHECK bool origin_listed(const char *origin, size_t length, const char *list);

#endif
