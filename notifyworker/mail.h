/*
 * Deliveries by email: notifications that somebody wants by mail, and mail about an account. Each try makes the message
 * anew out of templates (templates.h, mailtext.h) and hands it to the mail server of [mail] in the settings, over
 * libcurl: with STARTTLS or TLS, and authentication. What a mail says is taken from the delivery's payload and the
 * user's row; account mail carries a token that is made for this try, of which the database keeps the hash alone.
 *
 *   dropped    mail is off; the user does not want it any more; nobody has that address
 *   refused    the server says no for good (5xx) to this recipient or message
 *   failed     anything else: the server is away, slow, or full, or does not let us in
 *
 * Caller: main.c, which hands the channel to deliveries.
 */
#ifndef ROSTRUM_NOTIFYWORKER_MAIL_H
#define ROSTRUM_NOTIFYWORKER_MAIL_H

#include "common/base/base.h"
#include "common/service/config.h"
#include "notifyworker/deliveries.h"

struct mail;

/* Reads the templates unless mail is off. NULL: no memory, or a template is missing or wrong (logged). */
MUST_CHECK struct mail *mail_new(const struct config *config);
/* Free the deliveries before. */
void mail_free(struct mail *mail);
/* The channel, to be kept while the deliveries live. */
void mail_channel(struct mail *mail, struct delivery_channel *out);

#endif
