/*
 * A mail server for tests (smtp.py: STARTTLS, login), and the mails that it received, parsed by Python. The recipient's
 * name selects the server's behaviour; see smtp.py.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_SMTP_H
#define ROSTRUM_TESTS_SUPPORT_SMTP_H

#include <sys/types.h>

#include "common/base/base.h"
#include "common/base/json.h"

enum { SMTP_FOLDER_SIZE = 256, SMTP_SETTINGS_SIZE = 1024 };

struct smtp {
    pid_t pid; /* 0: not started by this test */
    int port;
    char folder[SMTP_FOLDER_SIZE];
};

/* The server of the deployment under test (ROSTRUM_TEST_SMTP). */
void smtp_of_deployment(struct smtp *smtp);
/* Starts a server with a new folder, which smtp_remove deletes. It is killed with the test. */
void smtp_start(struct smtp *smtp);
/* Kills it; smtp_again restarts it on the same port. */
void smtp_stop(struct smtp *smtp);
void smtp_again(struct smtp *smtp);
void smtp_remove(struct smtp *smtp);
/* Writes the section [mail] of settings that use this server. */
void smtp_settings(const struct smtp *smtp, char out[static SMTP_SETTINGS_SIZE]);

/* Number of mails accepted for a recipient. */
int smtp_count(const struct smtp *smtp, const char *recipient);
/* Returns the recipient's mail number `index` (from 0); the caller frees it by json_free. Fails the test if absent. */
struct json *smtp_mail(const struct smtp *smtp, const char *recipient, int index);
/* Waits for a mail whose subject contains `words`; returns the newest, freed by json_free. */
struct json *smtp_wait(const struct smtp *smtp, const char *recipient, const char *words);
/* Returns a member's text, "" if absent. */
const char *smtp_text(const struct json *mail, const char *name);
const char *smtp_header(const struct json *mail, const char *name);

#endif
