/*
 * Checks what a program must share with the deployment before its stamps and its ends count:
 *
 *   - The clock. It is compared with the database's every second. Beyond clock_skew_max_ms (common/base/skew.h) the
 *     program withholds its acts. It also does so when the clock was set since the last measurement, until the next
 * one.
 *   - fence_grace_ms and confirm_deadline_ms. They are on record in table topology. A program whose settings contradict
 *     the record must not run.
 *
 * Programs report their offsets to each other in table program_clocks. If all of them differ alike, the database's
 * clock is the wrong one, and the log says so.
 *
 * Callers: the gateway's deployment_reader, main.c of the end worker.
 */
#ifndef ROSTRUM_COMMON_SERVICE_TIMING_GUARD_H
#define ROSTRUM_COMMON_SERVICE_TIMING_GUARD_H

#include <event2/event.h>

#include "common/base/base.h"
#include "common/io/pg.h"
#include "common/service/config.h"

/* A program puts these statements into its table at consecutive indexes, as with common/service/outbox.h. */
enum timing_guard_statement { TIMING_GUARD_MEASURE, TIMING_GUARD_REPORT, TIMING_GUARD_STATEMENTS };

#define TIMING_GUARD_MEASURE_SQL                                                                                       \
    "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint, t.fence_grace_ms, t.confirm_deadline_ms"           \
    " FROM (VALUES (true)) AS one (only_row) LEFT JOIN topology t USING (only_row)"
/* $1 program, $2 its offset, $3 clock_skew_max_ms -> number of other programs, and of those that differ alike. */
#define TIMING_GUARD_REPORT_SQL                                                                                        \
    "WITH mine AS (INSERT INTO program_clocks (program, offset_ms, measured_at)"                                       \
    " VALUES ($1, $2::bigint, clock_timestamp()) ON CONFLICT (program) DO UPDATE"                                      \
    " SET offset_ms = excluded.offset_ms, measured_at = excluded.measured_at),"                                        \
    " gone AS (DELETE FROM program_clocks WHERE program IN (SELECT program FROM program_clocks WHERE program <> $1"    \
    " AND abs(extract(epoch FROM clock_timestamp() - measured_at)) > 3600 FOR UPDATE SKIP LOCKED))"                    \
    " SELECT count(*), count(*) FILTER (WHERE abs(offset_ms - $2::bigint) <= $3::bigint) FROM program_clocks"          \
    " WHERE program <> $1 AND abs(extract(epoch FROM clock_timestamp() - measured_at)) < 20"

/* clang-format off */
#define TIMING_GUARD_STATEMENT_ROWS                                                                                    \
    {"timing_measure", TIMING_GUARD_MEASURE_SQL}, {"timing_report", TIMING_GUARD_REPORT_SQL}
/* clang-format on */

struct timing_guard;

struct timing_guard_options {
    struct event_base *base;
    const struct config *config; /* borrowed */
    struct pg *pg;
    size_t first_statement;  /* index of TIMING_GUARD_MEASURE in the table of `pg` */
    const char *program;     /* its name, for reports */
    const char *consequence; /* for the log: what the program does not do while the clock is wrong */
    /* The clock became right or wrong; also called once it is known at first. May be NULL. */
    void (*on_change)(bool right, void *arg);
    /* The settings contradict the record; it was logged. The program must end with EXIT_USAGE. */
    void (*on_contradiction)(void *arg);
    void *arg;
};

/* Measures as soon as PostgreSQL is connected. NULL: no memory. */
MUST_CHECK struct timing_guard *timing_guard_new(const struct timing_guard_options *options);
/* Free `pg` first. NULL is allowed. */
void timing_guard_free(struct timing_guard *guard);
/*
 * Call at once after reading the clock for a stamp. True: the stamp may be wrong, because the clock was measured as
 * wrong, or was set since it was measured. A clock that could not be measured yet withholds nothing.
 */
bool timing_guard_withholds(struct timing_guard *guard);
/* Whether the clock was measured and found right or wrong. */
bool timing_guard_measured(const struct timing_guard *guard);
/* This machine's clock minus the database's, as last measured; 0 before. */
int64_t timing_guard_offset_ms(const struct timing_guard *guard);

#endif
