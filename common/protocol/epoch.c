/*
 * See epoch.h.
 */
#include "common/protocol/epoch.h"

bool epoch_read(const PGresult *result, struct epoch *epoch)
{
    if (PQntuples(result) != 1) {
        return false;
    }
    *epoch = (struct epoch){.number = pg_int(result, 0, 0), .sessions_from_ms = pg_int(result, 0, 1)};
    epoch->number += epoch->number == 0; /* 0 means that no epoch is known */
    return true;
}
