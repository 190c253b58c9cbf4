/*
 * Commands, events, decisions and signals: the messages between the programs, their version and their codec. JSON. A
 * decoder refuses an unknown version or kind, and a field of the wrong type.
 *
 *   commands   {"v":1,"commands":[{...}, …]}   exchange of the shard; in order. v is 2 if they name several auctions
 *   events     {"v":1,"events":[{...}, …]}     exchange events
 *   decision   {"v":1, ...}                     Redis channels gw:<gateway worker> and user:{user}
 *   signal     {"v":1,"t":...}                  Redis channel user:{user}
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_MESSAGE_H
#define ROSTRUM_COMMON_PROTOCOL_MESSAGE_H

#include "common/base/base.h"
#include "common/base/ids.h"
#include "common/base/json.h"
#include "common/rules/bid_status.h"
#include "common/rules/command_kinds.h"

enum {
    MESSAGE_COMMANDS_MAX = 64,     /* commands in one message; more gain little */
    MESSAGE_EVENTS_MAX = 4096,     /* events in one message; the bid worker splits at 2,000 */
    MESSAGE_REQUEST_ID_SIZE = 65,  /* 64 characters */
    MESSAGE_TRACEPARENT_SIZE = 56, /* 55 characters */
};

struct command {
    int64_t amount;        /* minor units of BID and PROXY, else 0 */
    int64_t price;         /* COMMAND_BUY: the buy-now price that the buyer saw; 0: unknown, not checked */
    int64_t received_ms;   /* time at which the gateway read the request's last byte */
    int64_t terms_version; /* the terms that the sender has seen; 0: unknown, not checked */
    int64_t version;       /* COMMAND_UPDATE: version of the auction that the seller has seen, else 0 */
    int64_t end_ms;        /* COMMAND_EXTEND, COMMAND_REOPEN: the requested end, else 0 */
    int64_t since_ms;      /* COMMAND_RETRACT: bids received before this time can no longer be retracted; else 0 */
    enum command_kind kind;
    struct uuid id; /* of the bid or command; the ledger holds each at most once per auction */
    struct uuid auction_id;
    struct uuid target;   /* COMMAND_VOID, COMMAND_RETRACT: the bid, else nil */
    struct uuid user_id;  /* nil for START and FENCE */
    struct uuid reply_to; /* the gateway worker that waits for the decision, or nil */
    bool keyed;           /* sent with an idempotency key: its Redis entry is kept after the decision */
    char request_id[MESSAGE_REQUEST_ID_SIZE];
    char traceparent[MESSAGE_TRACEPARENT_SIZE];
};

/* One element of a decoded message: a command, or the reason why it is unreadable. */
struct command_item {
    bool readable;
    const char *reason;     /* static; set if not readable */
    struct command command; /* if not readable: the values that could be read; id and auction_id may be nil */
};

/* Appends the message to `writer`, which must be empty. */
void message_write_commands(struct jsonw *writer, const struct command *commands, size_t count);
/*
 * Decodes a message into `*count` items, each readable or not. False, with `*reason` set, if the message as a whole is
 * invalid.
 */
MUST_CHECK bool message_read_commands(const void *bytes, size_t length, struct command_item *items, size_t items_max,
                                      size_t *count, const char **reason);

/* Reads the auction of a commands message from its first command. The rest may be unreadable. */
MUST_CHECK bool message_auction(const struct json *root, struct uuid *auction_id);

/*
 * What happened to an auction. X(name, word in messages).
 *
 *   OUTBID, PROXY_EXHAUSTED  user_id lost the lead, held by a plain bid or by a proxy
 *   EXTENDED                 endTime was moved to end_ms
 *   ENDED                    the hammer fell: settlement follows
 *   SETTLED                  user_id is the winner (nil: unsold), amount the price
 *   VOIDED                   a bid of user_id was voided; amount is the price without it
 */
#define EVENT_KINDS(X)                                                                                                 \
    X(OUTBID, "outbid")                                                                                                \
    X(PROXY_EXHAUSTED, "proxy_exhausted")                                                                              \
    X(EXTENDED, "extended")                                                                                            \
    X(STARTED, "started")                                                                                              \
    X(ENDED, "ended")                                                                                                  \
    X(SETTLED, "settled")                                                                                              \
    X(ENDING_SOON, "ending_soon")                                                                                      \
    X(CANCELLED, "cancelled")                                                                                          \
    X(VOIDED, "voided")

enum event_kind {
    EVENT_NONE, /* no kind: a zeroed struct is not a valid event */
#define EVENT_ENUMERATOR(name, text) EVENT_##name,
    EVENT_KINDS(EVENT_ENUMERATOR)
#undef EVENT_ENUMERATOR
};

/* NOLINTNEXTLINE(bugprone-macro-parentheses): the list is added up. */
#define EVENT_PLUS_ONE(name, text) +1
enum { EVENT_KIND_COUNT = 1 EVENT_KINDS(EVENT_PLUS_ONE) };
#undef EVENT_PLUS_ONE

struct auction_event {
    enum event_kind kind;
    struct uuid auction_id;
    struct uuid user_id; /* the user concerned, or nil */
    int64_t amount;      /* the price after the command, in minor units */
    int64_t version; /* of the auction after the batch; identifies the event together with kind, user_id and amount */
    int64_t at_ms;   /* time of the decision */
    int64_t end_ms;  /* EVENT_EXTENDED, EVENT_ENDING_SOON: the end time; else 0 */
    char traceparent[MESSAGE_TRACEPARENT_SIZE];
};

/* The word in messages: "outbid", "extended", …; static. `kind` must not be EVENT_NONE. */
const char *message_event_text(enum event_kind kind);
void message_write_events(struct jsonw *writer, const struct auction_event *events, size_t count);
MUST_CHECK bool message_read_events(const void *bytes, size_t length, struct auction_event *events, size_t events_max,
                                    size_t *count, const char **reason);

struct decision {
    struct uuid bid_id;
    struct uuid auction_id;
    struct uuid user_id;
    enum command_kind kind;
    int64_t amount;     /* the amount bid; for a proxy the resulting price, or 0 */
    int64_t max_amount; /* COMMAND_PROXY, else 0 */
    int64_t received_ms;
    int64_t decided_ms;
    int64_t version;          /* of the auction after the batch; 0: unknown */
    enum bid_status status;   /* in a message neither pending nor voided */
    enum rules_reason reason; /* RULES_NONE unless rejected */
};

/*
 * Sets status and reason from their words in the ledger. If a newer version wrote a word that this version does not
 * know, the decision is shown as rejected with INTERNAL_ERROR.
 */
void message_decision_outcome(struct decision *decision, const char *status, const char *reason);

void message_write_decision(struct jsonw *writer, const struct decision *decision);
MUST_CHECK bool message_read_decision(const void *bytes, size_t length, struct decision *decision);

/* Other signals to all connections of a user. */
enum user_signal_kind {
    USER_SIGNAL_CHECK,  /* a session ended or the user was banned: check each connection's permission again */
    USER_SIGNAL_NOTICE, /* the notification `id` was written */
    USER_SIGNAL_COUNT
};
struct user_signal {
    enum user_signal_kind kind;
    struct uuid id;
};

void message_write_user_signal(struct jsonw *writer, const struct user_signal *user_signal);
/* False if it is no signal; the channel also carries decisions. */
MUST_CHECK bool message_read_user_signal(const void *bytes, size_t length, struct user_signal *user_signal);

#endif
