/*
 * A real mail server for tests (smtp.py: STARTTLS, login), and what it took: each mail as another program reads it.
 * What the server does with a mail its recipient's name says; see smtp.py.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_SMTP_H
#define ROSTRUM_TESTS_SUPPORT_SMTP_H

#include <sys/types.h>

#include "common/base/base.h"
#include "common/base/json.h"

enum { SMTP_FOLDER_SIZE = 256, SMTP_SETTINGS_SIZE = 1024 };

struct smtp {
    pid_t pid; /* 0: somebody else's */
    int port;
    char folder[SMTP_FOLDER_SIZE];
};

/* The one that tests/run started for its deployment (ROSTRUM_TEST_SMTP). */
void smtp_of_deployment(struct smtp *smtp);
/* One of the test's own, in a new folder, which smtp_remove removes. It dies with the test. */
void smtp_start(struct smtp *smtp);
/* Ends it; smtp_again starts it anew on the same port. */
void smtp_stop(struct smtp *smtp);
void smtp_again(struct smtp *smtp);
void smtp_remove(struct smtp *smtp);
/* The section [mail] of settings for a program that sends to it. */
void smtp_settings(const struct smtp *smtp, char out[static SMTP_SETTINGS_SIZE]);

/* Mails taken for a recipient. */
int smtp_count(const struct smtp *smtp, const char *recipient);
/* The recipient's mail number `index` (0 is the first), for json_free; fails the test while there is none. */
struct json *smtp_mail(const struct smtp *smtp, const char *recipient, int index);
/* The recipient's newest mail whose subject holds `words`, waited for; for json_free. */
struct json *smtp_wait(const struct smtp *smtp, const char *recipient, const char *words);
/* A member's text, "" where there is none. */
const char *smtp_text(const struct json *mail, const char *name);
const char *smtp_header(const struct json *mail, const char *name);

#endif
