/*
 * HTML pages for the links in mails, for deployments without a front end of their own: GET /verify-email and GET
 * /reset-password. The token is in the fragment of the link (behind the #), which browsers do not send. A script in the
 * page reads it and calls the API.
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

/*
 * ENDS with a page whose Content-Security-Policy permits only to send its form to this server and to run `script`. The
 * script must be in the page; NULL: none.
 */
void forms_send(struct request *request, const char *page, const char *script);

#endif
