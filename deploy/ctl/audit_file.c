/*
 * See audit_file.h. The memory for reading grows to the longest record, within AUDIT_FILE_FIELD_MAX for each field.
 */
#include "deploy/ctl/audit_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    NUMBER_SIZE = 24,
    DECIMAL = 10,
    BEGIN_FIELDS = 6,                    /* label, month, and the link before: number, time, floor, hash */
    LINK_FIELDS = 2 + AUDIT_HASH_FIELDS, /* label, hash before */
    END_FIELDS = 4,                      /* label, count, number and hash of the last link */
};

#define BEGIN_LABEL "rostrum audit archive 1"
#define END_LABEL   "rostrum audit archive end"
#define LINK_LABEL  "rostrum audit " /* and the version */

/* ---- writing ---- */

static void put(struct audit_writer *writer, const char *bytes, size_t length)
{
    (void)crypto_hash_sha256_update(&writer->state, (const unsigned char *)bytes, length);
    if (fwrite(bytes, 1, length, writer->file) != length) {
        writer->failed = true;
    }
}

static void put_field(struct audit_writer *writer, const char *text)
{
    char prefix[NUMBER_SIZE];
    if (text == NULL) {
        put(writer, "-,", 2);
        return;
    }
    int length = snprintf(prefix, sizeof prefix, "%zu:", strlen(text));
    put(writer, prefix, (size_t)length);
    put(writer, text, strlen(text));
    put(writer, ",", 1);
}

static void put_number(struct audit_writer *writer, int64_t number)
{
    char text[NUMBER_SIZE];
    (void)snprintf(text, sizeof text, "%" PRId64, number);
    put_field(writer, text);
}

static void put_hash(struct audit_writer *writer, const char *hash)
{
    put_field(writer, hash[0] == '\0' ? NULL : hash);
}

void audit_file_begin(struct audit_writer *writer, FILE *file, const char *month, const struct audit_end *after)
{
    *writer = (struct audit_writer){.file = file};
    (void)crypto_hash_sha256_init(&writer->state);
    put_field(writer, BEGIN_LABEL);
    put_field(writer, month);
    put_number(writer, after->number);
    put_number(writer, after->sealed_ms);
    put_hash(writer, after->floor);
    put_hash(writer, after->hash);
    put(writer, "\n", 1);
}

void audit_file_link(struct audit_writer *writer, const char *previous, const struct audit_link *link)
{
    char label[sizeof LINK_LABEL + NUMBER_SIZE];
    (void)snprintf(label, sizeof label, LINK_LABEL "%s", link->version);
    put_field(writer, label);
    put_hash(writer, previous);
    for (size_t i = 0; i < AUDIT_HASH_FIELDS; i++) {
        put_field(writer, link->fields[i]);
    }
    put(writer, "\n", 1);
    put(writer, link->hash, strlen(link->hash));
    put(writer, "\n", 1);
}

bool audit_file_end(struct audit_writer *writer, int64_t count, const struct audit_end *last,
                    char file_hash[static HASH_CHAIN_TEXT_SIZE])
{
    unsigned char bytes[crypto_hash_sha256_BYTES];
    put_field(writer, END_LABEL);
    put_number(writer, count);
    put_number(writer, last->number);
    put_hash(writer, last->hash);
    put(writer, "\n", 1);
    (void)crypto_hash_sha256_final(&writer->state, bytes);
    (void)sodium_bin2hex(file_hash, HASH_CHAIN_TEXT_SIZE, bytes, sizeof bytes);
    return !writer->failed;
}

/* ---- reading ---- */

struct reader {
    FILE *file;
    crypto_hash_sha256_state state;
    char *bytes; /* of the current record: its fields, each with a terminator */
    size_t used;
    size_t size;
    size_t count; /* fields */
    size_t starts[LINK_FIELDS];
    bool null[LINK_FIELDS];
};

static int next(struct reader *reader)
{
    int byte = getc(reader->file);
    if (byte != EOF) {
        unsigned char read = (unsigned char)byte;
        (void)crypto_hash_sha256_update(&reader->state, &read, 1);
    }
    return byte;
}

static bool reserve(struct reader *reader, size_t more)
{
    if (reader->used + more > reader->size) {
        size_t size = 2 * (reader->used + more);
        char *bytes = realloc(reader->bytes, size);
        if (bytes == NULL) {
            return false;
        }
        reader->bytes = bytes;
        reader->size = size;
    }
    return true;
}

/* Reads the bytes of a field and its comma. */
static bool read_bytes(struct reader *reader, size_t length)
{
    if (!reserve(reader, length + 1) || fread(reader->bytes + reader->used, 1, length, reader->file) != length) {
        return false;
    }
    (void)crypto_hash_sha256_update(&reader->state, (unsigned char *)reader->bytes + reader->used, length);
    bool text = memchr(reader->bytes + reader->used, '\0', length) == NULL;
    reader->used += length;
    reader->bytes[reader->used++] = '\0';
    return text && next(reader) == ',';
}

/* Reads a field that begins with this byte. */
static bool read_field(struct reader *reader, int byte)
{
    size_t length = 0;
    if (reader->count == LINK_FIELDS || !reserve(reader, 1)) {
        return false;
    }
    reader->starts[reader->count] = reader->used;
    reader->null[reader->count] = byte == '-';
    reader->count++;
    if (byte == '-') {
        return next(reader) == ',';
    }
    for (; byte >= '0' && byte <= '9' && length <= AUDIT_FILE_FIELD_MAX; byte = next(reader)) {
        length = length * DECIMAL + (size_t)(byte - '0');
    }
    return byte == ':' && length <= AUDIT_FILE_FIELD_MAX && read_bytes(reader, length);
}

/* Reads a record and its newline. */
static bool read_record(struct reader *reader)
{
    reader->used = 0;
    reader->count = 0;
    int byte = next(reader);
    while (byte != '\n') {
        if (byte == EOF || !read_field(reader, byte)) {
            return false;
        }
        byte = next(reader);
    }
    return reader->count > 0;
}

static const char *field(const struct reader *reader, size_t i)
{
    return reader->null[i] ? NULL : reader->bytes + reader->starts[i];
}

static const char *text(const struct reader *reader, size_t i)
{
    return reader->null[i] ? "" : reader->bytes + reader->starts[i];
}

static bool read_begin(struct reader *reader, struct audit_archive *archive)
{
    if (!read_record(reader) || reader->count != BEGIN_FIELDS || strcmp(text(reader, 0), BEGIN_LABEL) != 0) {
        return false;
    }
    (void)snprintf(archive->month, sizeof archive->month, "%s", text(reader, 1));
    archive->after.number = strtoll(text(reader, 2), NULL, DECIMAL);
    archive->after.sealed_ms = strtoll(text(reader, 3), NULL, DECIMAL);
    (void)snprintf(archive->after.floor, sizeof archive->after.floor, "%s", text(reader, 4));
    (void)snprintf(archive->after.hash, sizeof archive->after.hash, "%s", text(reader, 5));
    return true;
}

/* The hash after a record, and its newline. */
static bool read_hash(struct reader *reader, char hash[static HASH_CHAIN_TEXT_SIZE])
{
    for (size_t i = 0; i < HASH_CHAIN_TEXT_SIZE - 1; i++) {
        int byte = next(reader);
        if (byte == EOF) {
            return false;
        }
        hash[i] = (char)byte;
    }
    hash[HASH_CHAIN_TEXT_SIZE - 1] = '\0';
    return next(reader) == '\n';
}

/* Checks the link of the current record, whose hash follows. */
static bool take_link(struct reader *reader, struct audit_check *check)
{
    static const size_t LABEL_LENGTH = sizeof LINK_LABEL - 1;
    char hash[HASH_CHAIN_TEXT_SIZE];
    struct audit_link link = {.hash = hash, .found = true};
    if (reader->count != LINK_FIELDS || strncmp(text(reader, 0), LINK_LABEL, LABEL_LENGTH) != 0 ||
        !read_hash(reader, hash)) {
        return false;
    }
    link.version = text(reader, 0) + LABEL_LENGTH;
    for (size_t i = 0; i < AUDIT_HASH_FIELDS; i++) {
        link.fields[i] = field(reader, i + 2);
    }
    if (strcmp(text(reader, 1), check->end.hash) != 0) {
        audit_check_differ(check, "link %s has another hash before it than the link before", text(reader, 2));
    }
    audit_check_link(check, &link);
    return true;
}

static void check_end(const struct reader *reader, struct audit_check *check)
{
    if (strtoll(text(reader, 1), NULL, DECIMAL) != check->count ||
        strtoll(text(reader, 2), NULL, DECIMAL) != check->end.number || strcmp(text(reader, 3), check->end.hash) != 0) {
        audit_check_differ(check, "the end of the file names link %s with hash %s, the last one is %" PRId64 " with %s",
                           text(reader, 2), text(reader, 3), check->end.number, check->end.hash);
    }
}

/* Returns false if the bytes are not those of an archive, for example because the file was cut off. */
static bool read_all(struct reader *reader, struct audit_check *check, struct audit_archive *archive,
                     const char *wanted)
{
    if (!read_begin(reader, archive)) {
        return false;
    }
    audit_check_begin(check, &archive->after, wanted);
    while (read_record(reader)) {
        if (reader->count == END_FIELDS && strcmp(text(reader, 0), END_LABEL) == 0) {
            check_end(reader, check);
            return getc(reader->file) == EOF;
        }
        if (!take_link(reader, check)) {
            return false;
        }
    }
    return false;
}

bool audit_file_read(const char *path, struct audit_check *check, struct audit_archive *archive, const char *wanted)
{
    struct reader reader = {.file = fopen(path, "re")};
    unsigned char bytes[crypto_hash_sha256_BYTES];
    if (reader.file == NULL) {
        ctl_report_error("%s cannot be read: %s", path, strerror(errno));
        return false;
    }
    *archive = (struct audit_archive){.month = ""};
    *check = (struct audit_check){.wanted = NULL};
    (void)crypto_hash_sha256_init(&reader.state);
    bool ok = read_all(&reader, check, archive, wanted);
    (void)crypto_hash_sha256_final(&reader.state, bytes);
    (void)sodium_bin2hex(archive->file_hash, sizeof archive->file_hash, bytes, sizeof bytes);
    if (ok) {
        audit_check_finish(check);
    } else {
        ctl_report_error("%s is no archive of the audit log, or is damaged after link %" PRId64, path,
                         check->end.number);
    }
    free(reader.bytes);
    (void)fclose(reader.file);
    return ok;
}
