/*
 * Empty tables for one test program in a separate PostgreSQL schema, so that rows of other programs do not disturb it.
 * `rostrumctl migrate` creates them.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_TABLES_H
#define ROSTRUM_TESTS_SUPPORT_TABLES_H

/*
 * Drops and creates the schema `name`, and changes ROSTRUM_PG_URL so that this process and its children use it. Exits
 * with a message on error.
 */
void tables_make(const char *name);
/* Drops the schema and restores ROSTRUM_PG_URL. */
void tables_drop(void);

#endif
