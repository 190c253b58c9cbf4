/*
 * Indexes of the Lua scripts in the script table of a worker's Redis connection. Each script is a constant in the file
 * named here; components.c builds the table.
 */
#ifndef ROSTRUM_GATEWAY_CORE_SCRIPTS_H
#define ROSTRUM_GATEWAY_CORE_SCRIPTS_H

enum gateway_script {
    GATEWAY_SCRIPT_USER,           /* admission_call.c */
    GATEWAY_SCRIPT_MARK,           /* admission_call.c */
    GATEWAY_SCRIPT_LIMIT,          /* limits.c */
    GATEWAY_SCRIPT_LIMIT_BACK,     /* limits.c */
    GATEWAY_SCRIPT_SNAPSHOT,       /* common/protocol/snapshot.h */
    GATEWAY_SCRIPT_CREDENTIALS,    /* credentials.c */
    GATEWAY_SCRIPT_HISTORY,        /* cache.c */
    GATEWAY_SCRIPT_HISTORY_STORE,  /* cache.c */
    GATEWAY_SCRIPT_LEADERS,        /* leaderboard.c */
    GATEWAY_SCRIPT_LEADERS_KEEP,   /* leaderboard.c */
    GATEWAY_SCRIPT_DOCUMENT,       /* documents.c */
    GATEWAY_SCRIPT_SNAPSHOT_FRESH, /* common/protocol/snapshot.h */
    GATEWAY_SCRIPT_COUNT
};

#endif
