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

#include "common/service/memory_guard.h"
#include "common/service/secrets.h"
#include "deploy/ctl/ctl.h"
#include "deploy/ctl/rabbit.h"
#include "deploy/ctl/settings.h"

enum { FILES_MAX = 8 /* --config options */, REASON_SIZE = 1024 };

struct entry {
    const char *name;
    ctl_command run;
    enum login login; /* whose URLs of the servers it uses */
    const char *arguments;
    const char *help; /* indented, ends with a newline */
};

static const struct entry ENTRIES[] = {
    {"migrate", migrate_command, LOGIN_MIGRATE, "[--schema DIR] [--timing] [--planned-switch]",
     "      Creates or updates what this version needs in PostgreSQL and RabbitMQ. It applies the new files of "
     "schema/,\n"
     "      each in a transaction, and records them in schema_migrations. It creates missing keys, records the number\n"
     "      of shards (setting shards; 0: one for each processor, 2 to 16) and the times that decide when a fence is\n"
     "      safe (fence_grace_ms, confirm_deadline_ms), and declares exchanges, queues and bindings. It can be\n"
     "      repeated, and run twice at once. It refuses settings other than the recorded ones, and a changed file\n"
     "      that was already applied. If the data is on another server, timeline or table than before, it was\n"
     "      restored: does what `restored` does.\n"
     "      --schema DIR   folder of the files; default: the first of ../schema, ../../schema and\n"
     "                     ../share/rostrum/schema, relative to the folder of rostrumctl, ./schema, and\n"
     "                     /usr/share/rostrum/schema\n"
     "      --timing       record changed values of fence_grace_ms and confirm_deadline_ms. Stop all gateways and\n"
     "                     end workers first: it refuses while one of them is connected.\n"
     "      --planned-switch   the data was moved to another server or timeline and nothing was lost: sessions stay "
     "valid\n"},
    {"restored", restored_command, LOGIN_MIGRATE, "",
     "      Begins a new epoch after the database was restored, while the programs are stopped or running. What Redis\n"
     "      holds of the rows before is not read any more. All sessions and access tokens end.\n"},
    {"rights", rights_command, LOGIN_MIGRATE, "postgres|redis|rabbitmq",
     "      Prints what an administrator runs once to give each program a login of its own, with the users and\n"
     "      passwords of the settings pg_url_gateway and so on (docs/rights.md). It can be run again. It contains\n"
     "      passwords.\n"
     "      postgres       SQL for psql, run as superuser in the deployment's database\n"
     "      redis          lines for redis.conf, or for its aclfile\n"
     "      rabbitmq       JSON for rabbitmqctl import_definitions; contains hashes of the passwords\n"},
    {"user", user_command, LOGIN_CTL, "create EMAIL [--admin] [--name NAME]",
     "      Creates an account and prints its id. The password (8 to 128 characters) is read from the first line of\n"
     "      standard input.\n"
     "      --admin        give the account the role admin\n"
     "      --name NAME    display name; default: the part of EMAIL before the @\n"},
    {"keys", tokenkeys_command, LOGIN_CTL, "[rotate]",
     "      Prints the number and the age of the keys that sign access tokens.\n"
     "      rotate         adds a key. Gateways publish it at once and sign with it after 15 s. Older keys verify "
     "until\n"
     "                     the last token that they signed has expired; a later rotation then deletes them.\n"},
    {"shards", shardlist_command, LOGIN_CTL, "",
     "      Prints the queue of each shard of bids: the bid worker that owns it, the numbers of waiting and of\n"
     "      unacknowledged messages, and the number of consumers. Then prints the bid workers, and the same of flash\n"
     "      sales and sale workers. `-` means unknown: RabbitMQ does not report unacknowledged messages to clients,\n"
     "      so the owner publishes their number through Redis.\n"},
    {"dead-letters", deadletters_command, LOGIN_CTL, "[--limit N] [--body]",
     "      Lists dead letters: first those in table dead_letters, newest first, then those that still wait in the\n"
     "      queue, oldest first. Nothing is removed. To requeue or drop a dead letter, use /admin/dead-letters.\n"
     "      --limit N      print at most N of each (1 to 10000, default 100)\n"
     "      --body         also print the message\n"},
    {"auction", auction_command, LOGIN_CTL, "ID",
     "      Prints an auction: its terms, its state and its ledger. Maximum amounts that are still secret are hidden\n"
     "      until the auction is settled.\n"},
    {"sale", sale_command, LOGIN_CTL, "ID",
     "      Prints a flash sale: its terms and counters, the turns and reservations that hold units, the head of its\n"
     "      line, commands that could not be decided yet, refunds that are due, and its ledger.\n"},
    {"auctions", auctions_command, LOGIN_CTL,
     "extend --ended-between FROM TO --admin EMAIL --reason TEXT [--least SECONDS] [--dry-run]",
     "      Gives time back to auctions whose end fell into an outage, from FROM to before TO (RFC 3339). Each gets\n"
     "      the time that it had left at FROM, counted from now, and bids are possible again. That holds for auctions\n"
     "      that wait for their end, and for those that the fence has ended, sold and settled ones included. Bought,\n"
     "      cancelled and closed auctions stay as they are. The audit log names the admin, and each change is decided\n"
     "      in the queue of its auction. Exits with 1 if one is refused or still undecided after 10 s.\n"
     "      --least N      give each auction at least N seconds (1 to 31536000, default 300)\n"
     "      --dry-run      print the auctions and their new ends; change nothing\n"},
    {"watch", watch_command, LOGIN_CTL, "AUCTION | SALE",
     "      Shows a live auction until it is settled: price, countdown by the server's clock, newest bids under\n"
     "      pseudonyms, reserve met or not, and a sparkline of the price. Redraws after each change and each second.\n"
     "      If the output is not a terminal, prints a line for each change. Ends with the outcome and exit code 0, or\n"
     "      on Ctrl-C with exit code 130. NO_COLOR in the environment disables colours. Of a flash sale it prints\n"
     "      a line for each version, with its counters, until it is settled, sold out or cancelled.\n"},
    {"receipt", receipt_command, LOGIN_CTL, "TEXT",
     "      Checks the receipt of a bid: its signature, then the ledger entry of the bid, which must have the same "
     "bidder,\n"
     "      kind and amount. Prints the decision. Exits with 1 if the receipt is wrong or its bid is not in the "
     "ledger.\n"},
    {"verify", verify_command, LOGIN_CTL, "[AUCTION | SALE | --audit [FILE] [--hash HASH]]",
     "      Replays the ledger of all auctions and flash sales, or of one, by their rules. It reads only PostgreSQL, "
     "in one\n"
     "      snapshot, so bidding can continue. Prints each difference between the rules and the stored entries, "
     "price,\n"
     "      leader, end time and outcome, and each entry whose hash is wrong. Also prints bids that were decided "
     "twice,\n"
     "      auctions that were not settled within 60 s of their end, and notifications of a lost lead or an outcome "
     "that\n"
     "      are too many. Names settings of PostgreSQL that can lose commits in a crash. Without an ID it also "
     "checks\n"
     "      the chain of the audit log. Of a sale it compares status, counters, places, orders, refunds and the blocks "
     "of\n"
     "      its line. Exits with 1 if there is a difference or such a setting.\n"
     "      --audit        check only the audit log: print each entry that was changed, removed or inserted later, "
     "and\n"
     "                     the number of entries that are not sealed yet\n"
     "      FILE           check this archive of the audit log instead, then compare it with its record in PostgreSQL\n"
     "      --hash HASH    a link must have this hash, which is in the log of an end worker\n"},
    {"audit", audit_command, LOGIN_MIGRATE, "archive --before YYYY-MM --to FILE",
     "      Checks the audit log, then moves the entries that were sealed before that month into FILE, which\n"
     "      `verify --audit FILE` checks. The next entries continue its chain. It refuses a log that differs from its\n"
     "      chain. Run it again if it was interrupted: entries are deleted only when FILE is on the disk. Compress "
     "FILE\n"
     "      only after that.\n"},
};

static void print_entry(const char *before, const struct entry *entry)
{
    const char *blank = entry->arguments[0] == '\0' ? "" : " ";
    (void)printf("%s%s%s%s\n%s", before, entry->name, blank, entry->arguments, entry->help);
}

static void print_help(void)
{
    (void)printf("NAME\n  rostrumctl - operate a deployment of Rostrum\n\n"
                 "SYNOPSIS\n  rostrumctl [--config FILE]... COMMAND [ARGUMENTS]\n  rostrumctl --help | --version\n\n"
                 "COMMANDS\n");
    for (size_t i = 0; i < ARRAY_LEN(ENTRIES); i++) {
        print_entry("  ", &ENTRIES[i]);
        (void)printf("\n");
    }
    (void)printf(
        "OPTIONS\n"
        "  --config FILE    read settings from this INI file; may be repeated, later files override earlier ones\n"
        "  --help           print this page and exit; after a command, print its help\n"
        "  --version        print the version and exit\n\n"
        "ENVIRONMENT\n"
        "  ROSTRUM_VAR      folder of the deployment. Its settings are overridden by --config and by the variables\n"
        "                   below. If none of these is given, ./var is used if it contains a deployment,\n"
        "                   else the defaults of the settings.\n"
        "  ROSTRUM_CONF     an INI file whose settings override those of --config\n"
        "  ROSTRUM_PG_URL, ROSTRUM_REDIS_URL, ROSTRUM_AMQP_URL\n"
        "                   addresses of the servers; override all files\n"
        "  ROSTRUM_PG_URL_CTL, ROSTRUM_PG_URL_MIGRATE, ...\n"
        "                   the same for this program alone; MIGRATE for migrate and restored\n\n"
        "EXIT STATUS\n"
        "  0    done\n"
        "  1    refused or failed; verify: there is a difference\n"
        "  2    wrong command line or settings\n"
        "  69   a server cannot be reached\n\n"
        "EXAMPLES\n"
        "  ROSTRUM_VAR=var rostrumctl verify\n"
        "  rostrumctl auctions extend --ended-between 2026-11-21T18:00:00Z 2026-11-21T18:40:00Z \\\n"
        "      --admin boss@example.com --reason 'power failure' --dry-run\n"
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
        if (option != 'c') { /* getopt_long has named it */
            ctl_report_error("see rostrumctl --help");
            *code = CTL_USAGE;
            return false;
        }
        if (arguments->count == FILES_MAX) {
            ctl_report_error("at most %d --config options", FILES_MAX);
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
    if (!settings_find(&ctl.config, entry->login, arguments->files, arguments->count, reason, sizeof reason)) {
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
    if (!memory_guard()) {
        ctl_report_error("its memory cannot be kept from other processes");
        return CTL_FAILED;
    }
    secrets_set_program("rostrumctl");
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
        print_entry("rostrumctl ", entry);
        return CTL_OK;
    }
    if (sodium_init() < 0) {
        ctl_report_error("libsodium cannot be initialised");
        return CTL_FAILED;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    return run_entry(entry, &arguments, argc - optind - 1, argv + optind + 1);
}
