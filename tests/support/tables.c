/*
 * See tables.h. The schema is the search path in the URL, so every connection finds it.
 */
#include "tests/support/tables.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/service/config.h"
#include "tests/support/deployment.h"
#include "tests/support/sql.h"

static char tables_name[64];
static char tables_url[CONFIG_TEXT_SIZE]; /* the value before tables_make */

static void tables_fail(const char *what)
{
    (void)fprintf(stderr, "tables for the test: %s\n", what);
    exit(EXIT_FAILURE);
}

/* The schema's name is a constant of the test, so it needs no quoting. */
static void tables_run(const char *verb, const char *tail)
{
    char statement[128];
    struct sql *sql = sql_open(tables_url);
    (void)snprintf(statement, sizeof(statement), "%s %s%s", verb, tables_name, tail);
    /* Without a notice for each dropped object. */
    PQclear(sql == NULL ? NULL : sql_rows(sql, "SET client_min_messages = warning", NULL));
    PGresult *result = sql == NULL ? NULL : sql_rows(sql, statement, NULL);
    if (result == NULL) {
        tables_fail(statement);
    }
    PQclear(result);
    sql_close(sql);
}

void tables_make(const char *name)
{
    char url[CONFIG_TEXT_SIZE];
    char out[DEPLOYMENT_OUTPUT_SIZE];
    (void)snprintf(tables_url, sizeof(tables_url), "%s", deployment_pg_url());
    (void)snprintf(tables_name, sizeof(tables_name), "%s", name);
    int length = snprintf(url, sizeof(url), "%s%coptions=-csearch_path%%3D%s", tables_url,
                          strchr(tables_url, '?') == NULL ? '?' : '&', name);
    if (length < 0 || (size_t)length >= sizeof(url) || setenv("ROSTRUM_PG_URL", url, 1) != 0) {
        tables_fail("ROSTRUM_PG_URL is too long");
    }
    tables_run("DROP SCHEMA IF EXISTS", " CASCADE");
    tables_run("CREATE SCHEMA", "");
    if (deployment_ctl(out, sizeof(out), "migrate", NULL) != 0) {
        tables_fail(out);
    }
}

void tables_drop(void)
{
    tables_run("DROP SCHEMA IF EXISTS", " CASCADE");
    (void)setenv("ROSTRUM_PG_URL", tables_url, 1);
}
