/*
 * rostrumctl: what an operator does by hand. A table of commands; each finds its deployment by the settings
 * (settings.h), opens the servers that it needs, and says its result on stdout and its troubles on stderr.
 */
#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/ctl/ctl.h"
#include "deploy/ctl/rabbit.h"
#include "deploy/ctl/settings.h"

enum { FILES_MAX = 8 /* --config options */, WHY_SIZE = 1024 };

struct entry {
    const char *name;
    ctl_command run;
    const char *arguments;
    const char *help; /* indented, ends with a newline */
};

static const struct entry ENTRIES[] = {
    {"migrate", migrate_command, "[--schema DIR]",
     "      Brings PostgreSQL and RabbitMQ to what this version needs: applies the files of schema/ that were not\n"
     "      applied yet, each in a transaction of its own and on record in schema_migrations; makes the deployment's "
     "keys "
     "if\n"
     "      they are missing; puts the number of shards on record; declares exchanges, queues and bindings. Safe to\n"
     "      repeat, and to run twice at once. It refuses a number of shards that differs from the one on record, and "
     "an\n"
     "      applied file that was changed.\n"
     "      --schema DIR   where the files are; else ../schema, ../../schema or ../share/rostrum/schema beside\n"
     "                     rostrumctl itself, ./schema, or /usr/share/rostrum/schema\n"},
    {"user", user_command, "create EMAIL [--admin] [--name NAME]",
     "      Makes an account, reads its password (8 to 128 characters) from the first line of standard input, and\n"
     "      prints its id.\n"
     "      --admin        with the role admin\n"
     "      --name NAME    the display name; else what stands before the @\n"},
    {"keys", tokenkeys_command, "[rotate]",
     "      The keys that sign access tokens: how many there are, and how old each is.\n"
     "      rotate         adds one. Gateways publish it at once and sign with it 15 s later; the keys before it\n"
     "                     verify until the last token they signed has expired, and are then removed by a later\n"
     "                     rotation.\n"},
    {"shards", shardlist_command, "",
     "      Every shard's queue: who of the living bid workers owns it, how many messages wait in it, how many were\n"
     "      handed out and not acknowledged yet, and how many consumers it has. Below, the workers. A `-` stands "
     "where\n"
     "      something is not known: the broker tells no client what is unacknowledged, so the owner says it itself,\n"
     "      through Redis.\n"},
    {"dead-letters", deadletters_command, "[--limit N] [--body]",
     "      Lists what was set aside: first what is in table dead_letters, newest first (see /admin/dead-letters to\n"
     "      send it again or drop it), then what still waits in the queue, oldest first. All of it stays where it is.\n"
     "      --limit N      at most so many (default 100, at most 10000)\n"
     "      --body         with the message itself\n"},
    {"auction", auction_command, "ID",
     "      One auction for a reader: its terms, how it stands, and its ledger. Maximum amounts that still stand are\n"
     "      not shown before the auction is settled.\n"},
    {"watch", watch_command, "AUCTION",
     "      A live auction, until it is settled: price, countdown by the server's clock, the newest bids under the\n"
     "      bidders' pseudonyms, whether the reserve is met, and a sparkline of the price; drawn anew with each "
     "change\n"
     "      and each second. Where the output is no terminal: a line for each change. Ends with the outcome and exit\n"
     "      code 0; with Ctrl-C and exit code 130. NO_COLOR in the environment: no colours.\n"},
    {"verify", verify_command, "[AUCTION]",
     "      Decides the whole ledger (or that of one auction) again by the rules of bidding, from PostgreSQL alone "
     "and\n"
     "      in one snapshot, so that bidding may go on meanwhile. Prints each difference between what the rules say "
     "and\n"
     "      what is stored: entries, price, leader, end time, outcome. Exits 1 if there is one.\n"},
};

static void print_help(void)
{
    (void)printf("NAME\n  rostrumctl - operate a Rostrum auction house\n\n"
                 "SYNOPSIS\n  rostrumctl [--config FILE]... COMMAND [ARGUMENTS]\n  rostrumctl --help | --version\n\n"
                 "COMMANDS\n");
    for (size_t i = 0; i < ARRAY_LEN(ENTRIES); i++) {
        (void)printf("  %s %s\n%s\n", ENTRIES[i].name, ENTRIES[i].arguments, ENTRIES[i].help);
    }
    (void)printf("OPTIONS\n"
                 "  --config FILE    read settings from this INI file; may be given again, later files win\n"
                 "  --help           print this page and exit\n"
                 "  --version        print the version and exit\n\n"
                 "ENVIRONMENT\n"
                 "  ROSTRUM_VAR      the folder of the deployment to work on; --config and what follows win over its\n"
                 "                   settings. Without any of them ./var is taken, if there is a deployment in it.\n"
                 "  ROSTRUM_CONF     an INI file whose settings win over those of --config\n"
                 "  ROSTRUM_PG_URL, ROSTRUM_REDIS_URL, ROSTRUM_AMQP_URL\n"
                 "                   the servers; win over every file\n\n"
                 "EXIT STATUS\n"
                 "  0    done\n"
                 "  1    refused or failed; verify: there is a difference\n"
                 "  2    wrong command line or settings\n"
                 "  69   a server cannot be reached\n\n"
                 "EXAMPLES\n"
                 "  ROSTRUM_VAR=var rostrumctl verify\n"
                 "  pwgen 20 1 | rostrumctl --config /etc/rostrum/rostrum.ini user create boss@example.com --admin\n");
}

static const struct entry *find_entry(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(ENTRIES); i++) {
        if (strcmp(ENTRIES[i].name, name) == 0) {
            return &ENTRIES[i];
        }
    }
    return NULL;
}

struct arguments {
    const char *files[FILES_MAX];
    size_t count;
};

/* Options before the command. True to go on; else *code is what to exit with. */
static bool read_options(int argc, char **argv, struct arguments *arguments, int *code)
{
    static const struct option OPTIONS[] = {
        {"config", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    int option = 0;
    *code = CTL_OK;
    while ((option = getopt_long(argc, argv, "+", OPTIONS, NULL)) != -1) {
        if (option == 'h') {
            print_help();
            return false;
        }
        if (option == 'v') {
            (void)printf("rostrumctl %s\n", ROSTRUM_VERSION);
            return false;
        }
        if (option != 'c' || arguments->count == FILES_MAX) {
            *code = CTL_USAGE;
            return false;
        }
        arguments->files[arguments->count++] = optarg;
    }
    return true;
}

static int run_entry(const struct entry *entry, const struct arguments *arguments, int argc, char **argv)
{
    struct ctl ctl = {.pg = NULL};
    char reason[WHY_SIZE];
    if (!settings_find(&ctl.config, arguments->files, arguments->count, reason, sizeof reason)) {
        ctl_report_error("%s", reason);
        return CTL_USAGE;
    }
    int code = entry->run(&ctl, argc, argv);
    rabbit_close(&ctl);
    PQfinish(ctl.pg);
    if (fflush(stdout) != 0) {
        ctl_report_error("the output could not be written");
        code = code == CTL_OK ? CTL_FAILED : code;
    }
    return code;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {.count = 0};
    int code = CTL_OK;
    if (!read_options(argc, argv, &arguments, &code)) {
        return code;
    }
    const struct entry *entry = optind < argc ? find_entry(argv[optind]) : NULL;
    if (entry == NULL) {
        ctl_report_error(optind < argc ? "there is no command %s; see rostrumctl --help"
                                       : "say a command%s; see --help",
                         optind < argc ? argv[optind] : "");
        return CTL_USAGE;
    }
    if (argc - optind > 1 && strcmp(argv[optind + 1], "--help") == 0) {
        (void)printf("rostrumctl %s %s\n%s", entry->name, entry->arguments, entry->help);
        return CTL_OK;
    }
    if (sodium_init() < 0) {
        ctl_report_error("libsodium cannot be initialised");
        return CTL_FAILED;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    return run_entry(entry, &arguments, argc - optind - 1, argv + optind + 1);
}
