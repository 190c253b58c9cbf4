/*
 * The pages that links in mail lead to, where no other front end does: GET /verify-email and GET /reset-password. The
 * token stands behind the # of the link, which no browser sends: a script of the page reads it and makes the call.
 *
 * Callers: routes.c; unsubscribe.c sends its page by forms_send.
 */
#ifndef ROSTRUM_GATEWAY_ACCOUNT_FORMS_H
#define ROSTRUM_GATEWAY_ACCOUNT_FORMS_H

#include "gateway/http/request.h"
#include "gateway/http/router.h"

extern const struct route forms_routes[];

#define FORMS_HEAD(title)                                                                                              \
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"                                                \
    "<meta name=\"viewport\" content=\"width=device-width\"><title>" title "</title></head>\n<body><h1>" title         \
    "</h1>\n"
#define FORMS_FOOT "\n</body></html>\n"

/* ENDS with a page that may do nothing but send its form here, and run `script` (NULL: none), which stands in it. */
void forms_send(struct request *request, const char *page, const char *script);

#endif
