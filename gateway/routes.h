/*
 * The routes of all resource files in one place; the router reads them once at start. A new resource file is entered in
 * routes.c.
 *
 * Caller: parts.c.
 */
#ifndef ROSTRUM_GATEWAY_ROUTES_H
#define ROSTRUM_GATEWAY_ROUTES_H

#include "gateway/http/router.h"

/* NULL-ended. */
extern const struct route *const routes_all[];

#endif
