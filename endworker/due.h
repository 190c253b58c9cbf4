/*
 * The lists of what is due, and the commands for it. The scheduler reads them one after the other, page by page:
 *
 *     starts of auctions      scheduled auctions whose start time has come                   START
 *     ends of auctions        active ones whose end time has passed by the grace period      FENCE
 *     flash sales             those in which something can still become due                  OPEN, START, FENCE, EXPIRE
 *
 * A sale gets one EXPIRE at a time: at the earliest end of a turn or reservation, and the grace period. Turns of a sale
 * that is over and reservations of a cancelled one are left out: the rules have closed them.
 *
 * received_ms of FENCE and EXPIRE is the time of the query minus the grace period: all commands that were received
 * before and answered 202 are already in the queue. The rules end an auction or sale only if its end is not after
 * received_ms, and a turn or reservation likewise. So a command has no effect on what was extended in the meantime.
 *
 * Caller: scheduler.c.
 */
#ifndef ROSTRUM_ENDWORKER_DUE_H
#define ROSTRUM_ENDWORKER_DUE_H

#include <libpq-fe.h>

#include "common/base/base.h"
#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/base/json.h"
#include "common/base/outages.h"
#include "common/protocol/topology.h"
#include "endworker/statements.h"

enum {
    DUE_SOURCES = 3,
    DUE_VALUES_MAX = 5,   /* parameters of a statement */
    DUE_NUMBER_SIZE = 12, /* the limit as text */
};

/* A command that is due. */
struct due {
    struct uuid id; /* of the auction or sale */
    int kind;       /* enum command_kind of an auction, enum sale_command_kind of a sale */
    int64_t cause;  /* differs when something else is due; see sent_commands.h */
    int64_t received_ms;
    int64_t refused_ms; /* of EXPIRE */
};

/* What a page is read by. */
struct due_page {
    int64_t now_ms; /* time of the query */
    int64_t grace_ms;
    const struct outages *outages;
    /* The last row read; zeroed before the first page. Sales are ordered by id and word of the kind. */
    int64_t after_ms;
    struct uuid after_id;
    int after_kind;
};

/* The parameters of a page's statement. They point to the texts. */
struct due_query {
    const char *values[DUE_VALUES_MAX];
    int count;
    char now[CLOCK_TEXT_SIZE];
    char until[CLOCK_TEXT_SIZE];
    char after_time[CLOCK_TEXT_SIZE];
    char after_id[UUID_TEXT_SIZE];
    char limit[DUE_NUMBER_SIZE];
};

struct due_source {
    const char *subject; /* for the log */
    enum statement statement;
    void (*query)(const struct due_page *page, int limit, struct due_query *query);
    /* Reads a row, and notes it in the page as the last one. False: it is not due yet, because of an outage. */
    bool (*read)(const PGresult *result, int row, struct due_page *page, struct due *due);
    /* Writes the command's message to `writer`, which must be empty. */
    void (*write)(struct jsonw *writer, const struct due *due, const struct uuid *command_id);
    const char *(*word)(int kind);
    const struct topology_family *family;
};

/* In the order in which they are read. */
extern const struct due_source due_sources[DUE_SOURCES];

#endif
