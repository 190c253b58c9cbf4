/*
 * See page_head.h. Images of auctions are the gateway's own (/images), whatever store holds them.
 */
#include "gateway/web/page_head.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "gateway/http/reply.h"

/*
 * 'self' includes the WebSocket of the own host in newer browsers only, so it is named. public_url is http:// or
 * https://, and the scheme of the socket is ws:// or wss://.
 */
void page_head_write(struct page_head *head, const char *public_url)
{
    const char *colon = strchr(public_url, ':');
    assert(colon != NULL && strncmp(colon, "://", 3) == 0);
    bool tls = colon - public_url == 5 && strncasecmp(public_url, "https", 5) == 0;
    int host = (int)strcspn(colon + 3, "/?#");
    int length = snprintf(head->policy, sizeof(head->policy),
                          "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
                          " font-src 'self'; connect-src 'self' %s://%.*s; manifest-src 'self'; form-action 'self';"
                          " base-uri 'none'; frame-ancestors 'none'",
                          tls ? "wss" : "ws", host, colon + 3);
    assert(length > 0 && length < PAGE_HEAD_POLICY_SIZE);
    (void)length;
}

void page_head_put(const struct page_head *head, struct request *request)
{
    static const struct {
        const char *name;
        const char *value;
    } headers[] = {
        {"Referrer-Policy", "strict-origin-when-cross-origin"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
        {"Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"},
    };
    reply_header(request, "Content-Security-Policy", head->policy);
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        reply_header(request, headers[i].name, headers[i].value);
    }
}
