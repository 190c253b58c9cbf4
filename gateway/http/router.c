/*
 * See router.h. There are few routes, so a linear search over those with the same number of segments is sufficient; a
 * tree would not be worth its code.
 */
#include "gateway/http/router.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct segment {
    const char *text;
    size_t length;
};

struct path {
    size_t count;
    struct segment segments[ROUTER_SEGMENTS_MAX];
};

struct entry {
    const struct route *route;
    void *context;
    struct path path; /* of the pattern; ":id" is a parameter */
};

struct router {
    size_t count;
    struct entry *entries;
};

static bool path_split(const char *text, size_t length, struct path *path)
{
    const char *end = text + length;
    path->count = 0;
    while (text < end && *text == '/') {
        const char *begin = text + 1;
        const char *slash = memchr(begin, '/', (size_t)(end - begin));
        if (path->count == ROUTER_SEGMENTS_MAX) {
            return false;
        }
        text = slash == NULL ? end : slash;
        path->segments[path->count++] = (struct segment){begin, (size_t)(text - begin)};
    }
    return text == end && path->count > 0;
}

static bool entry_matches(const struct entry *entry, const struct path *path, struct uuid *parameters)
{
    size_t parameter = 0;
    if (entry->path.count != path->count) {
        return false;
    }
    for (size_t i = 0; i < path->count; i++) {
        const struct segment *want = &entry->path.segments[i];
        const struct segment *have = &path->segments[i];
        if (want->text[0] == ':') {
            struct uuid *id = &parameters[parameter++];
            if (!uuid_parse(have->text, have->length, id) || uuid_is_nil(id)) { /* in commands nil means none */
                return false;
            }
        } else if (want->length != have->length || memcmp(want->text, have->text, want->length) != 0) {
            return false;
        }
    }
    return true;
}

static size_t pattern_parameters(const struct path *path)
{
    size_t count = 0;
    for (size_t i = 0; i < path->count; i++) {
        count += path->segments[i].text[0] == ':';
    }
    return count;
}

struct router *router_new(const struct router_table *tables)
{
    struct router *router = calloc(1, sizeof(*router));
    size_t count = 0;
    for (size_t i = 0; tables[i].routes != NULL; i++) {
        for (const struct route *route = tables[i].routes; route->pattern != NULL; route++) {
            count++;
        }
    }
    if (router != NULL) {
        router->entries = calloc(count + 1, sizeof(*router->entries));
    }
    if (router == NULL || router->entries == NULL) {
        free(router);
        return NULL;
    }
    for (size_t i = 0; tables[i].routes != NULL; i++) {
        for (const struct route *route = tables[i].routes; route->pattern != NULL; route++) {
            struct entry *entry = &router->entries[router->count++];
            bool ok = path_split(route->pattern, strlen(route->pattern), &entry->path);
            assert(ok && pattern_parameters(&entry->path) <= ROUTER_PARAMETERS_MAX);
            (void)ok;
            entry->route = route;
            entry->context = tables[i].context;
        }
    }
    return router;
}

void router_free(struct router *router)
{
    if (router != NULL) {
        free(router->entries);
        free(router);
    }
}

enum router_result router_find(const struct router *router, enum method method, const char *path, size_t length,
                               struct router_match *match)
{
    struct path split;
    struct uuid parameters[ROUTER_PARAMETERS_MAX] = {0};
    *match = (struct router_match){.route = NULL};
    if (!path_split(path, length, &split)) {
        return ROUTER_NO_PATH;
    }
    for (size_t i = 0; i < router->count; i++) {
        const struct entry *entry = &router->entries[i];
        if (!entry_matches(entry, &split, parameters)) {
            continue;
        }
        match->allowed |= 1U << entry->route->method;
        if (entry->route->method == method) {
            match->route = entry->route;
            match->context = entry->context;
            memcpy(match->parameters, parameters, sizeof(parameters));
            return ROUTER_FOUND;
        }
    }
    return match->allowed == 0 ? ROUTER_NO_PATH : ROUTER_NO_METHOD;
}

bool router_reserves(const struct router *router, const char *path)
{
    size_t length = strcspn(path + 1, "/");
    for (size_t i = 0; i < router->count; i++) {
        const struct segment *first = &router->entries[i].path.segments[0];
        if (first->length == length && memcmp(first->text, path + 1, length) == 0) {
            return true;
        }
    }
    return false;
}

const char *router_method_text(enum method method)
{
#define METHOD_TEXT(name) #name,
    static const char *const texts[METHOD_COUNT] = {METHODS(METHOD_TEXT)};
#undef METHOD_TEXT
    assert(method < METHOD_COUNT);
    return texts[method];
}

bool route_has_parameter(const struct route *route, const char *name, size_t length)
{
    for (const char *at = route->query == NULL ? "" : route->query; *at != '\0'; at += strspn(at, " ")) {
        size_t declared = strcspn(at, " ");
        if (declared == length && memcmp(at, name, length) == 0) {
            return true;
        }
        at += declared;
    }
    return false;
}
