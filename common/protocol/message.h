/*
 * Every message between the programs, its version, and its codec. JSON; a decoder refuses a version, a kind or a
 * field's type that it does not know. Callers: gateway and endworker (commands out), bidworker (commands in, events and
 * decisions out), endworker and notifyworker (events in), gateway (decisions in).
 *
 *   commands   {"v":1,"commands":[{...}, …]}   exchange bids; all of one auction, in order
 *   events     {"v":1,"events":[{...}, …]}     exchange events
 *   decision   {"v":1, ...}                     Redis channels gw:<gateway worker> and user:{user}
 *   word       {"v":1,"t":...}                  Redis channel user:{user}
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_MESSAGE_H
#define ROSTRUM_COMMON_PROTOCOL_MESSAGE_H

#include "common/base/base.h"
#include "common/base/ids.h"
#include "common/base/json.h"
#include "common/rules/bid_status.h"
#include "common/rules/command_kinds.h"

enum {
    MESSAGE_COMMANDS_MAX = 64,     /* commands in one message: SERVERS.md measured 64 */
    MESSAGE_EVENTS_MAX = 4096,     /* events in one message: a batch of 1,024 bids makes 2 each and some */
    MESSAGE_REQUEST_ID_SIZE = 65,  /* 64 characters */
    MESSAGE_TRACEPARENT_SIZE = 56, /* 55 characters */
};

struct command {
    int64_t amount;        /* minor units of BID and PROXY, else 0 */
    int64_t received_ms;   /* server time of the last byte */
    int64_t terms_version; /* what the sender could see; 0: unknown, not checked */
    int64_t version;       /* COMMAND_UPDATE: of the auction as the seller saw it, else 0 */
    int64_t end_ms;        /* COMMAND_EXTEND: the end asked for, else 0 */
    int64_t since_ms;      /* COMMAND_RETRACT: what was received before cannot be taken back any more; else 0 */
    enum command_kind kind;
    struct uuid id; /* of the bid or command; the ledger holds each at most once per auction */
    struct uuid auction_id;
    struct uuid target;   /* COMMAND_VOID, COMMAND_RETRACT: the bid, else nil */
    struct uuid user_id;  /* nil for START and FENCE */
    struct uuid reply_to; /* gateway worker that waits for the decision, else nil */
    bool keyed;           /* an idempotency key: its Redis entry is kept after the decision */
    char request_id[MESSAGE_REQUEST_ID_SIZE];
    char traceparent[MESSAGE_TRACEPARENT_SIZE];
};

/* One element of a decoded message: a command, or one that could not be read with the reason why. */
struct command_item {
    bool readable;
    const char *reason;     /* static, when not readable */
    struct command command; /* when not readable: whatever could be read, id and auction_id nil otherwise */
};

/* Appends to `writer`, a fresh one. */
void message_write_commands(struct jsonw *writer, const struct command *commands, size_t count);
/*
 * False when the message as a whole is no message (`*why`); else `*count` items, each readable or not. An item of
 * another auction than the first one's is not readable.
 */
MUST_CHECK bool message_read_commands(const void *bytes, size_t length, struct command_item *items, size_t items_max,
                                      size_t *count, const char **reason);

/* The auction that a message of commands says it is about, in its first one; the rest may be unreadable. */
MUST_CHECK bool message_auction(const struct json *root, struct uuid *auction_id);

/*
 * What happened to an auction. X(name, word in messages).
 *
 *   OUTBID, PROXY_EXHAUSTED  user_id lost the lead, which a plain bid or a proxy held
 *   EXTENDED                 endTime moved to end_ms
 *   ENDED                    the hammer fell: to be settled
 *   SETTLED                  user_id is the winner (nil: unsold), amount the price
 *   VOIDED                   a bid of user_id, amount is the price without it
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
    EVENT_NONE, /* no kind: what is all zero is no event */
#define EVENT_ENUMERATOR(name, text) EVENT_##name,
    EVENT_KINDS(EVENT_ENUMERATOR)
#undef EVENT_ENUMERATOR
};

#define EVENT_PLUS_ONE(name, text) +1
enum { EVENT_KIND_COUNT = 1 EVENT_KINDS(EVENT_PLUS_ONE) };
#undef EVENT_PLUS_ONE

struct auction_event {
    enum event_kind kind;
    struct uuid auction_id;
    struct uuid user_id; /* whom it concerns, or nil */
    int64_t amount;      /* minor units: the price then */
    int64_t version;     /* of the auction after the batch; with kind, user_id and amount it names the event */
    int64_t at_ms;       /* when it was decided */
    int64_t end_ms;      /* EVENT_EXTENDED, EVENT_ENDING_SOON: the endTime; else 0 */
    char traceparent[MESSAGE_TRACEPARENT_SIZE];
};

/* "outbid", "extended", …; static. Not of EVENT_NONE. */
const char *message_event_text(enum event_kind kind);
void message_write_events(struct jsonw *writer, const struct auction_event *events, size_t count);
MUST_CHECK bool message_read_events(const void *bytes, size_t length, struct auction_event *events, size_t events_max,
                                    size_t *count, const char **reason);

struct decision {
    struct uuid bid_id;
    struct uuid auction_id;
    struct uuid user_id;
    enum command_kind kind;
    int64_t amount;     /* what was bid; for a proxy what the price became by it, or 0 */
    int64_t max_amount; /* COMMAND_PROXY, else 0 */
    int64_t received_ms;
    int64_t decided_ms;
    int64_t version;          /* of the auction after the batch; 0: unknown */
    enum bid_status status;   /* in a message neither pending nor voided */
    enum rules_reason reason; /* RULES_NONE unless rejected */
};

/*
 * Status and reason from their words in the ledger. What this version does not know, since a newer one wrote it, is
 * shown as rejected with INTERNAL_ERROR.
 */
void message_decision_outcome(struct decision *decision, const char *status, const char *reason);

void message_write_decision(struct jsonw *writer, const struct decision *decision);
MUST_CHECK bool message_read_decision(const void *bytes, size_t length, struct decision *decision);

/* What else a user's connections are told of, wherever they are. */
enum user_signal_kind {
    USER_SIGNAL_CHECK,  /* a session of the user ended, or the user was banned: look who still may stay */
    USER_SIGNAL_NOTICE, /* a notification `id` was written */
    USER_SIGNAL_COUNT
};
struct user_signal {
    enum user_signal_kind kind;
    struct uuid id;
};

void message_write_user_signal(struct jsonw *writer, const struct user_signal *user_signal);
/* False if it is no word: perhaps a decision. */
MUST_CHECK bool message_read_user_signal(const void *bytes, size_t length, struct user_signal *user_signal);

#endif
