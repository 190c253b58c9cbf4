/* See secrets.h. */
#include "common/service/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* NAME_PROGRAM belongs to rostrum-PROGRAM alone if `by_program`. */
static const struct {
    const char *name;
    const char *program; /* NULL: all */
    bool by_program;
} secrets[] = {
    {"pg_url", NULL, true},
    {"redis_url", NULL, true},
    {"amqp_url", NULL, true},
    {"s3_access_key", "rostrum-gateway", false},
    {"s3_secret_key", "rostrum-gateway", false},
    {"payment_secret", "rostrum-gateway", false},
    {"mail_password", "rostrum-notifyworker", false},
};

static const char *program; /* NULL: all */

void secrets_set_program(const char *name)
{
    program = name;
}

static const char *after(const char *text, const char *prefix)
{
    size_t length = strlen(prefix);
    return strncmp(text, prefix, length) == 0 ? text + length : NULL;
}

/* The program named at the end of a setting; NULL: none. */
static const char *suffix_of(size_t secret, const char *name)
{
    const char *rest = after(name, secrets[secret].name);
    return secrets[secret].by_program && rest != NULL && rest[0] == '_' ? rest + 1 : NULL;
}

bool secrets_is_secret(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
        if (strcmp(name, secrets[i].name) == 0) {
            return true;
        }
    }
    return secrets_of_login(name);
}

bool secrets_of_login(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
        if (suffix_of(i, name) != NULL) {
            return true;
        }
    }
    return false;
}

bool secrets_belongs(const char *name)
{
    /* An operator's tool has several logins, and chooses one later. */
    const char *daemon = program == NULL ? NULL : after(program, "rostrum-");
    for (size_t i = 0; i < ARRAY_LEN(secrets); i++) {
        const char *suffix = suffix_of(i, name);
        if (suffix != NULL && daemon != NULL) {
            return strcmp(suffix, daemon) == 0;
        }
        if (strcmp(name, secrets[i].name) == 0) {
            return program == NULL || secrets[i].program == NULL || strcmp(secrets[i].program, program) == 0;
        }
    }
    return true;
}

bool secrets_of_file(const char *file_name, char name[static SECRETS_NAME_SIZE])
{
    static const char end[] = "_file";
    size_t length = strlen(file_name);
    size_t tail = sizeof(end) - 1;
    if (length <= tail || length - tail >= SECRETS_NAME_SIZE || strcmp(file_name + length - tail, end) != 0) {
        return false;
    }
    memcpy(name, file_name, length - tail);
    name[length - tail] = '\0';
    return secrets_is_secret(name);
}

/* The problem of an open file; NULL: none. */
static const char *problem_of(int fd)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        return strerror(errno);
    }
    if (!S_ISREG(status.st_mode)) {
        return "is not a file";
    }
    return (status.st_mode & S_IRWXO) != 0 ? "is open to other users: chmod o= it" : NULL;
}

/* Reads the whole file. Returns its length; `size`: it is too long, -1: errno says why. */
static ssize_t read_whole(int fd, char *out, size_t size)
{
    size_t length = 0;
    ssize_t got = 1;
    while (length < size && got != 0) {
        got = read(fd, out + length, size - length);
        if (got < 0 && errno != EINTR) {
            return -1;
        }
        length += got > 0 ? (size_t)got : 0;
    }
    return (ssize_t)length;
}

static const char *read_line(int fd, char *out, size_t size)
{
    ssize_t got = read_whole(fd, out, size);
    if (got < 0) {
        return strerror(errno);
    }
    size_t length = (size_t)got;
    if (length == size) {
        return "is too long";
    }
    if (length > 0 && out[length - 1] == '\n') {
        length--;
    }
    out[length] = '\0';
    if (length == 0) {
        return "is empty";
    }
    return strlen(out) != length || strpbrk(out, "\r\n") != NULL ? "has more than one line" : NULL;
}

const char *secrets_read(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        out[0] = '\0';
        return strerror(errno);
    }
    const char *problem = problem_of(fd);
    if (problem == NULL) {
        problem = read_line(fd, out, size);
    }
    if (problem != NULL) {
        explicit_bzero(out, size);
    }
    (void)close(fd);
    return problem;
}
