/*
 * The built pages, in memory: read from a folder once, so that no request touches the disk. The master reads them
 * before it forks, and workers only read the table: all of them share one copy.
 *
 * A file F may have twins F.br and F.gz, which the build has compressed. Files below /assets/ have a hash of their
 * content in their name and never change. After a reload the table keeps those of the build before, because pages that
 * are open still ask for them. It also keeps the index before, for the time in which workers of both tables serve.
 *
 * Links are not followed, neither are names that begin with a dot read. Everything has a maximum: a folder beyond it is
 * refused.
 *
 * Callers: gateway/master.c; pages.c finds files.
 */
#ifndef ROSTRUM_GATEWAY_WEB_PAGE_TABLE_H
#define ROSTRUM_GATEWAY_WEB_PAGE_TABLE_H

#include "gateway/web/negotiation.h"

enum {
    PAGE_FILES_MAX = 2048,               /* of one build, twins included */
    PAGE_FILE_MAX_BYTES = 8388608,       /* one file */
    PAGE_FILES_MAX_BYTES = 64 * 1048576, /* all files of one build */
    PAGE_PATH_SIZE = 256,                /* below the folder */
    PAGE_DEPTH_MAX = 8,                  /* folders in each other */
    PAGE_ETAG_SIZE = 40,
};

/* One coding of a file. */
struct page_bytes {
    unsigned char *bytes; /* NULL: there is none */
    size_t length;
    char etag[PAGE_ETAG_SIZE]; /* strong: a hash of these bytes */
};

struct page_file {
    char path[PAGE_PATH_SIZE]; /* "/assets/app-1a2b.js" */
    const char *type;          /* Content-Type */
    bool immutable;            /* below /assets/ */
    bool kept;                 /* of a build before */
    struct page_bytes codings[CODING_COUNT];
};

struct page_table {
    struct page_file *files; /* sorted by path */
    size_t count;
    const struct page_file *index;  /* /index.html; one of `files` */
    struct page_file *index_before; /* of the build before; NULL: none */
};

/*
 * Reads a folder; `before` is the table in use, NULL: none. NULL after an error line: no such folder, no index.html, a
 * name that no URL has, beyond a maximum, or no memory.
 */
MUST_CHECK struct page_table *page_table_read(const char *folder, const struct page_table *before);
/* NULL is allowed. */
void page_table_free(struct page_table *table);
/* NULL: no such file. */
const struct page_file *page_table_find(const struct page_table *table, const char *path);

#endif
