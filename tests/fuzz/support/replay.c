/*
 * The main function of a fuzz target that is built without libFuzzer: runs the given files in their order. Caller:
 * tests/unit/fuzz_corpus_test.py. A violated property aborts; otherwise the last line is "NAME: N passed, 0 failed".
 */
#include <string.h>

#include "tests/fuzz/support/fuzz.h"

enum { INPUT_MAX = 65536 };

static void run_file(const char *path)
{
    static uint8_t bytes[INPUT_MAX];
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    size_t length = fread(bytes, 1, sizeof(bytes), file);
    bool whole = ferror(file) == 0 && feof(file) != 0;
    if (fclose(file) != 0 || !whole) {
        (void)fprintf(stderr, "%s: cannot be read, or is longer than %d bytes\n", path, INPUT_MAX);
        exit(EXIT_FAILURE);
    }
    /* A copy of exactly that length, so that AddressSanitizer detects a read beyond it. */
    uint8_t *copy = malloc(length + (length == 0));
    if (copy == NULL) {
        perror("malloc");
        exit(EXIT_FAILURE);
    }
    memcpy(copy, bytes, length);
    (void)fprintf(stderr, "%s\n", path); /* so the output names the input of a crash */
    (void)LLVMFuzzerTestOneInput(copy, length);
    free(copy);
}

int main(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/');
    (void)LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++) {
        run_file(argv[i]);
    }
    printf("%s: %d passed, 0 failed\n", slash == NULL ? argv[0] : slash + 1, argc - 1);
    return EXIT_SUCCESS;
}
