/*
 * The kinds of notifications: the words of the API, of table notifications, and of preferences, webhooks, mails and
 * metrics. Callers: notifyworker, gateway/account, common/protocol/webhook.
 *
 * To add a kind, see "A notification" in CONTRIBUTING.md.
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_NOTIFICATION_KINDS_H
#define ROSTRUM_COMMON_PROTOCOL_NOTIFICATION_KINDS_H

#include "common/base/base.h"

/* X(name). The word is the name. The same list is notification_kinds() in schema/0027-sale-notifications.sql. */
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
    X(BID_VOIDED)                                                                                                      \
    X(TURN_STARTED)                                                                                                    \
    X(TURN_EXPIRED)                                                                                                    \
    X(ORDER_RESERVED)                                                                                                  \
    X(ORDER_CONFIRMED)                                                                                                 \
    X(ORDER_EXPIRED)                                                                                                   \
    X(SALE_STARTING_SOON)                                                                                              \
    X(SALE_SOLD_OUT)                                                                                                   \
    X(REFUND_DUE)

/* Events that are sent to webhooks of the deployment. */
#define DEPLOYMENT_EVENTS(X)                                                                                           \
    X(AUCTION_STARTED)                                                                                                 \
    X(AUCTION_EXTENDED)                                                                                                \
    X(AUCTION_ENDING_SOON)                                                                                             \
    X(AUCTION_SOLD)                                                                                                    \
    X(AUCTION_UNSOLD)                                                                                                  \
    X(AUCTION_CANCELLED)                                                                                               \
    X(BID_VOIDED)                                                                                                      \
    X(OUTBID)                                                                                                          \
    X(PROXY_EXHAUSTED)                                                                                                 \
    X(SALE_OPENED)                                                                                                     \
    X(SALE_STARTING_SOON)                                                                                              \
    X(SALE_STARTED)                                                                                                    \
    X(SALE_EXTENDED)                                                                                                   \
    X(SALE_ENDED)                                                                                                      \
    X(SALE_SOLD_OUT)                                                                                                   \
    X(SALE_SETTLED)                                                                                                    \
    X(SALE_CANCELLED)                                                                                                  \
    X(TURN_STARTED)                                                                                                    \
    X(TURN_EXPIRED)                                                                                                    \
    X(ORDER_RESERVED)                                                                                                  \
    X(ORDER_CONFIRMED)                                                                                                 \
    X(ORDER_CANCELLED)                                                                                                 \
    X(ORDER_FAILED)                                                                                                    \
    X(ORDER_EXPIRED)                                                                                                   \
    X(REFUND_DUE)

/* Emails about an account. A user cannot switch them off. */
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

/* To build a table of words: {NOTIFICATION_KINDS(NOTIFICATION_WORD) NULL}. */
#define NOTIFICATION_WORD(name) #name,

/* NOTIFICATION_KIND_COUNT words in the order of the enum, then NULL. */
extern const char *const notification_kinds[];

MUST_CHECK bool notification_kind_parse(const char *text, enum notification_kind *kind);

#endif
