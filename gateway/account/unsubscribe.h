/*
 * GET and POST /unsubscribe?token=…: the link at the end of each mailed notification, and the one-click request of mail
 * programs (RFC 8058). The token's signature authorizes the request; no login is necessary. GET changes nothing,
 * because mail scanners follow links; it returns a page with a button.
 */
#ifndef ROSTRUM_GATEWAY_ACCOUNT_UNSUBSCRIBE_H
#define ROSTRUM_GATEWAY_ACCOUNT_UNSUBSCRIBE_H

#include "gateway/http/router.h"
#include "gateway/query/statements.h"

extern const struct route unsubscribe_routes[]; /* context: struct pg */
extern struct statements unsubscribe_statements;

#endif
