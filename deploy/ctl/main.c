/*
 * rostrumctl, the operator's command line tool: the table of its commands, its help and its options. A command finds
 * the deployment by the settings (settings.h), connects to the servers that it needs, and prints results on stdout and
 * errors on stderr.
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

enum { FILES_MAX = 8 /* --config options */, REASON_SIZE = 1024 };

struct entry {
    const char *name;
    ctl_command run;
    const char *arguments;
    const char *help; /* indented, ends with a newline */
};

static const struct entry ENTRIES[] = {
    {"migrate", migrate_command, "[--schema DIR]",
     "      Creates or updates what this version needs in PostgreSQL and RabbitMQ. It applies the new files of "
     "schema/,\n"
     "      each in a transaction, and records them in schema_migrations. It creates missing keys, records the number\n"
     "      of shards, and declares exchanges, queues and bindings. It can be repeated, and run twice at once. It\n"
     "      refuses a number of shards other than the recorded one, and a changed file that was already applied.\n"
     "      --schema DIR   folder of the files; default: the first of ../schema, ../../schema and\n"
     "                     ../share/rostrum/schema, relative to the folder of rostrumctl, ./schema, and\n"
     "                     /usr/share/rostrum/schema\n"},
    {"user", user_command, "create EMAIL [--admin] [--name NAME]",
     "      Creates an account and prints its id. The password (8 to 128 characters) is read from the first line of\n"
     "      standard input.\n"
     "      --admin        give the account the role admin\n"
     "      --name NAME    display name; default: the part of EMAIL before the @\n"},
    {"keys", tokenkeys_command, "[rotate]",
     "      Prints the number and the age of the keys that sign access tokens.\n"
     "      rotate         adds a key. Gateways publish it at once and sign with it after 15 s. Older keys verify "
     "until\n"
     "                     the last token that they signed has expired; a later rotation then deletes them.\n"},
    {"shards", shardlist_command, "",
     "      Prints the queue of each shard: the bid worker that owns it, the numbers of waiting and of unacknowledged\n"
     "      messages, and the number of consumers. Then prints the bid workers. `-` means unknown: RabbitMQ does not\n"
     "      report unacknowledged messages to clients, so the owner publishes their number through Redis.\n"},
    {"dead-letters", deadletters_command, "[--limit N] [--body]",
     "      Lists dead letters: first those in table dead_letters, newest first, then those that still wait in the\n"
     "      queue, oldest first. Nothing is removed. To requeue or drop a dead letter, use /admin/dead-letters.\n"
     "      --limit N      print at most N of each (1 to 10000, default 100)\n"
     "      --body         also print the message\n"},
    {"auction", auction_command, "ID",
     "      Prints an auction: its terms, its state and its ledger. Maximum amounts that are still secret are hidden\n"
     "      until the auction is settled.\n"},
    {"watch", watch_command, "AUCTION",
     "      Shows a live auction until it is settled: price, countdown by the server's clock, newest bids under\n"
     "      pseudonyms, reserve met or not, and a sparkline of the price. Redraws after each change and each second.\n"
     "      If the output is not a terminal, prints a line for each change. Ends with the outcome and exit code 0, or\n"
     "      on Ctrl-C with exit code 130. NO_COLOR in the environment disables colours.\n"},
    {"verify", verify_command, "[AUCTION]",
     "      Replays the ledger of all auctions, or of one, by the rules of bidding. It reads only PostgreSQL, in one\n"
     "      snapshot, so bidding can continue. Prints each difference between the rules and the stored entries, "
     "price,\n"
     "      leader, end time and outcome. Names settings of PostgreSQL that can lose commits in a crash. Exits with 1\n"
     "      if there is a difference or such a setting.\n"},
};

static void print_help(void)
{
    (void)printf("NAME\n  rostrumctl - operate a Rostrum auction house\n\n"
                 "SYNOPSIS\n  rostrumctl [--config FILE]... COMMAND [ARGUMENTS]\n  rostrumctl --help | --version\n\n"
                 "COMMANDS\n");
    for (size_t i = 0; i < ARRAY_LEN(ENTRIES); i++) {
        (void)printf("  %s %s\n%s\n", ENTRIES[i].name, ENTRIES[i].arguments, ENTRIES[i].help);
    }
    (void)printf(
        "OPTIONS\n"
        "  --config FILE    read settings from this INI file; may be repeated, later files override earlier ones\n"
        "  --help           print this page and exit; after a command, print its help\n"
        "  --version        print the version and exit\n\n"
        "ENVIRONMENT\n"
        "  ROSTRUM_VAR      folder of the deployment. Its settings are overridden by --config and by the variables\n"
        "                   below. If none of these is given, ./var is used if it contains a deployment.\n"
        "  ROSTRUM_CONF     an INI file whose settings override those of --config\n"
        "  ROSTRUM_PG_URL, ROSTRUM_REDIS_URL, ROSTRUM_AMQP_URL\n"
        "                   addresses of the servers; override all files\n\n"
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

/* Reads the options before the command. Returns false to exit with *code. */
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
    char reason[REASON_SIZE];
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
                                       : "a command is missing%s; see rostrumctl --help",
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
