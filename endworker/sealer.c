/*
 * See sealer.h. One statement a second, with a bounded number of entries. Two end workers that both believe to lead are
 * kept apart by the database.
 */
#include "endworker/sealer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/protocol/audit_hash.h"
#include "endworker/endworker_metrics.h"
#include "endworker/statements.h"

enum {
    TICK_S = 1,
    LOG_MS = 10 * 60 * 1000, /* between log lines about the newest hash: an attacker has this long to change it too */
    NUMBER_SIZE = 24,
    /*
     * Entries in one statement. A deployment writes far fewer in a second; after an upgrade or an outage the others
     * follow. The number falls to half when a statement fails, so that it ends within pg_timeout_ms on a slow server,
     * and doubled when as many were sealed.
     */
    ENTRIES_LEAST = 10,
    ENTRIES_MOST = 1000,
};

/* Columns of STATEMENT_SEAL. */
enum { SEALED_COUNT, SEALED_NEWEST, SEALED_HASH, SEALED_WAITING, SEALED_CONTRADICTS };

struct sealer {
    struct sealer_options options;
    struct event *tick;
    bool asking;
    int entries;                     /* limit of the next statement */
    bool leading;                    /* at the last tick */
    int64_t asked_ms;                /* monotonic, like all times here */
    int64_t complete_ms;             /* when the last answered statement was sent, or the lead began */
    int64_t waiting_ms;              /* age of the oldest entry that this statement left */
    int64_t number;                  /* the newest link; 0: none, or not known */
    char hash[HASH_CHAIN_TEXT_SIZE]; /* its hash */
    int64_t logged_ms;
    int64_t logged_number; /* 0: none since the lead began */
};

static void log_newest(struct sealer *sealer)
{
    int64_t now_ms = clock_mono_ms();
    if (sealer->number > sealer->logged_number &&
        (sealer->logged_number == 0 || now_ms - sealer->logged_ms >= LOG_MS)) {
        log_info("audit log sealed: link %" PRId64 " has hash %s", sealer->number, sealer->hash);
        sealer->logged_ms = now_ms;
        sealer->logged_number = sealer->number;
    }
}

/* The chain goes on from what the database has: the difference is on record in the log. */
static void report_contradiction(struct sealer *sealer, const PGresult *result)
{
    log_error("the chain of the audit log was changed: link %" PRId64
              " had hash %s and has it no more; the newest link is now %" PRId64 " with hash %s",
              sealer->number, sealer->hash, pg_int(result, 0, SEALED_NEWEST), pg_text(result, 0, SEALED_HASH));
    endworker_metrics_contradiction();
    sealer->number = 0;
    sealer->hash[0] = '\0';
    sealer->logged_number = 0;
}

static void on_sealed(const struct pg_reply *reply, void *arg)
{
    struct sealer *sealer = arg;
    const PGresult *result = reply->result;
    sealer->asking = false;
    if (reply->outcome == PG_FAILED) {
        log_warn("the audit log cannot be sealed, retrying: %s %s", reply->sqlstate, reply->message);
    }
    if (reply->outcome != PG_OK) {
        sealer->entries = sealer->entries / 2 > ENTRIES_LEAST ? sealer->entries / 2 : ENTRIES_LEAST;
        return;
    }
    if (pg_null(result, 0, SEALED_NEWEST)) { /* null: another end worker is sealing */
        return;
    }
    if (pg_bool(result, 0, SEALED_CONTRADICTS)) {
        report_contradiction(sealer, result);
        return;
    }
    endworker_metrics_sealed(pg_int(result, 0, SEALED_COUNT));
    if (pg_int(result, 0, SEALED_COUNT) == sealer->entries) {
        sealer->entries = 2 * sealer->entries < ENTRIES_MOST ? 2 * sealer->entries : ENTRIES_MOST;
    }
    sealer->complete_ms = sealer->asked_ms;
    sealer->waiting_ms = pg_int(result, 0, SEALED_WAITING);
    sealer->number = pg_int(result, 0, SEALED_NEWEST);
    (void)snprintf(sealer->hash, sizeof sealer->hash, "%s", pg_text(result, 0, SEALED_HASH));
    log_newest(sealer);
}

/* Another end worker may have led meanwhile, and the database may have been restored. */
static void begin_lead(struct sealer *sealer)
{
    sealer->leading = true;
    sealer->complete_ms = clock_mono_ms();
    sealer->waiting_ms = 0;
    sealer->number = 0;
    sealer->hash[0] = '\0';
    sealer->logged_number = 0;
}

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct sealer *sealer = arg;
    char number[NUMBER_SIZE];
    char entries[NUMBER_SIZE];
    const char *const values[] = {entries, number, sealer->hash};
    (void)fd;
    (void)what;
    if (!sealer->options.leads(sealer->options.arg)) {
        sealer->leading = false;
        return;
    }
    if (sealer->asking) {
        return;
    }
    if (!sealer->leading) {
        begin_lead(sealer);
    }
    (void)snprintf(entries, sizeof entries, "%d", sealer->entries);
    (void)snprintf(number, sizeof number, "%" PRId64, sealer->number);
    sealer->asked_ms = clock_mono_ms();
    sealer->asking = pg_query(sealer->options.pg, STATEMENT_SEAL, ARRAY_LEN(values), values, on_sealed, sealer);
}

struct sealer *sealer_new(const struct sealer_options *options)
{
    struct sealer *sealer = calloc(1, sizeof(*sealer));
    const struct timeval every = {.tv_sec = TICK_S};
    if (sealer == NULL) {
        return NULL;
    }
    sealer->options = *options;
    sealer->entries = ENTRIES_MOST / 4;
    sealer->tick = event_new(options->base, -1, EV_PERSIST, on_tick, sealer);
    if (sealer->tick == NULL || event_add(sealer->tick, &every) != 0) {
        sealer_free(sealer);
        return NULL;
    }
    return sealer;
}

void sealer_free(struct sealer *sealer)
{
    if (sealer == NULL) {
        return;
    }
    if (sealer->tick != NULL) {
        event_free(sealer->tick);
    }
    free(sealer);
}

int64_t sealer_lag_ms(const struct sealer *sealer)
{
    return sealer->leading ? sealer->waiting_ms + clock_mono_ms() - sealer->complete_ms : 0;
}
