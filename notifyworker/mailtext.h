/*
 * The text of a mail, as RFC 5322 and MIME want it: headers, and the same content as plain text and as HTML
 * (multipart/alternative), both UTF-8 in quoted-printable. Whatever names and subjects hold, each header stays one
 * header: what is not plain ASCII is written as encoded words (RFC 2047), control characters as blanks. Pure.
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
    const char *to; /* likewise */
    const char *to_name;
    const char *subject;
    const char *text;
    const char *html;
    const char *unsubscribe; /* a link for List-Unsubscribe, or NULL */
    struct uuid id;          /* of the Message-ID, and between the parts */
    int64_t date_ms;
};

/* The whole mail with CRLF at the end of lines, the caller's to free. NULL only without memory. */
MUST_CHECK char *mailtext_write(const struct mailtext *mail, size_t *length);

#endif
