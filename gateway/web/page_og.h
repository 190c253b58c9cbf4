/*
 * The head of the page of one auction: title, description and og: tags, from which chat programs and social networks
 * make a preview of a shared link. The build leaves PAGE_OG_PLACE in the head of index.html, after its <title>. Pure.
 *
 * Texts come from sellers. They are escaped, and characters that change the direction of the text around them are left
 * out.
 *
 * Caller: pages.c.
 */
#ifndef ROSTRUM_GATEWAY_WEB_PAGE_OG_H
#define ROSTRUM_GATEWAY_WEB_PAGE_OG_H

#include "common/base/base.h"
#include "common/base/ids.h"

#define PAGE_OG_PLACE "<!--og-->"

struct page_og {
    const char *public_url;
    struct uuid auction;
    const char *json; /* the auction as guests see it */
    size_t length;
};

/*
 * Returns index.html with these tags, which the caller frees. NULL: it has no PAGE_OG_PLACE after a title, the JSON is
 * unusable, or no memory.
 */
MUST_CHECK char *page_og_write(const char *index, size_t index_length, const struct page_og *og, size_t *length);

#endif
