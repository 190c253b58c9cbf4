/*
 * rostrumctl user create: creates an account, above all that of the first admin. The row is the same as after a
 * registration at the gateway: e-mail address in lower case, password as an Argon2id hash with the settings' cost.
 */
#include <ctype.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "deploy/ctl/ctl.h"
#include "deploy/ctl/store.h"

enum {
    EMAIL_SIZE = 255,            /* 254 characters, the longest valid address */
    PASSWORD_LEAST = 8,          /* characters */
    PASSWORD_MOST = 128,         /* characters */
    PASSWORD_SIZE = 4 * 128 + 2, /* in UTF-8, with a newline */
    NAME_MOST = 100,             /* characters */
    BYTES_PER_KIB = 1024,
};

struct options {
    char email[EMAIL_SIZE];
    char name[EMAIL_SIZE];
    bool admin;
};

/* Counts the characters of a UTF-8 text: all bytes but continuation bytes. */
static size_t characters(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++) {
        count += ((unsigned char)*text & 0xc0U) != 0x80U;
    }
    return count;
}

static bool read_email(const char *text, char out[static EMAIL_SIZE])
{
    size_t length = strlen(text);
    const char *at = strchr(text, '@');
    if (length >= EMAIL_SIZE || at == NULL || at == text || at[1] == '\0' || strchr(at + 1, '@') != NULL) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if ((unsigned char)text[i] <= ' ') {
            return false;
        }
        out[i] = (char)tolower((unsigned char)text[i]);
    }
    out[length] = '\0';
    return true;
}

static bool read_options(int argc, char **argv, struct options *options)
{
    if (argc < 2 || strcmp(argv[0], "create") != 0 || !read_email(argv[1], options->email)) {
        return false;
    }
    (void)snprintf(options->name, sizeof options->name, "%.*s", (int)strcspn(options->email, "@"), options->email);
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--admin") == 0) {
            options->admin = true;
        } else if (strcmp(argv[i], "--name") == 0 && i + 1 < argc && strlen(argv[i + 1]) < sizeof options->name) {
            (void)snprintf(options->name, sizeof options->name, "%s", argv[++i]);
        } else {
            return false;
        }
    }
    return characters(options->name) >= 1 && characters(options->name) <= NAME_MOST;
}

/* Reads the first line of standard input, without echo. */
static bool read_password(char out[static PASSWORD_SIZE])
{
    struct termios shown;
    bool terminal = isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &shown) == 0;
    if (terminal) {
        struct termios hidden = shown;
        hidden.c_lflag &= ~(tcflag_t)ECHO;
        (void)fputs("Password: ", stderr);
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    }
    const char *line = fgets(out, PASSWORD_SIZE, stdin);
    if (terminal) {
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
        (void)fputc('\n', stderr);
    }
    if (line == NULL) {
        return false;
    }
    out[strcspn(out, "\r\n")] = '\0';
    return characters(out) >= PASSWORD_LEAST && characters(out) <= PASSWORD_MOST;
}

static int create(struct ctl *ctl, const struct options *options, const char *hash)
{
    static const char UNIQUE_VIOLATION[] = "23505";
    struct uuid id = uuid_new();
    char id_text[UUID_TEXT_SIZE];
    char now[CLOCK_TEXT_SIZE];
    bool taken = false;
    const char *const values[] = {id_text, options->email, options->name, hash, options->admin ? "admin" : "user", now};
    uuid_format(&id, id_text);
    clock_format(clock_now_ms(), now);
    PGresult *result = store_try(ctl,
                                 "INSERT INTO users (id, email, display_name, password_hash, role, created_at,"
                                 " verified_at) VALUES ($1, $2, $3, $4, $5, $6, $6)",
                                 (int)ARRAY_LEN(values), values, UNIQUE_VIOLATION, &taken);
    if (taken) {
        ctl_report_error("an account with the address %s exists already", options->email);
    }
    if (result == NULL) {
        return CTL_FAILED;
    }
    PQclear(result);
    (void)printf("%s\n", id_text);
    return CTL_OK;
}

int user_command(struct ctl *ctl, int argc, char **argv)
{
    struct options options = {.admin = false};
    char password[PASSWORD_SIZE];
    char hash[crypto_pwhash_STRBYTES];
    if (!read_options(argc, argv, &options)) {
        ctl_report_error(
            "user takes: create EMAIL [--admin] [--name NAME]. EMAIL is an address of at most %d characters,"
            " NAME has 1 to %d",
            EMAIL_SIZE - 1, NAME_MOST);
        return CTL_USAGE;
    }
    if (!read_password(password)) {
        ctl_report_error("the first line of standard input must be a password of %d to %d characters", PASSWORD_LEAST,
                         PASSWORD_MOST);
        return CTL_USAGE;
    }
    int hashed = crypto_pwhash_str(hash, password, strlen(password), (unsigned long long)ctl->config.argon2_ops,
                                   (size_t)ctl->config.argon2_memory_kib * BYTES_PER_KIB);
    sodium_memzero(password, sizeof password);
    if (hashed != 0) {
        ctl_report_error("no memory for the password's hash (argon2_memory_kib = %d)", ctl->config.argon2_memory_kib);
        return CTL_FAILED;
    }
    return store_open(ctl) ? create(ctl, &options, hash) : CTL_UNAVAILABLE;
}
