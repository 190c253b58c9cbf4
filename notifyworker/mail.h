/*
 * Deliveries by email: notifications that users want by mail, and account mail. Each attempt builds the message from
 * templates (templates.h, mailtext.h). It is sent to the mail server of [mail] in the settings over libcurl, with
 * STARTTLS or TLS, and authentication. The content comes from the delivery's payload and the user's row. Account mail
 * contains a token that is created for this attempt; the database stores only its hash.
 *
 *     dropped    mail is off; the user does not want it any more; there is no account with that address
 *     refused    permanent refusal (5xx) of this recipient or message
 *     failed     anything else: the server is down, slow, or full, or refuses the login
 *
 * Caller: main.c, which passes the channel to deliveries.
 */
#ifndef ROSTRUM_NOTIFYWORKER_MAIL_H
#define ROSTRUM_NOTIFYWORKER_MAIL_H

#include "common/base/base.h"
#include "common/service/config.h"
#include "notifyworker/deliveries.h"

struct mail;

/* Loads the templates unless mail is off. NULL: no memory, or a template is missing or invalid (logged). */
MUST_CHECK struct mail *mail_new(const struct config *config);
/* Free the deliveries first. */
void mail_free(struct mail *mail);
/* Fills in the channel, which must exist as long as the deliveries. */
void mail_channel(struct mail *mail, struct delivery_channel *out);

#endif
