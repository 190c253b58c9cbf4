/*
 * Reads the columns of statements.h into the structs of the rules. Called by ledger.c.
 */
#ifndef ROSTRUM_SALEWORKER_ROWS_H
#define ROSTRUM_SALEWORKER_ROWS_H

#include "common/io/pg.h"
#include "saleworker/batch.h"

/*
 * An entry whose columns begin at `first`, and its place. False: its status is unknown, or there is none (its seq is
 * null).
 */
MUST_CHECK bool rows_entry(const PGresult *result, int row, int first, struct sale_entry *entry,
                           struct sale_batch_place *place);
/* The same for an order. */
MUST_CHECK bool rows_order(const PGresult *result, int row, int first, struct sale_order *order);
/* Terms from a row of STATEMENT_TERMS. */
MUST_CHECK bool rows_terms(const PGresult *result, int row, struct sale_terms *terms);
/* The outcome of a command that was decided before, from a row of STATEMENT_KNOWN. */
void rows_known(const PGresult *result, int row, const struct sale_message_command *command, const struct sale *sale,
                struct sale_message_decision *decision);

#endif
