/*
 * The text of a mail by RFC 5322 and MIME: headers, and the content as plain text and as HTML (multipart/alternative),
 * both UTF-8 in quoted-printable. Names and subjects cannot add headers: non-ASCII text becomes encoded words (RFC
 * 2047), control characters become blanks. No I/O.
 *
 * Caller: mail.c.
 */
#ifndef ROSTRUM_NOTIFYWORKER_MAILTEXT_H
#define ROSTRUM_NOTIFYWORKER_MAILTEXT_H

#include "common/base/base.h"
#include "common/base/ids.h"

struct mailtext {
    const char *from; /* an address, checked by its owner: printable ASCII without blanks, <, > and " */
    const char *from_name;
    const char *to; /* an address, like `from` */
    const char *to_name;
    const char *subject;
    const char *text;
    const char *html;
    const char *unsubscribe; /* a link for List-Unsubscribe, or NULL */
    struct uuid id;          /* used in the Message-ID and the boundary */
    int64_t date_ms;
};

/* The whole mail with CRLF line ends; the caller frees it. NULL: no memory. */
MUST_CHECK char *mailtext_write(const struct mailtext *mail, size_t *length);

#endif
