/*
 * See rights.h. Without roles of programs nothing can be compared but triggers: all programs then share one login.
 */
#include "deploy/ctl/rights.h"

#include <stdio.h>

#include "deploy/ctl/store.h"

#define WRONG_SQL "SELECT program_rights_wrong() UNION ALL SELECT audit_guard_wrong()"
#define ROLES_SQL "SELECT EXISTS (SELECT FROM program_roles WHERE oid IS NOT NULL)"

static void warn_without_roles(struct ctl *ctl)
{
    PGresult *result = store_run(ctl, ROLES_SQL, 0, NULL);
    if (result != NULL && !pg_bool(result, 0, 0)) {
        ctl_report_error("warning: this server has no roles of programs, so all share one login, which can change the "
                         "ledger and the audit log: see docs/rights.md");
    }
    PQclear(result);
}

int64_t rights_compare(struct ctl *ctl)
{
    PGresult *result = store_run(ctl, WRONG_SQL, 0, NULL);
    int64_t count = result == NULL ? -1 : PQntuples(result);
    for (int row = 0; row < count; row++) {
        (void)printf("rights: %s\n", pg_text(result, row, 0));
    }
    PQclear(result);
    warn_without_roles(ctl);
    return count;
}

bool rights_settle(struct ctl *ctl)
{
    PGresult *result = store_run(ctl, WRONG_SQL, 0, NULL);
    bool ok = result != NULL;
    if (ok && PQntuples(result) > 0) {
        ok = store_do(ctl, "SELECT program_rights_apply()", 0, NULL);
    }
    PQclear(result);
    if (ok && rights_compare(ctl) == 0) {
        return true;
    }
    ctl_report_error(
        "the rights of the programs are not as decided: see docs/rights.md. If a right is refused, run what "
        "`rostrumctl rights postgres` prints as PostgreSQL's administrator, then migrate again");
    return false;
}
