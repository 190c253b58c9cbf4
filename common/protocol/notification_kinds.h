/*
 * The kinds of what users are told: the words of the contract, in table notifications, in preferences, webhooks, mails
 * and metrics. Callers: notifyworker, gateway/account, common/protocol/webhook.
 *
 * To add a kind, add a line here, a template to conf/templates, the word to gateway/openapi.yaml, and what writes it:
 * notifyworker/recipients or watchers.
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_NOTIFICATION_KINDS_H
#define ROSTRUM_COMMON_PROTOCOL_NOTIFICATION_KINDS_H

#include "common/base/base.h"

/* X(name): the word is the name. */
#define NOTIFICATION_KINDS(X)                                                                                          \
    X(OUTBID)                                                                                                          \
    X(PROXY_EXHAUSTED)                                                                                                 \
    X(WATCHED_BID)                                                                                                     \
    X(AUCTION_EXTENDED)                                                                                                \
    X(AUCTION_ENDING_SOON)                                                                                             \
    X(AUCTION_WON)                                                                                                     \
    X(AUCTION_LOST)                                                                                                    \
    X(AUCTION_SOLD)                                                                                                    \
    X(AUCTION_UNSOLD)                                                                                                  \
    X(AUCTION_CANCELLED)                                                                                               \
    X(BID_VOIDED)

/* Events that webhooks of the deployment are sent. */
#define DEPLOYMENT_EVENTS(X)                                                                                           \
    X(AUCTION_STARTED)                                                                                                 \
    X(AUCTION_EXTENDED)                                                                                                \
    X(AUCTION_ENDING_SOON)                                                                                             \
    X(AUCTION_SOLD)                                                                                                    \
    X(AUCTION_UNSOLD)                                                                                                  \
    X(AUCTION_CANCELLED)                                                                                               \
    X(BID_VOIDED)                                                                                                      \
    X(OUTBID)                                                                                                          \
    X(PROXY_EXHAUSTED)

/* Mails about an account, which nobody can switch off. */
#define ACCOUNT_MAILS(X)                                                                                               \
    X(VERIFY_EMAIL)                                                                                                    \
    X(PASSWORD_RESET)                                                                                                  \
    X(PASSWORD_CHANGED)                                                                                                \
    X(NEW_LOGIN)                                                                                                       \
    X(WEBHOOK_OFF)

enum notification_kind {
#define NOTIFICATION_ENUMERATOR(name) NOTIFICATION_##name,
    NOTIFICATION_KINDS(NOTIFICATION_ENUMERATOR)
#undef NOTIFICATION_ENUMERATOR
        NOTIFICATION_KIND_COUNT
};

/* For a table of words: {NOTIFICATION_KINDS(NOTIFICATION_WORD) NULL}. */
#define NOTIFICATION_WORD(name) #name,

/* NOTIFICATION_KIND_COUNT words and NULL, in the order of the enum. */
extern const char *const notification_kinds[];

MUST_CHECK bool notification_kind_parse(const char *text, enum notification_kind *kind);

#endif
