/*
 * The session cookie and the header Cookie. Pure. Callers: request.c, session.c.
 *
 * A deployment that browsers reach by https has the second name. Browsers then accept the cookie only if it is Secure,
 * of this host and of the path "/", so neither a subdomain nor a site without TLS can set one.
 */
#ifndef ROSTRUM_GATEWAY_HTTP_COOKIE_H
#define ROSTRUM_GATEWAY_HTTP_COOKIE_H

#include "common/base/base.h"

#define COOKIE_SESSION        "session"
#define COOKIE_SESSION_SECURE "__Host-session"

/* Returns the value of the first cookie of this name in a Cookie header, which may be NULL; NULL if there is none. */
MUST_CHECK const char *cookie_find(const char *header, const char *name, size_t *length);

#endif
