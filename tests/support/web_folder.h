/*
 * A folder of pages for tests of the gateway that serves them. It is in the scratch folder, which tests/run removes.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_WEB_FOLDER_H
#define ROSTRUM_TESTS_SUPPORT_WEB_FOLDER_H

#include "common/base/base.h"

enum { WEB_FOLDER_SIZE = 256 };

/* Makes an empty folder; fails the test if it cannot, as the others. */
void web_folder_make(char folder[static WEB_FOLDER_SIZE]);
/* Writes a file; `name` may have folders, which are made. */
void web_folder_write(const char *folder, const char *name, const char *text);
/* Makes a file with this many bytes. */
void web_folder_resize(const char *folder, const char *name, int length);
/* Makes a symbolic link. */
void web_folder_link(const char *folder, const char *name, const char *target);
void web_folder_remove(const char *folder, const char *name);

#endif
