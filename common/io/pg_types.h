/*
 * Types that the pool (pg), its connections (pg_link) and their callers share: a prepared statement and its reply.
 * Types only. Callers include common/io/pg.h.
 */
#ifndef ROSTRUM_COMMON_IO_PG_TYPES_H
#define ROSTRUM_COMMON_IO_PG_TYPES_H

#include <libpq-fe.h>
#include <stdbool.h>

struct pg_statement {
    const char *name; /* name of the prepared statement, unique within the table */
    const char *sql;
};

/* A parameter. Text ends with '\0', and its length is ignored. */
struct pg_parameter {
    const char *value; /* NULL: SQL null */
    int length;
    bool binary;
};

enum pg_outcome {
    PG_OK,     /* `result` holds rows or the command tag */
    PG_FAILED, /* the server reported an error: `sqlstate` and `message` */
    PG_LOST,   /* connection lost, or an earlier statement failed: the result is unknown */
};

struct pg_reply {
    enum pg_outcome outcome;
    const PGresult *result; /* PG_OK only; freed after the callback returns */
    char sqlstate[6];
    const char *message; /* for the log only, never for a client */
};

typedef void (*pg_callback)(const struct pg_reply *reply, void *arg);

#endif
