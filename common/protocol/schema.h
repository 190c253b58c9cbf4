/*
 * Which schema the programs of this version need. `rostrumctl migrate` records each file of schema/ that it applied; a
 * program takes part in a deployment only once the newest file is on record. Callers: the statements by which programs
 * learn the number of shards.
 *
 * Invariant: SCHEMA_NEWEST is the last file of schema/ (migrate_test looks).
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_SCHEMA_H
#define ROSTRUM_COMMON_PROTOCOL_SCHEMA_H

#define SCHEMA_NEWEST "0010-audit.sql"

/* A condition for SQL: the database has the schema of this version, or of a newer one. */
#define SCHEMA_IS_CURRENT "EXISTS (SELECT FROM schema_migrations WHERE name = '" SCHEMA_NEWEST "')"

/* For logs and messages, when the condition does not hold. */
#define SCHEMA_MISSING                                                                                                 \
    "the database does not have the schema of this version (" SCHEMA_NEWEST "): run rostrumctl migrate"

#endif
