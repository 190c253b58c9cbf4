/*
 * The version of the schema that the programs need. `rostrumctl migrate` records each applied file of schema/. A
 * program joins a deployment only if the newest file is recorded. Callers: the statements by which programs read the
 * number of shards.
 *
 * Invariant: SCHEMA_NEWEST is the last file of schema/ (checked by migrate_test).
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_SCHEMA_H
#define ROSTRUM_COMMON_PROTOCOL_SCHEMA_H

#define SCHEMA_NEWEST "0035-places-and-orders-of-a-user.sql"

/* SQL condition: the database has the schema of this version or of a newer one. */
#define SCHEMA_IS_CURRENT "EXISTS (SELECT FROM schema_migrations WHERE name = '" SCHEMA_NEWEST "')"

/* Log text for a database that does not meet the condition. */
#define SCHEMA_MISSING                                                                                                 \
    "the database does not have the schema of this version (" SCHEMA_NEWEST "): run rostrumctl migrate"

#endif
