/*
 * Images in a folder: FOLDER/ab/abcdef….webp, so that no folder becomes huge. A file is written under a temporary name,
 * synced and renamed, so that no reader sees a partial file.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/protocol/image_decoder.h"
#include "gateway/image/imagestore.h"

enum { FOLDER_MODE = 0750, FILE_MODE = 0640 };

struct folder {
    char path[CONFIG_TEXT_SIZE];
};

static void *folder_open(const struct config *config)
{
    struct folder *folder = calloc(1, sizeof(*folder));
    if (folder != NULL) {
        (void)snprintf(folder->path, sizeof(folder->path), "%s", config->image_folder);
    }
    return folder;
}

static void folder_close(void *backend)
{
    free(backend);
}

static enum imagestore_result fail(const char *doing, const char *path)
{
    log_error("cannot %s %s: %s", doing, path, strerror(errno));
    return IMAGESTORE_DOWN;
}

static void path_of(const struct folder *folder, const char *name, char path[static PATH_MAX])
{
    (void)snprintf(path, PATH_MAX, "%s/%.2s/%s", folder->path, name, name);
}

static bool make_folders(const struct folder *folder, const char *name)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/%.2s", folder->path, name);
    return (mkdir(folder->path, FOLDER_MODE) == 0 || errno == EEXIST) &&
           (mkdir(path, FOLDER_MODE) == 0 || errno == EEXIST);
}

static bool write_all(int fd, const void *bytes, size_t length)
{
    const char *at = bytes;
    while (length > 0) {
        ssize_t written = write(fd, at, length);
        if (written < 0 && errno != EINTR) {
            return false;
        }
        at += written > 0 ? written : 0;
        length -= written > 0 ? (size_t)written : 0;
    }
    return fsync(fd) == 0;
}

/* Syncs the folder: without that a rename may be lost in a crash. */
static bool sync_folder(const struct folder *folder, const char *name)
{
    char path[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/%.2s", folder->path, name);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return ok;
}

static enum imagestore_result folder_put(void *backend, const char *name, const void *bytes, size_t length)
{
    const struct folder *folder = backend;
    char path[PATH_MAX];
    char beside[PATH_MAX];
    path_of(folder, name, path);
    if (!make_folders(folder, name)) {
        return fail("make the folder of", path);
    }
    if (snprintf(beside, sizeof(beside), "%s.XXXXXX", path) >= (int)sizeof(beside)) {
        errno = ENAMETOOLONG;
        return fail("name", path);
    }
    int fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0) {
        return fail("make", beside);
    }
    bool written = write_all(fd, bytes, length) && fchmod(fd, FILE_MODE) == 0;
    written = close(fd) == 0 && written;
    if (!written || rename(beside, path) != 0) {
        enum imagestore_result result = fail("write", path);
        (void)unlink(beside);
        return result;
    }
    return sync_folder(folder, name) ? IMAGESTORE_OK : fail("sync the folder of", path);
}

static bool read_all(int fd, size_t offset, const struct imagestore_part *out)
{
    for (size_t got = 0; got < out->length;) {
        ssize_t more = pread(fd, out->bytes + got, out->length - got, (off_t)(offset + got));
        if (more == 0 || (more < 0 && errno != EINTR)) {
            return false;
        }
        got += more > 0 ? (size_t)more : 0;
    }
    return true;
}

static enum imagestore_result folder_get(void *backend, const char *name, const struct imagestore_range *range,
                                         struct imagestore_part *out)
{
    char path[PATH_MAX];
    struct stat facts;
    path_of(backend, name, path);
    *out = (struct imagestore_part){.bytes = NULL};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? IMAGESTORE_ABSENT : fail("open", path);
    }
    bool ok = fstat(fd, &facts) == 0 && facts.st_size > (off_t)range->offset && facts.st_size <= IMAGE_FILE_MAX_BYTES;
    if (ok) {
        size_t left = (size_t)facts.st_size - range->offset;
        out->total = (size_t)facts.st_size;
        out->length = left < range->most ? left : range->most;
        out->bytes = malloc(out->length);
        ok = out->bytes != NULL && read_all(fd, range->offset, out);
    }
    (void)close(fd);
    if (!ok) {
        free(out->bytes);
        *out = (struct imagestore_part){.bytes = NULL};
        return fail("read", path);
    }
    return IMAGESTORE_OK;
}

static enum imagestore_result folder_remove(void *backend, const char *name)
{
    char path[PATH_MAX];
    path_of(backend, name, path);
    if (unlink(path) == 0) {
        return IMAGESTORE_OK;
    }
    return errno == ENOENT ? IMAGESTORE_ABSENT : fail("remove", path);
}

const struct imagestore_calls imagestore_file = {folder_open, folder_close, folder_put, folder_get, folder_remove};
