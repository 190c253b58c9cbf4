/*
 * See timeline.h. `rostrumctl restored` does the same by hand, for a restore that timeline_check cannot detect: rows
 * that were replaced in the same tables.
 *
 * A new epoch has three effects. The Redis keys of the former one are not read any more. All sessions and access tokens
 * end, because those of users or passwords that the restored rows do not have must not stay valid. Programs that are
 * connected are disconnected, so that they read the epoch.
 */
#include "deploy/ctl/timeline.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>

#include "deploy/ctl/store.h"

enum { NUMBER_SIZE = 24 };

/* Columns: whether the server, its timeline and the table are those on record. */
#define SAME_SQL                                                                                                       \
    "SELECT t.system_identifier = s.system_identifier, t.timeline = s.timeline, t.table_id = t.tableoid"               \
    " FROM data_timeline t, data_server s"

#define RECORD_SQL                                                                                                     \
    "system_identifier = s.system_identifier, timeline = s.timeline, table_id = t.tableoid FROM data_server s"

/* Whole seconds, because access tokens have them. */
#define BEGIN_SQL                                                                                                      \
    "UPDATE data_timeline t SET epoch = $1::bigint,"                                                                   \
    " sessions_from = date_trunc('second', clock_timestamp()) + interval '1 second', " RECORD_SQL

/* Programs of this role, and of others that it may signal (pg_signal_backend). */
#define DISCONNECT_SQL                                                                                                 \
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database()"                 \
    " AND (pg_has_role(usesysid, 'MEMBER') OR pg_has_role('pg_signal_backend', 'MEMBER'))"                             \
    " AND pid <> pg_backend_pid() AND application_name LIKE 'rostrum-%'"

static bool begin_epoch(struct ctl *ctl)
{
    char number[NUMBER_SIZE];
    const char *const values[] = {number};
    int64_t epoch = 0;
    randombytes_buf(&epoch, sizeof epoch);
    (void)snprintf(number, sizeof number, "%" PRId64, epoch);
    if (!store_do(ctl, BEGIN_SQL, ARRAY_LEN(values), values)) {
        return false;
    }
    PGresult *result = store_run(ctl, DISCONNECT_SQL, 0, NULL);
    bool ok = result != NULL;
    if (ok) {
        (void)printf("a new epoch begins: all sessions and access tokens have ended, %" PRId64
                     " connections of programs were closed\n",
                     pg_int(result, 0, 0));
    }
    PQclear(result);
    return ok;
}

bool timeline_check(struct ctl *ctl, bool planned)
{
    static const char *const names[] = {"server", "timeline", "table"};
    PGresult *result = store_run(ctl, SAME_SQL, 0, NULL);
    const char *differs = NULL;
    bool ok = result != NULL;
    for (int i = (int)ARRAY_LEN(names) - 1; ok && i >= 0; i--) {
        differs = pg_bool(result, 0, i) ? differs : names[i];
    }
    PQclear(result);
    if (!ok || differs == NULL) {
        return ok;
    }
    if (planned) {
        (void)printf("the data has another %s than before: a planned switch, sessions stay valid\n", differs);
        return store_do(ctl, "UPDATE data_timeline t SET " RECORD_SQL, 0, NULL);
    }
    (void)printf("the data has another %s than before: it was restored\n", differs);
    return begin_epoch(ctl);
}

int restored_command(struct ctl *ctl, int argc, char **argv)
{
    unsigned shards = 0;
    (void)argv;
    if (argc != 0) {
        ctl_report_error("restored takes no arguments");
        return CTL_USAGE;
    }
    if (!store_open(ctl)) {
        return CTL_UNAVAILABLE;
    }
    return store_shards(ctl, &shards) && begin_epoch(ctl) ? CTL_OK : CTL_FAILED;
}
