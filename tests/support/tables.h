/*
 * A deployment's tables for one test program, empty, in a PostgreSQL schema of its own, so that no other program's rows
 * are in the way. Made by `rostrumctl migrate`, as everywhere.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_TABLES_H
#define ROSTRUM_TESTS_SUPPORT_TABLES_H

/*
 * Makes the schema `name` anew and has this process and its children use it, by changing ROSTRUM_PG_URL. Exits with a
 * message if that fails.
 */
void tables_make(const char *name);
/* Removes it and puts ROSTRUM_PG_URL back. */
void tables_drop(void);

#endif
