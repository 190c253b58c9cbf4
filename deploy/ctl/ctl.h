/*
 * Shared by the commands of rostrumctl: the settings, and the connections to servers, opened on demand. rostrumctl runs
 * one command and exits, so unlike the daemons it may block on a server (with the settings' timeouts).
 *
 * Exit codes: 0 done; 1 refused, failed, or a difference found; 2 wrong command line or settings; 69 (EX_UNAVAILABLE) a
 * server cannot be reached.
 */
#ifndef ROSTRUM_DEPLOY_CTL_CTL_H
#define ROSTRUM_DEPLOY_CTL_CTL_H

#include <amqp.h>
#include <libpq-fe.h>

#include "common/base/base.h"
#include "common/service/config.h"

enum ctl_exit { CTL_OK = 0, CTL_FAILED = 1, CTL_USAGE = 2, CTL_UNAVAILABLE = 69 };

struct ctl {
    struct config config;
    PGconn *pg;                   /* NULL until store_open */
    amqp_connection_state_t amqp; /* NULL until rabbit_open */
};

/* A command. `argv` contains the arguments after its name. Returns the exit code. */
typedef int (*ctl_command)(struct ctl *ctl, int argc, char **argv);

int migrate_command(struct ctl *ctl, int argc, char **argv);
int rights_command(struct ctl *ctl, int argc, char **argv);
int restored_command(struct ctl *ctl, int argc, char **argv);
int user_command(struct ctl *ctl, int argc, char **argv);
int shardlist_command(struct ctl *ctl, int argc, char **argv);
int deadletters_command(struct ctl *ctl, int argc, char **argv);
int tokenkeys_command(struct ctl *ctl, int argc, char **argv);
int auction_command(struct ctl *ctl, int argc, char **argv);
int sale_command(struct ctl *ctl, int argc, char **argv);
int auctions_command(struct ctl *ctl, int argc, char **argv);
int verify_command(struct ctl *ctl, int argc, char **argv);
int audit_command(struct ctl *ctl, int argc, char **argv);
int receipt_command(struct ctl *ctl, int argc, char **argv);
int watch_command(struct ctl *ctl, int argc, char **argv);

/* Prints "rostrumctl: MESSAGE" and a newline on stderr. */
void ctl_report_error(const char *format, ...) PRINTF_LIKE(1, 2);

#endif
