/*
 * See imagestore.h. Selects the store and names files.
 */
#include "gateway/image/imagestore.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_SIZE = UUID_TEXT_SIZE + 8 };

struct imagestore {
    const struct imagestore_calls *calls;
    void *backend;
};

struct imagestore *imagestore_open(const struct config *config)
{
    struct imagestore *store = calloc(1, sizeof(*store));
    if (store == NULL) {
        return NULL;
    }
    store->calls = strcmp(config->store, "s3") == 0 ? &imagestore_s3 : &imagestore_file;
    store->backend = store->calls->open(config);
    if (store->backend == NULL) {
        free(store);
        return NULL;
    }
    return store;
}

void imagestore_close(struct imagestore *store)
{
    if (store != NULL) {
        store->calls->close(store->backend);
        free(store);
    }
}

/* 122 bits of BLAKE2b: finding a second content with the same name is infeasible. */
struct uuid imagestore_name(const void *bytes, size_t length)
{
    uint8_t hash[16];
    (void)crypto_generichash(hash, sizeof(hash), bytes, length, NULL, 0);
    return uuid_from_hash(hash);
}

static void name_file(const struct uuid *id, char name[static NAME_SIZE])
{
    uuid_format(id, name);
    memcpy(name + UUID_TEXT_SIZE - 1, ".webp", sizeof(".webp"));
}

enum imagestore_result imagestore_put(struct imagestore *store, const struct uuid *id, const void *bytes, size_t length)
{
    char name[NAME_SIZE];
    name_file(id, name);
    return store->calls->put(store->backend, name, bytes, length);
}

enum imagestore_result imagestore_get(struct imagestore *store, const struct uuid *id,
                                      const struct imagestore_range *range, struct imagestore_part *out)
{
    char name[NAME_SIZE];
    name_file(id, name);
    return store->calls->get(store->backend, name, range, out);
}

enum imagestore_result imagestore_remove(struct imagestore *store, const struct uuid *id)
{
    char name[NAME_SIZE];
    name_file(id, name);
    return store->calls->remove(store->backend, name);
}
