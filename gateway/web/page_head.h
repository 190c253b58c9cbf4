/*
 * The headers that protect pages, the same for each file. docs/security.md lists them. No HSTS: as for the API, the
 * proxy that does TLS sends it.
 *
 * Caller: pages.c.
 */
#ifndef ROSTRUM_GATEWAY_WEB_PAGE_HEAD_H
#define ROSTRUM_GATEWAY_WEB_PAGE_HEAD_H

#include "gateway/http/request.h"

enum { PAGE_HEAD_POLICY_SIZE = 1024 };

struct page_head {
    char policy[PAGE_HEAD_POLICY_SIZE]; /* Content-Security-Policy */
};

/* `public_url` is the setting, which config_check has accepted. */
void page_head_write(struct page_head *head, const char *public_url);
/* Sets them in the answer. */
void page_head_put(const struct page_head *head, struct request *request);

#endif
