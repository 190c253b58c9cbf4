/*
 * See store.h.
 */
#include "deploy/ctl/store.h"

#include "common/base/money.h"
#include "common/io/keepalive.h"
#include "common/io/pg_hosts.h"
#include "common/protocol/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_SIZE = 24, MS_PER_S = 1000 };

/* Prints the first line of a server's message; the lines after it are context. */
static void report_error_of(const char *about, const char *message)
{
    ctl_report_error("%s: %.*s", about, (int)strcspn(message, "\n"), message);
}

static void no_notices(void *arg, const PGresult *result)
{
    (void)arg;
    (void)result;
}

/*
 * libpq asks the hosts of the URL in their order, each for connect_timeout. NULL: no memory. The settings have been
 * checked, so the URL is valid.
 */
static PGconn *connection_new(const struct config *config, const char *timeout_ms)
{
    struct pg_hosts hosts;
    char connect_s[NUMBER_SIZE];
    if (pg_hosts_read(&hosts, config->pg_url) != NULL) {
        pg_hosts_free(&hosts);
        return NULL;
    }
    int connect_ms = pg_hosts_deadline_ms(&hosts, config->pg_timeout_ms);
    (void)snprintf(connect_s, sizeof connect_s, "%d", (connect_ms + MS_PER_S - 1) / MS_PER_S);
    const char *const names[] = {"dbname",
                                 "target_session_attrs",
                                 "connect_timeout",
                                 "application_name",
                                 "tcp_user_timeout",
                                 "keepalives_idle",
                                 "keepalives_interval",
                                 "keepalives_count",
                                 NULL};
    const char *const values[] = {config->pg_url,
                                  hosts.session,
                                  connect_s,
                                  "rostrumctl",
                                  timeout_ms,
                                  KEEPALIVE_TEXT(KEEPALIVE_IDLE_S),
                                  KEEPALIVE_TEXT(KEEPALIVE_INTERVAL_S),
                                  KEEPALIVE_TEXT(KEEPALIVE_COUNT),
                                  NULL};
    PGconn *made = PQconnectdbParams(names, values, 1);
    pg_hosts_free(&hosts);
    return made;
}

bool store_open(struct ctl *ctl)
{
    char timeout_ms[NUMBER_SIZE];
    if (ctl->pg != NULL) {
        return true;
    }
    (void)snprintf(timeout_ms, sizeof timeout_ms, "%d", ctl->config.pg_timeout_ms);
    ctl->pg = connection_new(&ctl->config, timeout_ms);
    if (PQstatus(ctl->pg) != CONNECTION_OK) {
        report_error_of("PostgreSQL cannot be reached", ctl->pg == NULL ? "no memory" : PQerrorMessage(ctl->pg));
        ctl_report_error("its address comes from ROSTRUM_VAR, --config or ROSTRUM_PG_URL; see rostrumctl --help");
        PQfinish(ctl->pg);
        ctl->pg = NULL;
        return false;
    }
    (void)PQsetNoticeReceiver(ctl->pg, no_notices, NULL);
    const char *const timeout[] = {timeout_ms};
    return store_do(ctl, "SELECT set_config('statement_timeout', $1, false)", 1, timeout);
}

bool store_patient(struct ctl *ctl)
{
    return store_do(ctl, "SET statement_timeout = 0", 0, NULL);
}

PGresult *store_try(struct ctl *ctl, const char *sql, int count, const char *const *values, const char *sqlstate,
                    bool *met)
{
    PGresult *result = PQexecParams(ctl->pg, sql, count, NULL, values, NULL, NULL, 0);
    ExecStatusType status = PQresultStatus(result);
    const char *state = NULL;
    *met = false;
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
        return result;
    }
    state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    if (sqlstate != NULL && state != NULL && strcmp(state, sqlstate) == 0) {
        *met = true;
    } else {
        report_error_of("PostgreSQL", PQerrorMessage(ctl->pg));
    }
    PQclear(result);
    return NULL;
}

PGresult *store_run(struct ctl *ctl, const char *sql, int count, const char *const *values)
{
    bool met = false;
    return store_try(ctl, sql, count, values, NULL, &met);
}

bool store_do(struct ctl *ctl, const char *sql, int count, const char *const *values)
{
    PGresult *result = store_run(ctl, sql, count, values);
    PQclear(result);
    return result != NULL;
}

bool store_script(struct ctl *ctl, const char *name, const char *sql)
{
    PGresult *result = PQexec(ctl->pg, sql);
    ExecStatusType status = PQresultStatus(result);
    bool done = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
    if (!done) {
        report_error_of(name, PQerrorMessage(ctl->pg));
    }
    PQclear(result);
    return done;
}

int64_t store_money(const PGresult *result, int row, int column)
{
    const char *text = pg_text(result, row, column);
    int64_t minor = 0;
    return pg_null(result, row, column) || money_parse(text, strlen(text), &minor) ? minor : -1;
}

bool store_shards(struct ctl *ctl, unsigned *shards)
{
    static const char UNDEFINED_TABLE[] = "42P01";
    bool met = false;
    PGresult *result =
        store_try(ctl, "SELECT shards FROM topology WHERE " SCHEMA_IS_CURRENT, 0, NULL, UNDEFINED_TABLE, &met);
    bool known = result != NULL && PQntuples(result) == 1;
    if (known) {
        *shards = (unsigned)pg_int(result, 0, 0);
    } else if (met || result != NULL) {
        ctl_report_error(SCHEMA_MISSING);
    }
    PQclear(result);
    return known;
}
