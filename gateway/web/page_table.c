/*
 * See page_table.h. Folders and files are opened relative to their folder and without following links, so that a link
 * that appears while the folder is read leads nowhere.
 */
#include "gateway/web/page_table.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/log.h"

enum { HASH_BYTES = 16 };

#define INDEX  "/index.html"
#define ASSETS "/assets/"

/* A table that is being read. */
struct reading {
    struct page_table *table;
    size_t room;  /* files for which `table->files` has memory */
    size_t bytes; /* of all files */
};

static const char *type_of(const char *path)
{
    static const struct {
        const char *suffix;
        const char *type;
    } types[] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".mjs", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".json", "application/json"},
        {".map", "application/json"},
        {".webmanifest", "application/manifest+json"},
        {".txt", "text/plain; charset=utf-8"},
        {".xml", "application/xml"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
        {".jpeg", "image/jpeg"},
        {".webp", "image/webp"},
        {".avif", "image/avif"},
        {".gif", "image/gif"},
        {".ico", "image/vnd.microsoft.icon"},
        {".woff2", "font/woff2"},
        {".woff", "font/woff"},
        {".ttf", "font/ttf"},
        {".wasm", "application/wasm"},
        {".mp3", "audio/mpeg"},
    };
    const char *suffix = strrchr(path, '.');
    for (size_t i = 0; suffix != NULL && i < ARRAY_LEN(types); i++) {
        if (strcmp(suffix, types[i].suffix) == 0) {
            return types[i].type;
        }
    }
    return "application/octet-stream";
}

static bool set_bytes(struct page_bytes *coding, unsigned char *bytes, size_t length)
{
    unsigned char hash[HASH_BYTES];
    char hex[2 * HASH_BYTES + 1];
    if (bytes == NULL) {
        return false;
    }
    (void)crypto_generichash(hash, sizeof(hash), bytes, length, NULL, 0);
    sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
    coding->bytes = bytes;
    coding->length = length;
    (void)snprintf(coding->etag, sizeof(coding->etag), "\"%s\"", hex);
    return true;
}

/* ---- files ---- */

/* Reads `length` bytes of an open file; NULL after logging. An empty file has one byte of memory. */
static unsigned char *read_bytes(int fd, const char *path, size_t length)
{
    unsigned char *bytes = malloc(length + 1);
    size_t done = 0;
    while (bytes != NULL && done < length) {
        ssize_t got = read(fd, bytes + done, length - done);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            log_error("web_root: %s: %s", path, got == 0 ? "it became shorter while it was read" : strerror(errno));
            free(bytes);
            return NULL;
        }
        done += (size_t)got;
    }
    return bytes;
}

/* The memory for one more file; NULL after logging. */
static struct page_file *add_file(struct reading *reading, const char *path)
{
    struct page_table *table = reading->table;
    if (table->count == reading->room) {
        size_t room = reading->room == 0 ? 64 : reading->room * 2;
        struct page_file *files = realloc(table->files, room * sizeof(*files));
        if (files == NULL) {
            log_error("no memory for the pages");
            return NULL;
        }
        table->files = files;
        reading->room = room;
    }
    struct page_file *file = &table->files[table->count++];
    *file = (struct page_file){.type = type_of(path), .immutable = strncmp(path, ASSETS, sizeof(ASSETS) - 1) == 0};
    (void)snprintf(file->path, sizeof(file->path), "%s", path);
    return file;
}

static bool within_bounds(const struct reading *reading, const char *path, size_t length)
{
    if (reading->table->count == PAGE_FILES_MAX) {
        log_error("web_root: more than %d files", PAGE_FILES_MAX);
    } else if (length > PAGE_FILE_MAX_BYTES) {
        log_error("web_root: %s: more than %d bytes", path, PAGE_FILE_MAX_BYTES);
    } else if (reading->bytes + length > PAGE_FILES_MAX_BYTES) {
        log_error("web_root: more than %d bytes in all files", PAGE_FILES_MAX_BYTES);
    } else {
        return true;
    }
    return false;
}

static bool read_file(struct reading *reading, int fd, const char *path, size_t length)
{
    if (!within_bounds(reading, path, length)) {
        return false;
    }
    struct page_file *file = add_file(reading, path);
    reading->bytes += length;
    return file != NULL && set_bytes(&file->codings[CODING_IDENTITY], read_bytes(fd, path, length), length);
}

/* ---- folders ---- */

static bool read_folder(struct reading *reading, int fd, const char *path, int depth);

static bool name_is_plain(const char *name)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~@+-";
    return name[strspn(name, plain)] == '\0';
}

/* Reads a file or folder. Anything else, such as a link, is left out. */
static bool read_entry(struct reading *reading, int folder, const char *parent, const char *name, int depth)
{
    char path[PAGE_PATH_SIZE];
    struct stat state;
    int length = snprintf(path, sizeof(path), "%s/%s", parent, name);
    if (!name_is_plain(name) || length < 0 || (size_t)length >= sizeof(path)) {
        log_error("web_root: %s/%s: the name is too long, or has characters that no URL has", parent, name);
        return false;
    }
    int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ELOOP) {
        return true;
    }
    if (fd < 0 || fstat(fd, &state) != 0) {
        log_error("web_root: %s: %s", path, strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return false;
    }
    if (S_ISDIR(state.st_mode)) {
        return read_folder(reading, fd, path, depth + 1);
    }
    bool ok = !S_ISREG(state.st_mode) || read_file(reading, fd, path, (size_t)state.st_size);
    close(fd);
    return ok;
}

/* Closes `fd`. */
static bool read_folder(struct reading *reading, int fd, const char *path, int depth)
{
    const struct dirent *entry = NULL;
    bool ok = depth <= PAGE_DEPTH_MAX;
    DIR *folder = ok ? fdopendir(fd) : NULL;
    if (folder == NULL) {
        log_error("web_root: %s/: %s", path, ok ? strerror(errno) : "too many folders in each other");
        close(fd);
        return false;
    }
    while (ok && (errno = 0, entry = readdir(folder)) != NULL) {
        ok = entry->d_name[0] == '.' || read_entry(reading, fd, path, entry->d_name, depth);
    }
    if (ok && errno != 0) {
        log_error("web_root: %s/: %s", path, strerror(errno));
        ok = false;
    }
    (void)closedir(folder);
    return ok;
}

/* ---- twins ---- */

static int compare_files(const void *a, const void *b)
{
    return strcmp(((const struct page_file *)a)->path, ((const struct page_file *)b)->path);
}

static int compare_path(const void *path, const void *file)
{
    return strcmp(path, ((const struct page_file *)file)->path);
}

static struct page_file *find(const struct page_table *table, const char *path)
{
    return table->files == NULL ? NULL : bsearch(path, table->files, table->count, sizeof(*table->files), compare_path);
}

static void sort(struct page_table *table)
{
    qsort(table->files, table->count, sizeof(*table->files), compare_files);
}

static void free_file(struct page_file *file)
{
    for (int i = 0; i < CODING_COUNT; i++) {
        free(file->codings[i].bytes);
        file->codings[i].bytes = NULL;
    }
}

/* The file whose twin this is by its name; NULL: none. A twin that saves nothing is not used. */
static struct page_file *original_of(const struct page_table *table, const struct page_file *twin, enum coding *coding)
{
    static const struct {
        const char *suffix;
        enum coding coding;
    } kinds[] = {{".br", CODING_BR}, {".gz", CODING_GZIP}};
    char path[PAGE_PATH_SIZE];
    size_t length = strlen(twin->path);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (length > 3 && strcmp(twin->path + length - 3, kinds[i].suffix) == 0) {
            (void)snprintf(path, sizeof(path), "%.*s", (int)(length - 3), twin->path);
            *coding = kinds[i].coding;
            return find(table, path);
        }
    }
    return NULL;
}

/* Gives each twin's bytes to its file, and removes its own entry. The last one first: a twin may have twins itself. */
static void join_twins(struct page_table *table)
{
    enum coding coding = CODING_IDENTITY;
    size_t count = 0;
    for (size_t i = table->count; i-- > 0;) {
        struct page_file *twin = &table->files[i];
        struct page_file *original = original_of(table, twin, &coding);
        if (original == NULL) {
            continue;
        }
        if (twin->codings[CODING_IDENTITY].length < original->codings[CODING_IDENTITY].length) {
            original->codings[coding] = twin->codings[CODING_IDENTITY];
            twin->codings[CODING_IDENTITY].bytes = NULL;
        }
        free_file(twin);
    }
    for (size_t i = 0; i < table->count; i++) {
        if (table->files[i].codings[CODING_IDENTITY].bytes != NULL) {
            table->files[count++] = table->files[i];
        }
    }
    table->count = count;
}

/* ---- the build before ---- */

static bool copy_file(const struct page_file *from, struct page_file *to)
{
    *to = *from;
    memset(to->codings, 0, sizeof(to->codings));
    to->kept = true;
    for (int i = 0; i < CODING_COUNT; i++) {
        const struct page_bytes *coding = &from->codings[i];
        unsigned char *bytes = coding->bytes == NULL ? NULL : malloc(coding->length + 1);
        if (bytes != NULL) {
            memcpy(bytes, coding->bytes, coding->length);
            to->codings[i] = *coding;
            to->codings[i].bytes = bytes;
        }
        if (bytes == NULL && coding->bytes != NULL) {
            free_file(to);
            log_error("no memory for the pages");
            return false;
        }
    }
    return true;
}

/* Whether the new table keeps a file: one of the build before, or what that kept if the two builds are the same. */
static bool is_missed(const struct page_table *table, const struct page_file *file, bool kept)
{
    return file->immutable && file->kept == kept && find(table, file->path) == NULL;
}

static bool keep_before(struct reading *reading, const struct page_table *before)
{
    struct page_table *table = reading->table;
    struct page_table own = *table; /* sorted; the entries that follow are not looked for */
    size_t missed = 0;
    for (size_t i = 0; i < before->count; i++) {
        missed += is_missed(&own, &before->files[i], false);
    }
    for (size_t i = 0; i < before->count; i++) {
        if (is_missed(&own, &before->files[i], missed == 0)) {
            struct page_file *file = add_file(reading, before->files[i].path);
            own.files = table->files;
            if (file == NULL || !copy_file(&before->files[i], file)) {
                return false;
            }
        }
    }
    sort(table);
    table->index_before = malloc(sizeof(*table->index_before));
    if (table->index_before == NULL || !copy_file(before->index, table->index_before)) {
        free(table->index_before);
        table->index_before = NULL;
        return false;
    }
    return true;
}

/* ---- interface ---- */

static bool read_all(struct reading *reading, const char *folder, const struct page_table *before)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        log_error("web_root: %s: %s", folder, strerror(errno));
        return false;
    }
    if (!read_folder(reading, fd, "", 0)) {
        return false;
    }
    if (reading->table->files != NULL) {
        sort(reading->table);
        join_twins(reading->table);
    }
    if (reading->table->files == NULL || find(reading->table, INDEX) == NULL) {
        log_error("web_root: %s has no index.html", folder);
        return false;
    }
    return before == NULL || keep_before(reading, before);
}

struct page_table *page_table_read(const char *folder, const struct page_table *before)
{
    struct reading reading = {.table = calloc(1, sizeof(struct page_table))};
    if (reading.table == NULL || !read_all(&reading, folder, before)) {
        page_table_free(reading.table);
        return NULL;
    }
    reading.table->index = find(reading.table, INDEX);
    log_info("%zu files of pages, %zu bytes, from %s", reading.table->count, reading.bytes, folder);
    return reading.table;
}

void page_table_free(struct page_table *table)
{
    if (table == NULL) {
        return;
    }
    for (size_t i = 0; i < table->count; i++) {
        free_file(&table->files[i]);
    }
    if (table->index_before != NULL) {
        free_file(table->index_before);
    }
    free(table->index_before);
    free(table->files);
    free(table);
}

const struct page_file *page_table_find(const struct page_table *table, const char *path)
{
    return find(table, path);
}
