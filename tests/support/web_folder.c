/*
 * See web_folder.h.
 */
#include "tests/support/web_folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/scratch.h"
#include "tests/support/suite.h"

enum { PATH_SIZE = 1024 };

static void path_of(const char *folder, const char *name, char out[static PATH_SIZE])
{
    int length = snprintf(out, PATH_SIZE, "%s/%s", folder, name);
    ck_assert_int_lt(length, PATH_SIZE);
}

void web_folder_make(char folder[static WEB_FOLDER_SIZE])
{
    scratch_pattern("web", folder, WEB_FOLDER_SIZE);
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

void web_folder_write(const char *folder, const char *name, const char *text)
{
    char path[PATH_SIZE];
    path_of(folder, name, path);
    for (char *at = path + strlen(folder) + 1; (at = strchr(at, '/')) != NULL; at++) {
        *at = '\0';
        ck_assert(mkdir(path, 0755) == 0 || errno == EEXIST);
        *at = '/';
    }
    FILE *file = fopen(path, "we");
    ck_assert_msg(file != NULL, "%s: %s", path, strerror(errno));
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

void web_folder_resize(const char *folder, const char *name, int length)
{
    char path[PATH_SIZE];
    path_of(folder, name, path);
    ck_assert_int_eq(truncate(path, length), 0);
}

void web_folder_link(const char *folder, const char *name, const char *target)
{
    char path[PATH_SIZE];
    path_of(folder, name, path);
    ck_assert_int_eq(symlink(target, path), 0);
}

void web_folder_remove(const char *folder, const char *name)
{
    char path[PATH_SIZE];
    path_of(folder, name, path);
    ck_assert_int_eq(unlink(path), 0);
}
