/*
 * See verifying.h.
 */
#include "tests/support/verifying.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/deployment.h"
#include "tests/support/suite.h"

enum { STATEMENT_SIZE = 512 };

struct verifying verifying;

void verifying_open(const char *tables)
{
    char statement[STATEMENT_SIZE];
    (void)snprintf(statement, sizeof(statement), "TRUNCATE %s CASCADE", tables);
    verifying.sql = sql_open(deployment_pg_url());
    ck_assert_ptr_nonnull(verifying.sql);
    verifying.connection = PQconnectdb(deployment_pg_url());
    PQclear(sql_rows(verifying.sql, statement, NULL));
}

void verifying_close(void)
{
    PQfinish(verifying.connection);
    sql_close(verifying.sql);
}

void verifying_expect(int code, const char *word, const char *id)
{
    char out[DEPLOYMENT_OUTPUT_SIZE];
    int got = deployment_ctl(out, sizeof(out), "verify", id, NULL);
    ck_assert_msg(got == code, "exit code %d: %s", got, out);
    ck_assert_msg(strstr(out, word) != NULL, "no \"%s\" in: %s", word, out);
}

const char *verifying_tamper(const struct tampering *tampering)
{
    static char out[DEPLOYMENT_OUTPUT_SIZE];
    PGresult *result = sql_rows(verifying.sql, tampering->statement, NULL);
    ck_assert_msg(result != NULL && strcmp(PQcmdTuples(result), "0") != 0, "changes nothing: %s", tampering->statement);
    PQclear(result);
    int code = deployment_ctl(out, sizeof(out), "verify", NULL);
    ck_assert_msg(code == 1, "exit code %d after: %s\n%s", code, tampering->statement, out);
    ck_assert_msg(strstr(out, tampering->word) != NULL, "no word \"%s\" after: %s\n%s", tampering->word,
                  tampering->statement, out);
    return out;
}
