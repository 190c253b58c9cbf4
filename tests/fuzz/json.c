/*
 * Fuzz target: JSON and money. The first byte selects: $ an amount, else a document.
 *
 * Properties: a parsed and written document is parsed again to the same tree and text. A parsed amount is within its
 * bounds, and its text is parsed to the same amount.
 */
#include <string.h>

#include "common/base/json.h"
#include "common/base/money.h"
#include "tests/fuzz/support/fuzz.h"

static struct jsonw *writer;

/* NOLINTNEXTLINE(readability-non-const-parameter): libFuzzer declares it. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    writer = jsonw_new();
    fuzz_check(writer != NULL);
    return 0;
}

static void check_money(const char *text, size_t length)
{
    char out[MONEY_TEXT_SIZE];
    int64_t minor = -1;
    int64_t again = -1;
    if (!money_parse(text, length, &minor)) {
        return;
    }
    fuzz_check(minor >= 0 && minor <= MONEY_MAX);
    money_format(minor, out);
    fuzz_check(money_parse(out, strlen(out), &again) && again == minor);
    fuzz_check(length <= strlen(out) && memcmp(text, out, length) == 0); /* only decimals were added */
    fuzz_check(money_add_capped(minor, MONEY_MAX) == MONEY_MAX && money_add_capped(minor, 0) == minor);
}

static bool same_text(const char *a, size_t a_length, const char *b, size_t b_length)
{
    return a_length == b_length && (a_length == 0 || memcmp(a, b, a_length) == 0);
}

static bool same_name(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Siblings in a loop, children by recursion: JSON_DEPTH_MAX bounds it. */
static bool same_tree(const struct json *a, const struct json *b)
{
    for (; a != NULL && b != NULL; a = a->next, b = b->next) {
        bool text = a->type == JSON_STRING || a->type == JSON_NUMBER;
        if (a->type != b->type || !same_name(a->name, b->name) ||
            (text && !same_text(a->text, a->length, b->text, b->length)) ||
            (a->type == JSON_BOOL && a->truth != b->truth) || !same_tree(a->child, b->child)) {
            return false;
        }
    }
    return a == NULL && b == NULL;
}

/* Money as a client may write it: the text of a number or a string. */
static void check_values(const struct json *value)
{
    for (; value != NULL; value = value->next) {
        int64_t number = 0;
        if (value->type == JSON_NUMBER) {
            check_money(value->text, value->length);
            fuzz_check(!json_int(value, -5, 5, &number) || (number >= -5 && number <= 5));
        }
        check_values(value->child);
    }
}

static char *write_tree(const struct json *tree, size_t *length)
{
    jsonw_reset(writer);
    jsonw_value(writer, tree);
    const char *text = jsonw_text(writer, length);
    fuzz_check(text != NULL);
    char *copy = malloc(*length + 1);
    fuzz_check(copy != NULL);
    memcpy(copy, text, *length + 1);
    return copy;
}

static void check_document(const void *bytes, size_t length)
{
    const char *reason = NULL;
    size_t first_length = 0;
    size_t second_length = 0;
    struct json *tree = json_parse(bytes, length, &reason);
    if (tree == NULL) {
        return;
    }
    check_values(tree);
    char *first = write_tree(tree, &first_length);
    struct json *again = json_parse(first, first_length, &reason);
    fuzz_check(again != NULL && same_tree(tree, again));
    char *second = write_tree(again, &second_length);
    fuzz_check(same_text(first, first_length, second, second_length));
    free(first);
    free(second);
    json_free(tree);
    json_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length > 0 && bytes[0] == '$') {
        check_money((const char *)bytes + 1, length - 1);
    } else {
        check_document(bytes, length);
    }
    return 0;
}
