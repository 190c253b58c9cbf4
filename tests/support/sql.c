/*
 * See sql.h.
 */
#include "tests/support/sql.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SQL_PARAMETERS_MAX = 4 };

struct sql {
    PGconn *connection;
    char text[SQL_TEXT_SIZE];
};

struct sql *sql_open(const char *url)
{
    struct sql *sql = calloc(1, sizeof(*sql));
    if (sql == NULL) {
        return NULL;
    }
    sql->connection = PQconnectdb(url);
    if (PQstatus(sql->connection) != CONNECTION_OK) {
        (void)fprintf(stderr, "PostgreSQL: %s", PQerrorMessage(sql->connection));
        sql_close(sql);
        return NULL;
    }
    return sql;
}

void sql_close(struct sql *sql)
{
    if (sql == NULL) {
        return;
    }
    PQfinish(sql->connection);
    free(sql);
}

static PGresult *sql_run(struct sql *sql, const char *statement, va_list more)
{
    const char *values[SQL_PARAMETERS_MAX];
    int count = 0;
    for (const char *value = va_arg(more, const char *); value != NULL && count < SQL_PARAMETERS_MAX;
         value = va_arg(more, const char *)) {
        values[count++] = value;
    }
    if (PQstatus(sql->connection) != CONNECTION_OK) {
        PQreset(sql->connection);
    }
    PGresult *result = PQexecParams(sql->connection, statement, count, NULL, values, NULL, NULL, 0);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        (void)fprintf(stderr, "PostgreSQL: %s", PQerrorMessage(sql->connection));
        PQclear(result);
        return NULL;
    }
    return result;
}

PGresult *sql_rows(struct sql *sql, const char *statement, ...)
{
    va_list more;
    va_start(more, statement);
    PGresult *result = sql_run(sql, statement, more);
    va_end(more);
    return result;
}

static const char *sql_first(struct sql *sql, const char *statement, va_list more)
{
    PGresult *result = sql_run(sql, statement, more);
    sql->text[0] = '\0';
    if (result != NULL && PQntuples(result) > 0) {
        (void)snprintf(sql->text, sizeof(sql->text), "%s", PQgetvalue(result, 0, 0));
    }
    PQclear(result);
    return sql->text;
}

int64_t sql_int(struct sql *sql, const char *statement, ...)
{
    va_list more;
    va_start(more, statement);
    const char *text = sql_first(sql, statement, more);
    va_end(more);
    return text[0] == '\0' ? -1 : strtoll(text, NULL, 10);
}

unsigned sql_shards(struct sql *sql)
{
    int64_t count = sql_int(sql, "SELECT shards FROM topology", NULL);
    return count > 0 ? (unsigned)count : 0;
}

const char *sql_text(struct sql *sql, const char *statement, ...)
{
    va_list more;
    va_start(more, statement);
    const char *text = sql_first(sql, statement, more);
    va_end(more);
    return text;
}

int64_t sql_blocked(struct sql *sql, struct sql *locker)
{
    enum { PID_SIZE = 16 };
    char pid[PID_SIZE];
    (void)snprintf(pid, sizeof pid, "%s", sql_text(locker, "SELECT pg_backend_pid()", NULL));
    return sql_int(sql,
                   "WITH RECURSIVE blocked (pid) AS (SELECT $1::integer UNION SELECT a.pid FROM pg_stat_activity a"
                   " JOIN blocked b ON b.pid = ANY (pg_blocking_pids(a.pid))) SELECT count(*) FROM blocked JOIN"
                   " pg_stat_activity USING (pid) WHERE application_name = 'rostrum-gateway'",
                   pid, NULL);
}
