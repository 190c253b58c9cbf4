/*
 * What distinguishes commands to auctions from commands to flash sales for the code that publishes them and waits for
 * their decisions. There is one constant of each: bid_family (gateway/bid) and sale_family (gateway/sale).
 */
#ifndef ROSTRUM_GATEWAY_SUBMIT_FAMILY_H
#define ROSTRUM_GATEWAY_SUBMIT_FAMILY_H

#include "common/io/pg.h"
#include "common/protocol/message.h"
#include "common/protocol/sale_message.h"
#include "common/protocol/topology.h"
#include "gateway/query/statements.h"

union submit_command {
    struct command bid; /* to an auction; not only bids */
    struct sale_message_command sale;
};

union submit_decision {
    struct decision bid;
    struct sale_message_decision sale;
};

/* `subject`: the auction or the sale. */
struct submit_ids {
    struct uuid subject;
    struct uuid id;
};

struct submit_family {
    const char *commands; /* "bids", for the log */
    const struct topology_family *topology;
    size_t command_size; /* of an element of the array for `write` */
    /* Writes a message. The array has elements of the family's type, not of the union. */
    void (*write)(struct jsonw *writer, const void *commands, size_t count);
    struct submit_ids (*ids_of_command)(const union submit_command *command);
    struct submit_ids (*ids_of_decision)(const union submit_decision *decision);
    void (*set_reply_to)(union submit_command *command, const struct uuid *gateway);
    void (*set_received_ms)(union submit_command *command, int64_t received_ms);
    /* False if the message is no decision of this family. */
    bool (*read_message)(const void *bytes, size_t length, union submit_decision *decision);
    /*
     * Queries PostgreSQL for the decisions on commands: a row for each that is decided. False: it is unavailable, and
     * `callback` is not called.
     */
    bool (*find)(struct pg *pg, const struct submit_ids *ids, size_t count, pg_callback callback, void *arg);
    /* Whether the message has all that an answer shows. If not, the ledger is asked. NULL: always. */
    bool (*complete)(const union submit_decision *decision);
    /* Reads a row of `find`; false if there is none, or if it has a word of a newer version. */
    bool (*read_row)(const PGresult *result, int row, union submit_decision *decision);
};

/* For `find`: queries a statement whose parameters are the subjects and the ids, as arrays. */
MUST_CHECK bool submit_find(struct pg *pg, const struct statements *of, size_t statement, const struct submit_ids *ids,
                            size_t count, pg_callback callback, void *arg);

#endif
