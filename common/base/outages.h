/*
 * The times in which a program could not accept or publish commands, as far as this process saw them: while it is
 * without a broker, the deployment refuses commands. Such times do not run against turns and reservations of flash
 * sales (`refused_ms` in common/rules/sale_command.h).
 *
 * The newest OUTAGES_MAX are kept; an older one is dropped, so its time then counts as usual. Nothing is stored: a
 * process knows only the outages since its start. Time is the wall clock's. Pure: no I/O, no clock.
 *
 * Callers: the end worker, gateway/submit/publisher.
 */
#ifndef ROSTRUM_COMMON_BASE_OUTAGES_H
#define ROSTRUM_COMMON_BASE_OUTAGES_H

#include "common/base/base.h"

enum { OUTAGES_MAX = 64 };

struct outage {
    int64_t from_ms;
    int64_t until_ms; /* INT64_MAX: it goes on */
};

/* Zeroed: none. */
struct outages {
    struct outage list[OUTAGES_MAX]; /* a ring */
    size_t first;
    size_t count;
};

/* The program accepts commands from `now_ms` on, or accepts none. Without a change nothing happens. */
void outages_note(struct outages *outages, bool accepts, int64_t now_ms);
/* The part of the time from `since_ms` to `now_ms` that lies in outages. */
int64_t outages_ms(const struct outages *outages, int64_t since_ms, int64_t now_ms);
/* The outages since the newest time before which `length_ms` without outages have passed until `now_ms`. */
int64_t outages_within_ms(const struct outages *outages, int64_t length_ms, int64_t now_ms);

#endif
