/*
 * See smtp.h.
 */
#include "tests/support/smtp.h"

#include <check.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/scratch.h"
#include "tests/support/suite.h"

enum { PATH_SIZE = 1024, DEADLINE_MS = 60000, MAILS_MAX = 1000, NUMBER_SIZE = 16, MAIL_MAX_BYTES = 1 << 20 };

static int read_port(const struct smtp *smtp)
{
    char path[PATH_SIZE];
    char text[NUMBER_SIZE] = "";
    (void)snprintf(path, sizeof(path), "%s/port", smtp->folder);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return 0;
    }
    const char *line = fgets(text, sizeof(text), file);
    (void)fclose(file);
    return line == NULL ? 0 : (int)strtol(text, NULL, 10);
}

void smtp_of_deployment(struct smtp *smtp)
{
    const char *folder = getenv("ROSTRUM_TEST_SMTP");
    ck_assert_msg(folder != NULL, "ROSTRUM_TEST_SMTP is not set");
    *smtp = (struct smtp){.pid = 0};
    (void)snprintf(smtp->folder, sizeof(smtp->folder), "%s", folder);
    smtp->port = read_port(smtp);
}

static void spawn(struct smtp *smtp)
{
    char port[NUMBER_SIZE];
    char path[PATH_SIZE];
    (void)snprintf(port, sizeof(port), "%d", smtp->port);
    (void)snprintf(path, sizeof(path), "%s/port", smtp->folder);
    (void)unlink(path);
    smtp->pid = fork();
    ck_assert_int_ge(smtp->pid, 0);
    if (smtp->pid == 0) {
        (void)signal(SIGTERM, SIG_DFL); /* otherwise Check's handler would end the test */
        (void)execl("tests/support/smtp.py", "smtp.py", smtp->folder, port, (char *)NULL);
        _exit(EXIT_FAILURE);
    }
    SUITE_WAIT(read_port(smtp) != 0, DEADLINE_MS);
    smtp->port = read_port(smtp);
}

void smtp_start(struct smtp *smtp)
{
    *smtp = (struct smtp){.port = 0};
    scratch_pattern("smtp", smtp->folder, sizeof(smtp->folder));
    ck_assert_ptr_nonnull(mkdtemp(smtp->folder));
    spawn(smtp);
}

void smtp_stop(struct smtp *smtp)
{
    if (smtp->pid > 0) {
        ck_assert_int_eq(kill(smtp->pid, SIGKILL), 0);
        ck_assert_int_eq(waitpid(smtp->pid, NULL, 0), smtp->pid);
        smtp->pid = 0;
    }
}

void smtp_again(struct smtp *smtp)
{
    spawn(smtp);
}

static void empty_folder(const char *folder)
{
    char path[PATH_SIZE];
    const struct dirent *entry = NULL;
    DIR *list = opendir(folder);
    while (list != NULL && (entry = readdir(list)) != NULL) {
        (void)snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        (void)unlink(path);
    }
    if (list != NULL) {
        (void)closedir(list);
    }
    (void)rmdir(folder);
}

void smtp_remove(struct smtp *smtp)
{
    char path[PATH_SIZE];
    smtp_stop(smtp);
    (void)snprintf(path, sizeof(path), "%s/mail", smtp->folder);
    empty_folder(path);
    empty_folder(smtp->folder);
}

void smtp_settings(const struct smtp *smtp, char out[static SMTP_SETTINGS_SIZE])
{
    int length = snprintf(out, SMTP_SETTINGS_SIZE,
                          "[mail]\nmail_url = smtp://127.0.0.1:%d\nmail_user = rostrum\nmail_password = correct horse\n"
                          "mail_from = auctions@rostrum.example\nmail_ca_file = %s/ca.pem\n"
                          "template_folder = conf/templates\n",
                          smtp->port, smtp->folder);
    ck_assert_int_lt(length, SMTP_SETTINGS_SIZE);
}

static int compare_names(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* Names of the recipient's mails in the order of arrival; the caller frees each. */
static int names_of(const struct smtp *smtp, const char *recipient, char *names[static MAILS_MAX])
{
    char path[PATH_SIZE];
    const struct dirent *entry = NULL;
    size_t length = strlen(recipient);
    int count = 0;
    (void)snprintf(path, sizeof(path), "%s/mail", smtp->folder);
    DIR *list = opendir(path);
    while (list != NULL && (entry = readdir(list)) != NULL) {
        const char *end = strrchr(entry->d_name, '.');
        if (strncmp(entry->d_name, recipient, length) == 0 && entry->d_name[length] == '.' && end != NULL &&
            strcmp(end, ".json") == 0) {
            ck_assert_int_lt(count, MAILS_MAX);
            names[count] = strdup(entry->d_name);
            ck_assert_ptr_nonnull(names[count++]);
        }
    }
    if (list != NULL) {
        (void)closedir(list);
    }
    qsort((void *)names, (size_t)count, sizeof(*names), compare_names);
    return count;
}

static void names_free(char *names[static MAILS_MAX], int count)
{
    for (int i = 0; i < count; i++) {
        free(names[i]);
    }
}

int smtp_count(const struct smtp *smtp, const char *recipient)
{
    char *names[MAILS_MAX];
    int count = names_of(smtp, recipient, names);
    names_free(names, count);
    return count;
}

static struct json *read_mail(const struct smtp *smtp, const char *name)
{
    char path[PATH_SIZE];
    char *text = malloc(MAIL_MAX_BYTES);
    ck_assert_ptr_nonnull(text);
    (void)snprintf(path, sizeof(path), "%s/mail/%s", smtp->folder, name);
    FILE *file = fopen(path, "re");
    ck_assert_ptr_nonnull(file);
    size_t length = fread(text, 1, MAIL_MAX_BYTES, file);
    (void)fclose(file);
    struct json *mail = json_parse(text, length, NULL);
    ck_assert_ptr_nonnull(mail);
    free(text);
    return mail;
}

struct json *smtp_mail(const struct smtp *smtp, const char *recipient, int index)
{
    char *names[MAILS_MAX];
    int count = names_of(smtp, recipient, names);
    ck_assert_int_lt(index, count);
    struct json *mail = read_mail(smtp, names[index]);
    names_free(names, count);
    return mail;
}

static struct json *find(const struct smtp *smtp, const char *recipient, const char *words)
{
    char *names[MAILS_MAX];
    int count = names_of(smtp, recipient, names);
    struct json *mail = NULL;
    for (int i = count - 1; i >= 0 && mail == NULL; i--) {
        mail = read_mail(smtp, names[i]);
        if (strstr(smtp_text(mail, "subject"), words) == NULL) {
            json_free(mail);
            mail = NULL;
        }
    }
    names_free(names, count);
    return mail;
}

struct json *smtp_wait(const struct smtp *smtp, const char *recipient, const char *words)
{
    struct json *mail = NULL;
    SUITE_WAIT((mail = find(smtp, recipient, words)) != NULL, DEADLINE_MS);
    return mail;
}

const char *smtp_text(const struct json *mail, const char *name)
{
    const char *text = "";
    return json_get_text(mail, name, &text) ? text : "";
}

const char *smtp_header(const struct json *mail, const char *name)
{
    return smtp_text(json_member(mail, "headers"), name);
}
