/*
 * See json.h: the parser. yajl calls a function for each token. The nodes are allocated from a chain of blocks that is
 * freed with the root; the first one is allocated with the root. What yajl itself needs is on the stack, unless a text
 * is long. So a small document is one allocation: the ten that malloc made of a bid's body took 5 % of a gateway.
 */
#include "common/base/json.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_parse.h>

#include "common/base/utf8.h"

enum {
    BLOCK_BYTES = 4096,
    FIRST_BYTES = 128,    /* of the first block, */
    FIRST_FACTOR = 4,     /* plus so many for each byte of the document, but at most BLOCK_BYTES */
    SCRATCH_BYTES = 3072, /* yajl takes 2.4 KiB, 2 KiB of them for a text with escapes */
};

struct block {
    struct block *next;
    _Alignas(16) char bytes[];
};

/* `root` is the first member, so that a pointer to it is a pointer to the tree. */
struct tree {
    struct json root;
    struct block *blocks; /* after the first one; the newest comes first */
    char *free;           /* of the newest block, or of `first` */
    size_t left;
    _Alignas(16) char first[];
};

/* Memory of yajl, during one call of json_parse. */
struct scratch {
    size_t used;
    _Alignas(16) char bytes[SCRATCH_BYTES];
};

struct reader {
    struct tree *tree;
    size_t depth;
    size_t nodes;
    struct json *open[JSON_DEPTH_MAX];
    struct json *last[JSON_DEPTH_MAX]; /* last child of open[i] */
    const char *name;                  /* of the next member */
    bool rooted;
    const char *reason;
};

static size_t rounded(size_t count)
{
    return (count + 15) & ~(size_t)15;
}

static void *take_bytes(struct tree *tree, size_t count)
{
    count = rounded(count);
    if (tree->left < count) {
        size_t size = count > BLOCK_BYTES ? count : BLOCK_BYTES;
        struct block *block = malloc(sizeof *block + size);
        if (block == NULL) {
            return NULL;
        }
        block->next = tree->blocks;
        tree->blocks = block;
        tree->free = block->bytes;
        tree->left = size;
    }
    void *bytes = tree->free;
    tree->free += count;
    tree->left -= count;
    return bytes;
}

static int refuse(struct reader *reader, const char *reason)
{
    reader->reason = reason;
    return 0;
}

static const char *take_text(struct reader *reader, const void *bytes, size_t length)
{
    if (memchr(bytes, '\0', length) != NULL) {
        reader->reason = "a string contains U+0000";
        return NULL;
    }
    if (!utf8_valid(bytes, length)) { /* yajl accepts overlong forms and surrogates */
        reader->reason = "a string is not valid UTF-8";
        return NULL;
    }
    char *text = take_bytes(reader->tree, length + 1);
    if (text == NULL) {
        reader->reason = "out of memory";
        return NULL;
    }
    memcpy(text, bytes, length);
    text[length] = '\0';
    return text;
}

/* Adds a value to the open array or object. NULL with the reason set if it is not allowed. */
static struct json *add_value(struct reader *reader, enum json_type type)
{
    if (++reader->nodes > JSON_NODES_MAX) {
        reader->reason = "too many values";
        return NULL;
    }
    struct json *value = NULL;
    if (reader->depth == 0) {
        assert(!reader->rooted);
        value = &reader->tree->root;
        reader->rooted = true;
    } else {
        value = take_bytes(reader->tree, sizeof *value);
        if (value == NULL) {
            reader->reason = "out of memory";
            return NULL;
        }
    }
    *value = (struct json){.type = type, .name = reader->name};
    reader->name = NULL;
    if (reader->depth > 0) {
        size_t level = reader->depth - 1;
        if (reader->last[level] == NULL) {
            reader->open[level]->child = value;
        } else {
            reader->last[level]->next = value;
        }
        reader->last[level] = value;
    }
    return value;
}

static int on_null(void *arg)
{
    return add_value(arg, JSON_NULL) != NULL;
}

static int on_bool(void *arg, int truth)
{
    struct json *value = add_value(arg, JSON_BOOL);
    if (value == NULL) {
        return 0;
    }
    value->truth = truth != 0;
    return 1;
}

static int add_text(struct reader *reader, enum json_type type, const void *bytes, size_t length)
{
    const char *text = take_text(reader, bytes, length);
    struct json *value = text == NULL ? NULL : add_value(reader, type);
    if (value == NULL) {
        return 0;
    }
    value->text = text;
    value->length = length;
    return 1;
}

static int on_number(void *arg, const char *bytes, size_t length)
{
    return add_text(arg, JSON_NUMBER, bytes, length);
}

static int on_string(void *arg, const unsigned char *bytes, size_t length)
{
    return add_text(arg, JSON_STRING, bytes, length);
}

static int open_value(struct reader *reader, enum json_type type)
{
    struct json *value = add_value(reader, type);
    if (value == NULL) {
        return 0;
    }
    if (reader->depth == JSON_DEPTH_MAX) {
        return refuse(reader, "nested too deeply");
    }
    reader->open[reader->depth] = value;
    reader->last[reader->depth] = NULL;
    reader->depth++;
    return 1;
}

static int on_object(void *arg)
{
    return open_value(arg, JSON_OBJECT);
}

static int on_array(void *arg)
{
    return open_value(arg, JSON_ARRAY);
}

static int on_close(void *arg)
{
    struct reader *reader = arg;
    reader->depth--;
    return 1;
}

static int on_name(void *arg, const unsigned char *bytes, size_t length)
{
    struct reader *reader = arg;
    const char *name = take_text(reader, bytes, length);
    if (name == NULL) {
        return 0;
    }
    if (json_member(reader->open[reader->depth - 1], name) != NULL) {
        return refuse(reader, "duplicate member in an object");
    }
    reader->name = name;
    return 1;
}

static const yajl_callbacks callbacks = {
    .yajl_null = on_null,
    .yajl_boolean = on_bool,
    .yajl_number = on_number,
    .yajl_string = on_string,
    .yajl_start_map = on_object,
    .yajl_map_key = on_name,
    .yajl_end_map = on_close,
    .yajl_start_array = on_array,
    .yajl_end_array = on_close,
};

static bool escapes_surrogate(const char *text, size_t left, const char *alphabet)
{
    return left >= 6 && text[0] == '\\' && text[1] == 'u' && (text[2] == 'd' || text[2] == 'D') &&
           strchr(alphabet, text[3]) != NULL && text[3] != '\0';
}

/*
 * yajl replaces a high surrogate without a low one by a question mark, so the text is checked here. A low surrogate
 * alone becomes invalid UTF-8, which take_text refuses. Valid JSON has backslashes in strings only; the parser state is
 * therefore not needed.
 */
static bool surrogates_paired(const char *text, size_t length)
{
    const char *end = text + length;
    const char *at = memchr(text, '\\', length);
    const size_t step = 2; /* a backslash and the character that it escapes */
    while (at != NULL) {
        size_t left = (size_t)(end - at);
        if (escapes_surrogate(at, left, "89abAB") && !escapes_surrogate(at + 6, left - 6, "cdefCDEF")) {
            return false;
        }
        at = left > step ? memchr(at + step, '\\', left - step) : NULL;
    }
    return true;
}

static bool is_scratch(const struct scratch *scratch, const void *at)
{
    const char *byte = at;
    return byte >= scratch->bytes && byte < scratch->bytes + SCRATCH_BYTES;
}

static void *scratch_take(void *arg, size_t size)
{
    struct scratch *scratch = arg;
    size_t left = SCRATCH_BYTES - scratch->used;
    if (size > left || rounded(size) > left) {
        return malloc(size);
    }
    void *taken = scratch->bytes + scratch->used;
    scratch->used += rounded(size);
    return taken;
}

static void scratch_give(void *arg, void *at)
{
    if (!is_scratch(arg, at)) {
        free(at);
    }
}

/* yajl only enlarges. Its size is not known, but what is copied too much belongs to `scratch`. */
static void *scratch_grow(void *arg, void *at, size_t size)
{
    struct scratch *scratch = arg;
    if (at == NULL) {
        return scratch_take(scratch, size);
    }
    if (!is_scratch(scratch, at)) {
        return realloc(at, size);
    }
    size_t most = (size_t)(scratch->bytes + SCRATCH_BYTES - (char *)at);
    void *grown = malloc(size);
    if (grown != NULL) {
        memcpy(grown, at, size < most ? size : most);
    }
    return grown;
}

static bool read_all(struct reader *reader, const void *bytes, size_t length)
{
    struct scratch scratch;
    scratch.used = 0; /* its bytes are yajl's to write */
    yajl_alloc_funcs memory = {scratch_take, scratch_grow, scratch_give, &scratch};
    yajl_handle handle = yajl_alloc(&callbacks, &memory, reader);
    if (handle == NULL) {
        reader->reason = "out of memory";
        return false;
    }
    bool ok = yajl_parse(handle, bytes, length) == yajl_status_ok && yajl_complete_parse(handle) == yajl_status_ok;
    yajl_free(handle);
    if (ok && !surrogates_paired(bytes, length)) {
        reader->reason = "a string contains half a surrogate pair";
        ok = false;
    }
    if (!ok && reader->reason == NULL) {
        reader->reason = "malformed JSON";
    }
    return ok && reader->rooted;
}

static struct tree *tree_new(size_t length)
{
    size_t size = length > BLOCK_BYTES / FIRST_FACTOR ? BLOCK_BYTES : rounded(FIRST_BYTES + FIRST_FACTOR * length);
    struct tree *tree = malloc(sizeof *tree + size);
    if (tree != NULL) {
        *tree = (struct tree){.free = tree->first, .left = size};
    }
    return tree;
}

struct json *json_parse(const void *bytes, size_t length, const char **reason)
{
    struct tree *tree = tree_new(length);
    struct reader reader = {.tree = tree};
    if (tree != NULL && read_all(&reader, bytes, length)) {
        return &tree->root;
    }
    if (reason != NULL) {
        *reason = tree == NULL ? "out of memory" : reader.reason == NULL ? "no JSON value" : reader.reason;
    }
    if (tree != NULL) {
        json_free(&tree->root);
    }
    return NULL;
}

void json_free(struct json *root)
{
    if (root == NULL) {
        return;
    }
    /* `root` is the first member of struct tree. */
    struct tree *tree = (struct tree *)(void *)root;
    struct block *block = tree->blocks;
    while (block != NULL) {
        struct block *next = block->next;
        free(block);
        block = next;
    }
    free(tree);
}

const struct json *json_member(const struct json *object, const char *name)
{
    if (object == NULL || object->type != JSON_OBJECT) {
        return NULL;
    }
    for (const struct json *member = object->child; member != NULL; member = member->next) {
        if (member->name[0] == name[0] && strcmp(member->name, name) == 0) { /* most differ in the first byte */
            return member;
        }
    }
    return NULL;
}

bool json_int(const struct json *value, int64_t least, int64_t most, int64_t *out)
{
    if (value == NULL || value->type != JSON_NUMBER || value->length == 0 || value->length > 20) {
        return false;
    }
    bool negative = value->text[0] == '-';
    int64_t sum = 0;
    for (const char *c = value->text + negative; *c != '\0'; c++) {
        int digit = *c - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_sub_overflow(sum, digit,
                                   &sum)) { /* negative sum, because INT64_MIN has no positive counterpart */
            return false;
        }
    }
    if (!negative && sum == INT64_MIN) {
        return false;
    }
    *out = negative ? sum : -sum;
    return *out >= least && *out <= most;
}

bool json_get_int(const struct json *object, const char *name, int64_t least, int64_t most, int64_t *out)
{
    return json_int(json_member(object, name), least, most, out);
}

bool json_get_text(const struct json *object, const char *name, const char **out)
{
    const struct json *member = json_member(object, name);
    if (member == NULL || member->type != JSON_STRING) {
        return false;
    }
    *out = member->text;
    return true;
}

bool json_get_uuid(const struct json *object, const char *name, struct uuid *out)
{
    const struct json *member = json_member(object, name);
    return member != NULL && member->type == JSON_STRING && uuid_parse(member->text, member->length, out);
}

bool json_get_bool(const struct json *object, const char *name, bool *out)
{
    const struct json *member = json_member(object, name);
    if (member == NULL || member->type != JSON_BOOL) {
        return false;
    }
    *out = member->truth;
    return true;
}
