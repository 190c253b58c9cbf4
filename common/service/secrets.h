/*
 * Secrets from files: which settings are secrets, which program each belongs to, and the check of a file. config.c
 * reads them: the setting NAME_file, the variable ROSTRUM_NAME_FILE, and $CREDENTIALS_DIRECTORY/NAME, where systemd's
 * LoadCredential= puts them.
 *
 * A program opens no file of another program's secret. A file that other users may read is refused.
 */
#ifndef ROSTRUM_COMMON_SERVICE_SECRETS_H
#define ROSTRUM_COMMON_SERVICE_SECRETS_H

#include "common/base/base.h"

enum { SECRETS_NAME_SIZE = 64 };

/* The program that reads settings: "rostrum-gateway", "rostrumctl". NULL, as at the start: all secrets belong to it. */
void secrets_set_program(const char *name);
/* Whether the setting of this name is a secret. */
bool secrets_is_secret(const char *name);
/* Whether it is the URL of one login: "pg_url_gateway". */
bool secrets_of_login(const char *name);
/* Whether that secret belongs to the program. */
bool secrets_belongs(const char *name);
/* "pg_url_file" -> "pg_url"; false: no secret has a file of this name. */
MUST_CHECK bool secrets_of_file(const char *file_name, char name[static SECRETS_NAME_SIZE]);

/*
 * Reads the one line of a file into `out`, without the newline. Returns NULL, or what is wrong with the file, without
 * its content; then `out` is empty.
 */
const char *secrets_read(const char *path, char *out, size_t size);

#endif
