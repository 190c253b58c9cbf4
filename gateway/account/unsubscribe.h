/*
 * GET and POST /unsubscribe?token=…: the link at the end of each notification that is mailed, and what mail programs
 * call when somebody asks them to (RFC 8058). The signature alone counts: nobody has to log in. GET changes nothing,
 * since whoever looks through mail for dangers follows its links; it shows a page with a button.
 */
#ifndef ROSTRUM_GATEWAY_ACCOUNT_UNSUBSCRIBE_H
#define ROSTRUM_GATEWAY_ACCOUNT_UNSUBSCRIBE_H

#include "gateway/http/router.h"
#include "gateway/query/statements.h"

extern const struct route unsubscribe_routes[]; /* context: struct pg */
extern struct statements unsubscribe_statements;

#endif
