/*
 * rostrumctl migrate: schema, timeline, keys, shards and topology, in that order, each idempotent. An advisory lock
 * serialises concurrent runs. The topology is complete when migrate exits, so no program starts with a part of it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "deploy/ctl/ctl.h"
#include "deploy/ctl/queues.h"
#include "deploy/ctl/rights.h"
#include "deploy/ctl/store.h"
#include "deploy/ctl/timeline.h"

enum {
    MIGRATIONS_MAX = 999, /* files in schema/ */
    MIGRATION_MAX_BYTES = 1 << 20,
    SUM_BYTES = 16, /* of a file's BLAKE2b */
    SUM_SIZE = 2 * SUM_BYTES + 1,
    SECRET_BYTES = 32, /* a BLAKE2b key, an Ed25519 seed */
    NUMBER_SIZE = 16,
    SHARDS_CHOSEN_MIN = 2,
    SHARDS_CHOSEN_MAX = 16,
};

static bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* Finds the first folder that exists: relative to the program (a deployment, a build, an installation), in the current
 * folder, or in /usr/share. */
static bool find_schema(char out[static PATH_MAX])
{
    static const char *const BESIDE[] = {"/../schema", "/../../schema", "/../share/rostrum/schema"};
    static const char *const ELSEWHERE[] = {"schema", "/usr/share/rostrum/schema"};
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    self[length < 0 ? 0 : length] = '\0';
    char *slash = strrchr(self, '/');
    if (slash != NULL) {
        *slash = '\0';
        for (size_t i = 0; i < ARRAY_LEN(BESIDE); i++) {
            int written = snprintf(out, PATH_MAX, "%s%s", self, BESIDE[i]);
            if (written > 0 && written < PATH_MAX && is_folder(out)) {
                return true;
            }
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(ELSEWHERE); i++) {
        (void)snprintf(out, PATH_MAX, "%s", ELSEWHERE[i]);
        if (is_folder(out)) {
            return true;
        }
    }
    ctl_report_error("the folder schema/ was not found: name it by --schema DIR");
    return false;
}

/* Returns the file's text, freed by the caller; NULL after printing an error. */
static char *read_text(const char *path)
{
    char *text = NULL;
    FILE *file = fopen(path, "re");
    size_t length = 0;
    if (file == NULL) {
        ctl_report_error("%s: %s", path, strerror(errno));
        return NULL;
    }
    text = malloc(MIGRATION_MAX_BYTES + 1);
    if (text != NULL) {
        length = fread(text, 1, MIGRATION_MAX_BYTES + 1, file);
        if (ferror(file) != 0 || length > MIGRATION_MAX_BYTES) {
            ctl_report_error("%s: cannot be read, or is larger than %d bytes", path, MIGRATION_MAX_BYTES);
            free(text);
            text = NULL;
        } else {
            text[length] = '\0';
        }
    }
    (void)fclose(file);
    return text;
}

static void sum_of(const char *text, char out[static SUM_SIZE])
{
    unsigned char hash[SUM_BYTES];
    (void)crypto_generichash(hash, sizeof hash, (const unsigned char *)text, strlen(text), NULL, 0);
    (void)sodium_bin2hex(out, SUM_SIZE, hash, sizeof hash);
}

/* Returns whether `name` is on record. Sets *ok to false if the file was changed since, or the database failed. */
static bool applied(struct ctl *ctl, const char *name, const char *sum, bool *ok)
{
    const char *const values[] = {name};
    PGresult *result = store_run(ctl, "SELECT checksum FROM schema_migrations WHERE name = $1", 1, values);
    bool found = result != NULL && PQntuples(result) == 1;
    *ok = result != NULL;
    if (found && strcmp(pg_text(result, 0, 0), sum) != 0) {
        ctl_report_error("%s was changed after it was applied: restore it, and write the change as a new file", name);
        *ok = false;
    }
    PQclear(result);
    return found;
}

static bool apply_text(struct ctl *ctl, const char *name, const char *text, const char *sum)
{
    const char *const values[] = {name, sum};
    if (store_do(ctl, "BEGIN", 0, NULL) && store_script(ctl, name, text) &&
        store_do(ctl, "INSERT INTO schema_migrations (name, checksum) VALUES ($1, $2)", 2, values) &&
        store_do(ctl, "COMMIT", 0, NULL)) {
        (void)printf("applied %s\n", name);
        return true;
    }
    /* An open transaction is rolled back when the command closes the connection. */
    return false;
}

static bool apply_file(struct ctl *ctl, const char *folder, const char *name)
{
    char path[PATH_MAX];
    char sum[SUM_SIZE];
    bool ok = true;
    int length = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (length < 0 || (size_t)length >= sizeof path) {
        ctl_report_error("the path of %s is too long", name);
        return false;
    }
    char *text = read_text(path);
    if (text == NULL) {
        return false;
    }
    sum_of(text, sum);
    if (!applied(ctl, name, sum, &ok) && ok) {
        ok = apply_text(ctl, name, text, sum);
    }
    free(text);
    return ok;
}

/* 0001-deployment.sql */
static int is_migration(const struct dirent *entry)
{
    size_t digits = strspn(entry->d_name, "0123456789");
    size_t length = strlen(entry->d_name);
    return digits == 4 && length > 4 && strcmp(entry->d_name + length - 4, ".sql") == 0;
}

static void free_entries(struct dirent **entries, int count)
{
    for (int i = 0; i < count; i++) {
        free(entries[i]);
    }
    free((void *)entries);
}

/* Returns the number of the folder's migrations, in their order in `entries`, freed by the caller; 0 after an error. */
static int list_migrations(const char *folder, struct dirent ***entries)
{
    int count = scandir(folder, entries, is_migration, alphasort);
    if (count < 0) {
        ctl_report_error("%s: %s", folder, strerror(errno));
        return 0;
    }
    if (count == 0 || count > MIGRATIONS_MAX) {
        ctl_report_error("%s contains no migrations (0001-NAME.sql), or more than %d", folder, MIGRATIONS_MAX);
        free_entries(*entries, count);
        return 0;
    }
    return count;
}

/*
 * Whether the folder has every file on record. It lacks one when the database belongs to another version: to a newer
 * one, or to one before 0.1.0, whose tables no file leads on from.
 */
static bool is_of_this_line(struct ctl *ctl, const char *folder)
{
    char path[PATH_MAX];
    PGresult *result = store_run(ctl, "SELECT name FROM schema_migrations ORDER BY name", 0, NULL);
    bool ok = result != NULL;
    for (int row = 0; ok && row < PQntuples(result); row++) {
        const char *name = pg_text(result, row, 0);
        int length = snprintf(path, sizeof path, "%s/%s", folder, name);
        ok = length > 0 && (size_t)length < sizeof path && access(path, R_OK) == 0;
        if (!ok) {
            ctl_report_error(
                "the database belongs to another version (%s is on record, but not in %s): use the programs "
                "of that version, or a new database; nothing was changed",
                name, folder);
        }
    }
    PQclear(result);
    return ok;
}

static bool make_keys(struct ctl *ctl)
{
    static const char *const NAMES[] = {"idempotency", "pseudonym", "receipt", "token", "unsubscribe", "place"};
    bool ok = true;
    for (size_t i = 0; i < ARRAY_LEN(NAMES) && ok; i++) {
        unsigned char secret[SECRET_BYTES];
        char hex[2 * SECRET_BYTES + 1];
        const char *const values[] = {NAMES[i], hex};
        randombytes_buf(secret, sizeof secret);
        (void)sodium_bin2hex(hex, sizeof hex, secret, sizeof secret);
        ok = store_do(ctl, "INSERT INTO deployment_keys (name, secret) VALUES ($1, $2) ON CONFLICT DO NOTHING", 2,
                      values);
        sodium_memzero(secret, sizeof secret);
        sodium_memzero(hex, sizeof hex);
    }
    /* The first key; `keys rotate` adds others. */
    return ok && store_do(ctl,
                          "INSERT INTO token_keys (secret) SELECT secret FROM deployment_keys WHERE name = 'token'"
                          " AND NOT EXISTS (SELECT FROM token_keys)",
                          0, NULL);
}

/* Stores the public key of receipts, so that nobody needs the secret one to check them (receipt.c). */
static bool publish_receipt_key(struct ctl *ctl)
{
    unsigned char seed[crypto_sign_SEEDBYTES];
    unsigned char public_key[crypto_sign_PUBLICKEYBYTES];
    unsigned char secret_key[crypto_sign_SECRETKEYBYTES];
    char hex[2 * crypto_sign_PUBLICKEYBYTES + 1];
    const char *const values[] = {hex};
    size_t used = 0;
    PGresult *result = store_run(ctl, "SELECT secret FROM deployment_keys WHERE name = 'receipt'", 0, NULL);
    bool ok = result != NULL && PQntuples(result) == 1 &&
              sodium_hex2bin(seed, sizeof seed, pg_text(result, 0, 0), strlen(pg_text(result, 0, 0)), NULL, &used,
                             NULL) == 0 &&
              used == sizeof seed;
    if (result != NULL && !ok) {
        ctl_report_error("the key of receipts in deployment_keys is invalid");
    }
    PQclear(result);
    if (ok) {
        (void)crypto_sign_seed_keypair(public_key, secret_key, seed);
        (void)sodium_bin2hex(hex, sizeof hex, public_key, sizeof public_key);
        ok = store_do(ctl,
                      "INSERT INTO deployment_keys (name, secret) VALUES ('receipt_public', $1)"
                      " ON CONFLICT (name) DO UPDATE SET secret = excluded.secret",
                      1, values);
    }
    sodium_memzero(seed, sizeof seed);
    sodium_memzero(secret_key, sizeof secret_key);
    return ok;
}

/*
 * One for each processor, because a queue keeps one of the broker busy at most. At least two, so that the deployment
 * can grow. More than SHARDS_CHOSEN_MAX are for operators to choose: each costs the broker a log of its own.
 */
static int choose_shards(void)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    return processors < SHARDS_CHOSEN_MIN   ? SHARDS_CHOSEN_MIN
           : processors > SHARDS_CHOSEN_MAX ? SHARDS_CHOSEN_MAX
                                            : (int)processors;
}

/* Records the number of a new deployment. With the setting 0, an existing one keeps its own. */
static bool record_shards(struct ctl *ctl)
{
    char wanted[NUMBER_SIZE];
    unsigned shards = 0;
    const char *const values[] = {wanted};
    (void)snprintf(wanted, sizeof wanted, "%d", ctl->config.shards != 0 ? ctl->config.shards : choose_shards());
    if (!store_do(ctl, "INSERT INTO topology (shards) VALUES ($1) ON CONFLICT DO NOTHING", 1, values) ||
        !store_shards(ctl, &shards)) {
        return false;
    }
    if (ctl->config.shards == 0) {
        ctl->config.shards = (int)shards;
    }
    if (shards != (unsigned)ctl->config.shards) {
        ctl_report_error("this deployment was created with %u shards, which cannot change: the setting shards is %d",
                         shards, ctl->config.shards);
        return false;
    }
    return true;
}

/* Whether a gateway or an end worker is connected. True, after printing the reason, also if that is unknown. */
static bool programs_run(struct ctl *ctl)
{
    PGresult *result = store_run(ctl,
                                 "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                                 " AND application_name ~ '^rostrum-(gateway|endworker)'",
                                 0, NULL);
    int64_t count = result == NULL ? -1 : pg_int(result, 0, 0);
    PQclear(result);
    if (count > 0) {
        ctl_report_error("gateways or end workers run (%" PRId64 " connections): stop all of them first", count);
    }
    return count != 0;
}

/*
 * Records fence_grace_ms and confirm_deadline_ms. Changed values replace those on record only if `change`, and only
 * while no program runs. Otherwise the fence of a new end worker could precede a bid that an old gateway answers 202.
 */
static bool record_timing(struct ctl *ctl, bool change)
{
    char grace[NUMBER_SIZE];
    char deadline[NUMBER_SIZE];
    const char *const values[] = {grace, deadline};
    (void)snprintf(grace, sizeof grace, "%d", ctl->config.fence_grace_ms);
    (void)snprintf(deadline, sizeof deadline, "%d", ctl->config.confirm_deadline_ms);
    PGresult *result = store_run(ctl, "SELECT fence_grace_ms, confirm_deadline_ms FROM topology", 0, NULL);
    bool known = result != NULL && PQntuples(result) == 1 && !pg_null(result, 0, 0);
    bool same = known && pg_int(result, 0, 0) == ctl->config.fence_grace_ms &&
                pg_int(result, 0, 1) == ctl->config.confirm_deadline_ms;
    bool ok = result != NULL;
    if (ok && known && !same && !change) {
        ctl_report_error("fence_grace_ms = %s and confirm_deadline_ms = %s contradict the record (%s and %s): use the "
                         "recorded values, or stop all gateways and end workers and run rostrumctl migrate --timing",
                         grace, deadline, pg_text(result, 0, 0), pg_text(result, 0, 1));
        ok = false;
    }
    PQclear(result);
    if (!ok || same || (known && programs_run(ctl))) {
        return ok && same;
    }
    return store_do(ctl,
                    "UPDATE topology SET fence_grace_ms = $1, confirm_deadline_ms = $2,"
                    " timing_since = clock_timestamp()",
                    ARRAY_LEN(values), values);
}

struct wishes {
    char folder[PATH_MAX]; /* "": the default */
    bool change_timing;
    bool planned; /* a switch of the server, if there was one */
};

/* Brings the database to the `count` migrations of the folder. */
static bool migrate_store(struct ctl *ctl, const struct wishes *wishes, struct dirent *const *entries, int count)
{
    /* An advisory lock with one key; those of the bid workers have two. */
    bool ok = store_patient(ctl) && store_do(ctl, "SELECT pg_advisory_lock(1919906932)", 0, NULL) &&
              store_do(ctl,
                       "CREATE TABLE IF NOT EXISTS schema_migrations (name text PRIMARY KEY, checksum text NOT NULL,"
                       " applied_at timestamptz NOT NULL DEFAULT now())",
                       0, NULL) &&
              is_of_this_line(ctl, wishes->folder);
    for (int i = 0; ok && i < count; i++) {
        ok = apply_file(ctl, wishes->folder, entries[i]->d_name);
    }
    return ok && rights_settle(ctl) && timeline_check(ctl, wishes->planned) && make_keys(ctl) &&
           publish_receipt_key(ctl) && record_shards(ctl) && record_timing(ctl, wishes->change_timing);
}

static bool read_wishes(int argc, char **argv, struct wishes *wishes)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--timing") == 0) {
            wishes->change_timing = true;
        } else if (strcmp(argv[i], "--planned-switch") == 0) {
            wishes->planned = true;
        } else if (strcmp(argv[i], "--schema") == 0 && i + 1 < argc && strlen(argv[i + 1]) < sizeof wishes->folder) {
            (void)snprintf(wishes->folder, sizeof wishes->folder, "%s", argv[++i]);
        } else {
            return false;
        }
    }
    return true;
}

int migrate_command(struct ctl *ctl, int argc, char **argv)
{
    struct dirent **entries = NULL;
    struct wishes wishes = {.folder = ""};
    if (!read_wishes(argc, argv, &wishes)) {
        ctl_report_error("migrate takes [--schema DIR] [--timing] [--planned-switch]");
        return CTL_USAGE;
    }
    if (wishes.folder[0] == '\0' && !find_schema(wishes.folder)) {
        return CTL_FAILED;
    }
    int count = list_migrations(wishes.folder, &entries);
    if (count == 0) {
        return CTL_FAILED;
    }
    int code = CTL_UNAVAILABLE;
    if (store_open(ctl)) {
        code = migrate_store(ctl, &wishes, entries, count) ? queues_declare(ctl) : CTL_FAILED;
    }
    free_entries(entries, count);
    if (code == CTL_OK) {
        (void)printf("the deployment is up to date: %d shards\n", ctl->config.shards);
    }
    return code;
}
