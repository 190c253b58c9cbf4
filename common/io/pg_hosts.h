/*
 * The hosts of a PostgreSQL URL, for example postgresql://rostrum@10.0.0.1,10.0.0.2/rostrum: a primary and its
 * standbys.
 *
 * libpq tries several hosts in their order, but its asynchronous interface has no time limit for one of them. The
 * kernel of a machine whose server is stopped still accepts connections, so libpq would wait there for ever. Therefore
 * pg_link asks one host at a time, with a deadline for each, and the next one after a failure.
 *
 * The programs write. So with several hosts the default of target_session_attrs is read-write: a standby that answers
 * is refused, and the next host is asked.
 *
 * Callers: pg.c and pg_link.c; service/config checks URLs; rostrumctl, whose blocking connections libpq itself limits.
 */
#ifndef ROSTRUM_COMMON_IO_PG_HOSTS_H
#define ROSTRUM_COMMON_IO_PG_HOSTS_H

#include "common/base/base.h"

enum { PG_HOSTS_MAX = 8 };

/* Shared by all connections of a pool, so that one that found the primary leads the others there. */
struct pg_hosts {
    size_t count; /* 1 if the URL names one or none */
    size_t next;  /* to be asked by the next attempt */
    /*
     * Texts of libpq's parameters for one host. NULL: that of the URL. They are parts of the next two texts. A single
     * host has none: its URL is used as it is.
     */
    const char *host[PG_HOSTS_MAX];
    const char *address[PG_HOSTS_MAX];
    const char *port[PG_HOSTS_MAX];
    char *lists[3];         /* what they point into */
    const char *session;    /* target_session_attrs; NULL: that of the URL, or libpq's default */
    bool needs_primary;     /* a session that became read-only is of no use */
    int connect_timeout_ms; /* for one host; 0: none */
};

/* NULL if the programs can use the URL, otherwise the reason, without any part of it. pg_hosts_free must follow. */
MUST_CHECK const char *pg_hosts_read(struct pg_hosts *hosts, const char *url);
void pg_hosts_free(struct pg_hosts *hosts);
/* The time limit for one host, until it has accepted the session; at most `timeout_ms`, which is for everything. */
int pg_hosts_deadline_ms(const struct pg_hosts *hosts, int timeout_ms);
/* The connection to host `tried` was not made, or was lost: the next host is asked, unless another caller did so. */
void pg_hosts_failed(struct pg_hosts *hosts, size_t tried);
void pg_hosts_worked(struct pg_hosts *hosts, size_t tried);

#endif
