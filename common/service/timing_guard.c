/*
 * See timing_guard.h. The duration of a measurement is taken from CLOCK_BOOTTIME, so that a clock that is set meanwhile
 * does not spoil it. CLOCK_REALTIME and CLOCK_BOOTTIME run alike, also while the machine is suspended or NTP corrects
 * their speed. Their difference changes only when somebody sets the clock.
 */
#include "common/service/timing_guard.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/base/log.h"
#include "common/base/skew.h"
#include "common/io/timer.h"

enum {
    MEASURE_MS = 1000,       /* between two measurements */
    MEASURE_AGAIN_MS = 100,  /* after a suspicious one, and before the first one */
    REPORT_MS = 10000,       /* between two reports */
    REPORT_WRONG_MS = 2000,  /* the same while the clock is wrong */
    CULPRIT_FIRST_MS = 2000, /* until the log names the wrong clock: by then all programs have measured and reported */
    CULPRIT_MS = 10000,      /* between two such lines */
    READS_MAX = 5,           /* pairs of reads of the two clocks, until one pair takes at most READ_MS */
    READ_MS = 2,
    STEP_NOISE_MS = 20, /* NTP moves a clock by less between two measurements */
    PROGRAM_SIZE = 64,
    NUMBER_SIZE = 24,
};

enum { COLUMN_CLOCK, COLUMN_FENCE_GRACE, COLUMN_CONFIRM_DEADLINE };
enum { COLUMN_OTHERS, COLUMN_ALIKE };

struct timing_guard {
    struct timing_guard_options options;
    struct event *timer;
    struct skew skew;
    char program[PROGRAM_SIZE]; /* unique to this process */
    bool asking;
    int64_t asked_boot_ms;   /* of the running measurement, by CLOCK_BOOTTIME */
    int64_t asked_ahead_ms;  /* realtime_ahead_ms at that time */
    int64_t ahead_ms;        /* CLOCK_REALTIME minus CLOCK_BOOTTIME when the clock was last measured as right */
    int64_t report_boot_ms;  /* time of the next report */
    int64_t culprit_boot_ms; /* time of the next line about the wrong clock */
    bool contradicted;
};

/*
 * CLOCK_REALTIME minus CLOCK_BOOTTIME. The process may lose the processor between two reads, so the closest pair of
 * reads counts.
 */
static int64_t realtime_ahead_ms(void)
{
    int64_t ahead_ms = 0;
    int64_t closest_ms = INT64_MAX;
    for (int i = 0; i < READS_MAX && closest_ms > READ_MS; i++) {
        int64_t before_ms = clock_boot_ms();
        int64_t now_ms = clock_now_ms();
        int64_t took_ms = clock_boot_ms() - before_ms;
        if (took_ms < closest_ms) {
            closest_ms = took_ms;
            ahead_ms = now_ms - before_ms - took_ms / 2;
        }
    }
    return ahead_ms;
}

/* ---- the log ---- */

static void log_state(const struct timing_guard *guard)
{
    const struct skew *skew = &guard->skew;
    if (skew->state == SKEW_RIGHT) {
        log_info("the clocks of this machine and of the database agree: offset %" PRId64 " ms", skew->offset_ms);
    } else {
        log_error("the clocks of this machine and of the database differ by %" PRId64 " ms (round trip %" PRId64
                  " ms), more than clock_skew_max_ms (%" PRId64 "): %s",
                  skew->offset_ms, skew->round_trip_ms, skew->max_ms, guard->options.consequence);
    }
}

/* Names the clock that is to be corrected. */
static void log_culprit(const struct timing_guard *guard, int64_t others, int64_t alike)
{
    int64_t offset_ms = guard->skew.offset_ms;
    if (others > 0 && alike == others) {
        log_error("the database's clock is %" PRId64 " ms %s the clocks of all %" PRId64
                  " programs that report: correct the clock of PostgreSQL's machine",
                  offset_ms > 0 ? offset_ms : -offset_ms, offset_ms > 0 ? "behind" : "ahead of", others + 1);
    } else {
        log_error("this machine's clock is %" PRId64 " ms %s the database's (%" PRId64 " of %" PRId64
                  " other programs differ alike): correct it",
                  offset_ms > 0 ? offset_ms : -offset_ms, offset_ms > 0 ? "ahead of" : "behind", alike, others);
    }
}

/* ---- reports ---- */

static void on_reported(const struct pg_reply *reply, void *arg)
{
    struct timing_guard *guard = arg;
    int64_t now_ms = clock_boot_ms();
    if (reply->outcome != PG_OK) {
        log_debug("the clock's offset was not reported");
    } else if (guard->skew.state == SKEW_WRONG && now_ms >= guard->culprit_boot_ms) {
        guard->culprit_boot_ms = now_ms + CULPRIT_MS;
        log_culprit(guard, pg_int(reply->result, 0, COLUMN_OTHERS), pg_int(reply->result, 0, COLUMN_ALIKE));
    }
}

static void report(struct timing_guard *guard)
{
    char offset[NUMBER_SIZE];
    char limit[NUMBER_SIZE];
    const char *const values[] = {guard->program, offset, limit};
    (void)snprintf(offset, sizeof(offset), "%" PRId64, guard->skew.offset_ms);
    (void)snprintf(limit, sizeof(limit), "%" PRId64, guard->skew.max_ms);
    guard->report_boot_ms = clock_boot_ms() + (guard->skew.state == SKEW_WRONG ? REPORT_WRONG_MS : REPORT_MS);
    if (!pg_query(guard->options.pg, guard->options.first_statement + TIMING_GUARD_REPORT, ARRAY_LEN(values), values,
                  on_reported, guard)) {
        log_debug("the clock's offset was not reported: PostgreSQL is unavailable");
    }
}

/* ---- measurements ---- */

/* Returns whether the settings are those on record. Before the first migration there is no record. */
static bool agrees(const struct timing_guard *guard, const PGresult *result)
{
    const struct config *config = guard->options.config;
    if (pg_null(result, 0, COLUMN_FENCE_GRACE) ||
        (pg_int(result, 0, COLUMN_FENCE_GRACE) == config->fence_grace_ms &&
         pg_int(result, 0, COLUMN_CONFIRM_DEADLINE) == config->confirm_deadline_ms)) {
        return true;
    }
    log_error("fence_grace_ms = %d and confirm_deadline_ms = %d contradict the record of the deployment (%" PRId64
              " and %" PRId64 "): use the recorded values, or stop all gateways and end workers and run "
              "rostrumctl migrate --timing (docs/auction-end.md)",
              config->fence_grace_ms, config->confirm_deadline_ms, pg_int(result, 0, COLUMN_FENCE_GRACE),
              pg_int(result, 0, COLUMN_CONFIRM_DEADLINE));
    return false;
}

static void judge(struct timing_guard *guard, int64_t database_ms)
{
    struct skew *skew = &guard->skew;
    enum skew_state before = skew->state;
    if (skew_measured(skew, guard->asked_boot_ms + guard->asked_ahead_ms, clock_boot_ms() + guard->asked_ahead_ms,
                      database_ms)) {
        guard->ahead_ms = guard->asked_ahead_ms;
    }
    if (skew->state == before) {
        return;
    }
    log_state(guard);
    guard->report_boot_ms = 0;
    guard->culprit_boot_ms = clock_boot_ms() + CULPRIT_FIRST_MS;
    if (guard->options.on_change != NULL) {
        guard->options.on_change(skew->state == SKEW_RIGHT, guard->options.arg);
    }
}

static void on_measured(const struct pg_reply *reply, void *arg)
{
    struct timing_guard *guard = arg;
    guard->asking = false;
    if (reply->outcome != PG_OK) {
        return;
    }
    if (!agrees(guard, reply->result)) {
        guard->contradicted = true;
        guard->options.on_contradiction(guard->options.arg);
        return;
    }
    judge(guard, pg_int(reply->result, 0, COLUMN_CLOCK));
    if (guard->skew.suspected) {
        timer_set(guard->timer, MEASURE_AGAIN_MS);
    }
    if (guard->skew.state != SKEW_UNKNOWN && clock_boot_ms() >= guard->report_boot_ms) {
        report(guard);
    }
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct timing_guard *guard = arg;
    (void)fd;
    (void)what;
    if (guard->contradicted) {
        return;
    }
    timer_set(guard->timer, guard->skew.state == SKEW_UNKNOWN ? MEASURE_AGAIN_MS : MEASURE_MS);
    if (!guard->asking) {
        guard->asked_ahead_ms = realtime_ahead_ms();
        guard->asked_boot_ms = clock_boot_ms();
        guard->asking = pg_query(guard->options.pg, guard->options.first_statement + TIMING_GUARD_MEASURE, 0, NULL,
                                 on_measured, guard);
    }
}

bool timing_guard_withholds(struct timing_guard *guard)
{
    if (guard->skew.state != SKEW_RIGHT) {
        return guard->skew.state == SKEW_WRONG;
    }
    int64_t step_ms = realtime_ahead_ms() - guard->ahead_ms;
    if (llabs(step_ms) <= guard->skew.max_ms &&
        (llabs(step_ms) <= STEP_NOISE_MS || llabs(guard->skew.offset_ms + step_ms) <= guard->skew.max_ms)) {
        return false;
    }
    event_active(guard->timer, EV_TIMEOUT, 0);
    return true;
}

bool timing_guard_measured(const struct timing_guard *guard)
{
    return guard->skew.state != SKEW_UNKNOWN;
}

int64_t timing_guard_offset_ms(const struct timing_guard *guard)
{
    return guard->skew.offset_ms;
}

/* ---- start and stop ---- */

struct timing_guard *timing_guard_new(const struct timing_guard_options *options)
{
    struct timing_guard *guard = calloc(1, sizeof(*guard));
    struct uuid id = uuid_new();
    char text[UUID_TEXT_SIZE];
    if (guard == NULL) {
        return NULL;
    }
    guard->options = *options;
    guard->skew.max_ms = options->config->clock_skew_max_ms;
    uuid_format(&id, text);
    (void)snprintf(guard->program, sizeof(guard->program), "%s %s", options->program, text);
    guard->timer = evtimer_new(options->base, on_timer, guard);
    if (guard->timer == NULL) {
        free(guard);
        return NULL;
    }
    timer_set(guard->timer, 0);
    return guard;
}

void timing_guard_free(struct timing_guard *guard)
{
    if (guard != NULL) {
        event_free(guard->timer);
        free(guard);
    }
}
