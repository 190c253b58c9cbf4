/*
 * Commands, events and decisions of flash sales: the messages between the programs, their version and their codec. They
 * are the counterpart of message.h, for the shards of topology_sales. JSON. A decoder refuses an unknown version or
 * kind, a field of the wrong type, and a field that the kind does not have.
 *
 *   commands   {"v":1,"commands":[{...}, …]}   exchange of the shard; in order. v is 2 if they name several sales
 *   events     {"v":1,"events":[{...}, …]}     exchange events
 *   decision   {"v":1, ...}                     Redis channels gw:<gateway worker> and user:{user}
 *
 * Callers: the gateway, the sale worker, the end worker, the notification worker, rostrumctl.
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_SALE_MESSAGE_H
#define ROSTRUM_COMMON_PROTOCOL_SALE_MESSAGE_H

#include "common/base/base.h"
#include "common/base/ids.h"
#include "common/base/json.h"
#include "common/protocol/message.h"
#include "common/rules/sale_command.h"

enum {
    SALE_MESSAGE_COMMANDS_MAX = MESSAGE_COMMANDS_MAX,
    SALE_MESSAGE_EVENTS_MAX = 2048, /* events in one message: each has up to 12 of JSON_NODES_MAX values */
    SALE_REFERENCE_SIZE = 129,      /* 128 characters: a payment in the system of its provider */
};

/* Not in the message: `terms`, `banned` and `stale` of the command. */
struct sale_message_command {
    struct sale_command command;
    struct uuid sale_id;
    struct uuid reply_to;                /* the gateway worker that waits for the decision, or nil */
    int64_t version;                     /* UPDATE: version of the sale that the admin has seen, else 0 */
    bool keyed;                          /* sent with an idempotency key: its Redis entry is kept after the decision */
    char reference[SALE_REFERENCE_SIZE]; /* of a payment, else "" */
    char request_id[MESSAGE_REQUEST_ID_SIZE];
    char traceparent[MESSAGE_TRACEPARENT_SIZE];
};

/* One element of a decoded message: a command, or the reason why it is unreadable. */
struct sale_message_item {
    bool readable;
    const char *reason;                  /* static; set if not readable */
    struct sale_message_command command; /* if not readable: the values that could be read; ids may be nil */
};

/* Appends the message to `writer`, which must be empty. */
void sale_message_write_commands(struct jsonw *writer, const struct sale_message_command *commands, size_t count);
/*
 * Decodes a message into `*count` items, each readable or not. False, with `*reason` set, if the message as a whole is
 * invalid.
 */
MUST_CHECK bool sale_message_read_commands(const void *bytes, size_t length, struct sale_message_item *items,
                                           size_t items_max, size_t *count, const char **reason);
/* Reads the sale of a commands message from its first command. The rest may be unreadable. */
MUST_CHECK bool sale_message_sale(const struct json *root, struct uuid *sale_id);

/*
 * What happened in a sale. X(name, word in messages, members that it must have, members that it may have).
 *
 *   TURN_STARTED, TURN_EXPIRED   of user_id in `place`, with a claim of `quantity`; started: until time_ms
 *   ORDER_*                      of user_id: order_id of `quantity` for `amount`; reserved: until time_ms
 *   REFUND_DUE                   `amount` has to go back; of an unknown order without user and quantity
 *   EXTENDED                     the end was moved to time_ms
 *   STARTING_SOON                at time_ms; from the end worker, so it has no seq
 */
#define SALE_EVENTS(X)                                                                                                 \
    X(TURN_STARTED, "turn_started", SALE_EVENT_PLACED | SALE_EVENT_TIME, 0)                                            \
    X(TURN_EXPIRED, "turn_expired", SALE_EVENT_PLACED, 0)                                                              \
    X(ORDER_RESERVED, "order_reserved", SALE_EVENT_ORDERED | SALE_EVENT_TIME, 0)                                       \
    X(ORDER_CONFIRMED, "order_confirmed", SALE_EVENT_ORDERED, 0)                                                       \
    X(ORDER_CANCELLED, "order_cancelled", SALE_EVENT_ORDERED, 0)                                                       \
    X(ORDER_FAILED, "order_failed", SALE_EVENT_ORDERED, 0)                                                             \
    X(ORDER_EXPIRED, "order_expired", SALE_EVENT_ORDERED, 0)                                                           \
    X(REFUND_DUE, "refund_due", SALE_EVENT_ROW | SALE_EVENT_ORDER | SALE_EVENT_AMOUNT,                                 \
      SALE_EVENT_USER | SALE_EVENT_QUANTITY)                                                                           \
    X(OPENED, "opened", SALE_EVENT_ROW, 0)                                                                             \
    X(STARTED, "started", SALE_EVENT_ROW, 0)                                                                           \
    X(ENDED, "ended", SALE_EVENT_ROW, 0)                                                                               \
    X(SETTLED, "settled", SALE_EVENT_ROW, 0)                                                                           \
    X(SOLD_OUT, "sold_out", SALE_EVENT_ROW, 0)                                                                         \
    X(CANCELLED, "cancelled", SALE_EVENT_ROW, 0)                                                                       \
    X(EXTENDED, "extended", SALE_EVENT_ROW | SALE_EVENT_TIME, 0)                                                       \
    X(STARTING_SOON, "starting_soon", SALE_EVENT_TIME, 0)

/* Members of an event beside sale, kind and time of the decision. */
enum {
    SALE_EVENT_ROW = 1,
    SALE_EVENT_USER = 2,
    SALE_EVENT_PLACE = 4,
    SALE_EVENT_QUANTITY = 8,
    SALE_EVENT_ORDER = 16,
    SALE_EVENT_AMOUNT = 32,
    SALE_EVENT_TIME = 64,
    SALE_EVENT_PLACED = SALE_EVENT_ROW | SALE_EVENT_USER | SALE_EVENT_PLACE | SALE_EVENT_QUANTITY,
    SALE_EVENT_ORDERED = SALE_EVENT_ROW | SALE_EVENT_USER | SALE_EVENT_ORDER | SALE_EVENT_QUANTITY | SALE_EVENT_AMOUNT,
};

enum sale_event_kind {
    SALE_EVENT_NONE, /* no kind: a zeroed struct is not a valid event */
#define SALE_EVENT_ENUMERATOR(name, word, must, may) SALE_EVENT_##name,
    SALE_EVENTS(SALE_EVENT_ENUMERATOR)
#undef SALE_EVENT_ENUMERATOR
};

/* NOLINTNEXTLINE(bugprone-macro-parentheses): the list is added up. */
#define SALE_EVENT_PLUS_ONE(name, word, must, may) +1
enum { SALE_EVENT_KIND_COUNT = 1 SALE_EVENTS(SALE_EVENT_PLUS_ONE) };
#undef SALE_EVENT_PLUS_ONE

/* Sale, seq, kind and user identify an event: it is published at least once. Absent values are 0 or nil. */
struct sale_event {
    enum sale_event_kind kind;
    struct uuid sale_id;
    int64_t seq; /* of the ledger's row that caused it */
    struct uuid user_id;
    int64_t place;
    int64_t quantity;
    struct uuid order_id;
    int64_t amount;  /* minor units: the order's total price, or the money to be returned */
    int64_t time_ms; /* end of the turn, reservation or sale; start of the sale */
    int64_t at_ms;   /* time of the decision */
    char traceparent[MESSAGE_TRACEPARENT_SIZE];
};

/* The word in messages; static. `kind` must not be SALE_EVENT_NONE. */
const char *sale_message_event_text(enum sale_event_kind kind);
void sale_message_write_events(struct jsonw *writer, const struct sale_event *events, size_t count);
MUST_CHECK bool sale_message_read_events(const void *bytes, size_t length, struct sale_event *events, size_t events_max,
                                         size_t *count, const char **reason);

enum { SALE_POSITION_UNKNOWN = -1 };

/* What a command came to, with the user's entry and the order as they stand after it. */
struct sale_message_decision {
    struct uuid id; /* of the command */
    struct uuid sale_id;
    struct uuid user_id; /* nil: none */
    enum sale_command_kind kind;
    enum sale_verdict verdict;
    enum sale_reason reason;             /* SALE_REASON_NONE unless rejected */
    enum sale_entry_status entry_status; /* meaningless without a place */
    enum sale_order_status order_status; /* meaningless without an order */
    int64_t quantity;                    /* as in struct sale_decision */
    int64_t place;                       /* seq of the entry; 0: there is none */
    struct uuid entry_id;                /* nil: none. An unchanged JOIN has that of the entry that was there. */
    int64_t position;        /* 1: next in line; 0: in a turn; SALE_POSITION_UNKNOWN: not waiting, or not computed */
    int64_t turn_expires_ms; /* 0: no turn */
    struct uuid order_id;    /* nil: none */
    int64_t total_price;
    int64_t order_expires_ms; /* 0: it was rejected */
    int64_t received_ms;
    int64_t decided_ms;
    int64_t version; /* of the sale after the batch; 0: unknown */
};

void sale_message_write_decision(struct jsonw *writer, const struct sale_message_decision *decision);
/* False if it is no decision on a sale's command; the channels also carry decisions on bids, and signals. */
MUST_CHECK bool sale_message_read_decision(const void *bytes, size_t length, struct sale_message_decision *decision);

#endif
