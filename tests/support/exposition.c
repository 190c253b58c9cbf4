/*
 * See exposition.h. Samples are read line by line and checked by the TYPE of their family.
 */
#include "tests/support/exposition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/suite.h"

enum { LINE_SIZE = 1024, NAME_SIZE = 128, FAMILIES_MAX = 64 };

#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:"

struct reading {
    char family[NAME_SIZE];
    char type[NAME_SIZE];
    char seen[FAMILIES_MAX][NAME_SIZE]; /* families seen so far */
    size_t seen_count;
    char last[LINE_SIZE]; /* name and labels of the last sample */
    int64_t bucket;       /* value of the last bucket of this series, -1: none */
    bool infinite;        /* that bucket is +Inf */
};

static size_t name_length(const char *text)
{
    return strcspn(text, "0123456789") == 0 ? 0 : strspn(text, NAME_CHARACTERS);
}

/* Reads name="value", …} after the brace, and moves `*at` behind it. */
static const char *read_labels(const char *line, const char *at)
{
    while (*at != '}') {
        size_t length = name_length(at);
        ck_assert_msg(length > 0 && strncmp(at + length, "=\"", 2) == 0, "labels: %s", line);
        at += length + 2;
        while (*at != '"') {
            at += *at == '\\' ? 2 : 1;
            ck_assert_msg(*at != '\0', "a value without an end: %s", line);
        }
        at++;
        ck_assert_msg(*at == ',' || *at == '}', "labels: %s", line);
        at += *at == ',' ? 1 : 0;
    }
    return at + 1;
}

static bool is_number(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    const char *rest = text + digits;
    return digits > 0 &&
           (*rest == '\0' || (*rest == '.' && strlen(rest) > 1 && strspn(rest + 1, "0123456789") == strlen(rest + 1)));
}

static void check_histogram(struct reading *reading, const char *line, const char *suffix, int64_t value)
{
    bool bucket = strncmp(suffix, "_bucket{", strlen("_bucket{")) == 0;
    bool is_count = strncmp(suffix, "_count", strlen("_count")) == 0;
    ck_assert_msg(bucket || is_count || strncmp(suffix, "_sum", strlen("_sum")) == 0, "of a histogram: %s", line);
    if (bucket) {
        ck_assert_msg(strstr(line, "le=\"") != NULL && value >= reading->bucket, "not cumulative: %s", line);
        reading->bucket = value;
        reading->infinite = strstr(line, "le=\"+Inf\"") != NULL;
    } else {
        ck_assert_msg(reading->infinite, "no bucket +Inf before: %s", line);
    }
    if (is_count) {
        ck_assert_msg(value == reading->bucket, "count and +Inf differ: %s", line);
        reading->bucket = -1;
        reading->infinite = false;
    }
}

static void check_sample(struct reading *reading, const char *line)
{
    size_t length = name_length(line);
    size_t family = strlen(reading->family);
    const char *at = line + length;
    ck_assert_msg(length > 0, "a name: %s", line);
    ck_assert_msg(strncmp(line, reading->family, family) == 0, "a sample outside of its family: %s", line);
    at = *at == '{' ? read_labels(line, at + 1) : at;
    ck_assert_msg(*at == ' ' && is_number(at + 1), "a value: %s", line);
    ck_assert_msg(strncmp(reading->last, line, (size_t)(at - line) + 1) != 0, "twice: %s", line);
    (void)snprintf(reading->last, sizeof(reading->last), "%s", line);
    if (strcmp(reading->type, "histogram") == 0) {
        check_histogram(reading, line, line + family, strtoll(at + 1, NULL, 10));
    } else {
        ck_assert_msg(length == family, "another name than its family: %s", line);
    }
}

static void check_comment(struct reading *reading, const char *line)
{
    char name[NAME_SIZE] = "";
    char type[NAME_SIZE] = "";
    if (sscanf(line, "# HELP %127s", name) == 1) {
        for (size_t i = 0; i < reading->seen_count; i++) {
            ck_assert_msg(strcmp(reading->seen[i], name) != 0, "a family in two stretches: %s", line);
        }
        ck_assert(reading->seen_count < FAMILIES_MAX);
        (void)snprintf(reading->seen[reading->seen_count++], NAME_SIZE, "%s", name);
        (void)snprintf(reading->family, NAME_SIZE, "%s", name);
        reading->type[0] = '\0';
        return;
    }
    ck_assert_msg(sscanf(line, "# TYPE %127s %127s", name, type) == 2, "neither HELP nor TYPE: %s", line);
    ck_assert_msg(strcmp(name, reading->family) == 0 && reading->type[0] == '\0', "TYPE not behind HELP: %s", line);
    ck_assert_msg(strcmp(type, "counter") == 0 || strcmp(type, "gauge") == 0 || strcmp(type, "histogram") == 0,
                  "a type: %s", line);
    ck_assert_msg(strcmp(type, "counter") != 0 || strstr(name, "_total") != NULL, "a counter's name: %s", line);
    (void)snprintf(reading->type, NAME_SIZE, "%s", type);
    reading->bucket = -1;
}

/* Copies the line at `*at` without its line feed, and moves `*at` to the next line; false at the end. */
static bool next_line(const char **at, char line[static LINE_SIZE])
{
    size_t length = strcspn(*at, "\n");
    if (**at == '\0') {
        return false;
    }
    ck_assert_msg((*at)[length] == '\n' && length < LINE_SIZE, "a line without an end, or too long: %.200s", *at);
    (void)snprintf(line, LINE_SIZE, "%.*s", (int)length, *at);
    *at += length + 1;
    return true;
}

void exposition_check(const char *text)
{
    static struct reading reading;
    char line[LINE_SIZE];
    reading = (struct reading){.bucket = -1};
    while (next_line(&text, line)) {
        if (line[0] == '#') {
            check_comment(&reading, line);
        } else {
            ck_assert_msg(reading.type[0] != '\0', "a sample before TYPE: %s", line);
            check_sample(&reading, line);
        }
    }
    ck_assert_uint_gt(reading.seen_count, 0);
}

static bool matches(const char *line, const char *name, const char *labels)
{
    size_t length = strlen(name);
    return strncmp(line, name, length) == 0 && (line[length] == '{' || line[length] == ' ') &&
           strstr(line, labels) != NULL;
}

int64_t exposition_sum(const char *text, const char *name, const char *labels)
{
    char line[LINE_SIZE];
    int64_t sum = 0;
    while (next_line(&text, line)) {
        if (matches(line, name, labels)) {
            sum += strtoll(strrchr(line, ' ') + 1, NULL, 10);
        }
    }
    return sum;
}

size_t exposition_count(const char *text, const char *name, const char *labels)
{
    char line[LINE_SIZE];
    size_t found = 0;
    while (next_line(&text, line)) {
        found += matches(line, name, labels) ? 1 : 0;
    }
    return found;
}
