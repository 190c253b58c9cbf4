/*
 * gateway/web/page_table: the folder of built pages in memory. Twins, links, bounds, and what a new build keeps.
 */
#include <stdio.h>
#include <string.h>

#include "gateway/web/page_table.h"
#include "tests/support/suite.h"
#include "tests/support/web_folder.h"

static char folder[WEB_FOLDER_SIZE];
static struct page_table *table;

static void set_up(void)
{
    web_folder_make(folder);
    web_folder_write(folder, "index.html", "<title>one</title> and some more text");
}

static void tear_down(void)
{
    page_table_free(table);
    table = NULL;
}

/* Reads the folder, as the gateway does at its start and at each reload. */
static void read_again(void)
{
    struct page_table *next = page_table_read(folder, table);
    ck_assert_ptr_nonnull(next);
    page_table_free(table);
    table = next;
}

static const char *text_of(const char *path, enum coding coding)
{
    static char text[64];
    const struct page_file *file = page_table_find(table, path);
    const struct page_bytes *bytes = file == NULL ? NULL : &file->codings[coding];
    if (bytes == NULL || bytes->bytes == NULL) {
        return NULL;
    }
    ck_assert_uint_lt(bytes->length, sizeof(text));
    memcpy(text, bytes->bytes, bytes->length);
    text[bytes->length] = '\0';
    return text;
}

START_TEST(files_have_their_twins_types_and_tags)
{
    web_folder_write(folder, "assets/app-1.js", "a long script");
    web_folder_write(folder, "assets/app-1.js.br", "short");
    web_folder_write(folder, "assets/app-1.js.gz", "shorter");
    web_folder_write(folder, "assets/app-1.js.br.gz", "x"); /* a twin of a twin */
    web_folder_write(folder, "tiny.css", "a");
    web_folder_write(folder, "tiny.css.gz", "longer than it");
    web_folder_write(folder, "alone.gz", "no twin");
    web_folder_write(folder, "empty.txt", "");
    read_again();
    ck_assert_uint_eq(table->count, 5);
    ck_assert_str_eq(text_of("/assets/app-1.js", CODING_IDENTITY), "a long script");
    ck_assert_str_eq(text_of("/assets/app-1.js", CODING_BR), "short");
    ck_assert_str_eq(text_of("/assets/app-1.js", CODING_GZIP), "shorter");
    ck_assert_ptr_null(page_table_find(table, "/assets/app-1.js.br"));
    ck_assert_ptr_null(text_of("/tiny.css", CODING_GZIP));
    ck_assert_str_eq(text_of("/alone.gz", CODING_IDENTITY), "no twin");
    ck_assert_str_eq(text_of("/empty.txt", CODING_IDENTITY), "");
    const struct page_file *file = page_table_find(table, "/assets/app-1.js");
    ck_assert(file->immutable && !file->kept && !table->index->immutable);
    ck_assert_str_eq(file->type, "text/javascript; charset=utf-8");
    ck_assert_str_eq(table->index->type, "text/html; charset=utf-8");
    ck_assert_str_eq(page_table_find(table, "/alone.gz")->type, "application/octet-stream");
    ck_assert_str_ne(file->codings[CODING_BR].etag, file->codings[CODING_IDENTITY].etag);
    ck_assert_ptr_null(table->index_before);
}
END_TEST

START_TEST(links_and_hidden_names_are_left_out)
{
    web_folder_write(folder, ".env", "secret");
    web_folder_write(folder, ".git/config", "secret");
    web_folder_link(folder, "passwd.txt", "/etc/passwd");
    web_folder_link(folder, "etc", "/etc");
    web_folder_link(folder, "loop", ".");
    web_folder_link(folder, "broken.js", "nowhere");
    read_again();
    ck_assert_uint_eq(table->count, 1);
}
END_TEST

static void expect_refused(void)
{
    ck_assert_ptr_null(page_table_read(folder, NULL));
}

START_TEST(a_bad_folder_is_refused)
{
    ck_assert_ptr_null(page_table_read("/nonexistent/folder", NULL));
    ck_assert_ptr_null(page_table_read("/etc/passwd", NULL));
    web_folder_remove(folder, "index.html");
    expect_refused();
    web_folder_write(folder, "index.html", "");
    web_folder_write(folder, "a name.js", "");
    expect_refused();
    web_folder_remove(folder, "a name.js");
    web_folder_write(folder, "1/2/3/4/5/6/7/8/fits", "");
    read_again();
    web_folder_write(folder, "1/2/3/4/5/6/7/8/9/too-deep", "");
    expect_refused();
    web_folder_remove(folder, "index.html");
    expect_refused();
}
END_TEST

START_TEST(a_long_path_is_refused)
{
    char name[PAGE_PATH_SIZE + 1];
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    name[PAGE_PATH_SIZE / 2] = '/';
    web_folder_write(folder, name + 2, "");
    read_again();
    web_folder_write(folder, name + 1, "");
    expect_refused();
}
END_TEST

START_TEST(files_and_bytes_have_a_maximum)
{
    char name[32];
    for (int i = 0; i < PAGE_FILES_MAX - 1; i++) {
        (void)snprintf(name, sizeof(name), "%d.txt", i);
        web_folder_write(folder, name, "");
    }
    read_again();
    ck_assert_uint_eq(table->count, PAGE_FILES_MAX);
    web_folder_write(folder, "more.txt", "");
    expect_refused();
    web_folder_remove(folder, "more.txt");
    for (int i = 0; i < PAGE_FILES_MAX_BYTES / PAGE_FILE_MAX_BYTES - 1; i++) {
        (void)snprintf(name, sizeof(name), "%d.txt", i);
        web_folder_resize(folder, name, PAGE_FILE_MAX_BYTES);
    }
    read_again();
    web_folder_resize(folder, "7.txt", PAGE_FILE_MAX_BYTES);
    expect_refused();
    web_folder_resize(folder, "7.txt", 0);
    web_folder_resize(folder, "0.txt", PAGE_FILE_MAX_BYTES + 1);
    expect_refused();
}
END_TEST

START_TEST(a_new_build_keeps_the_assets_and_the_index_of_the_one_before)
{
    web_folder_write(folder, "assets/a-1.js", "one");
    web_folder_write(folder, "gone.txt", "one");
    read_again();
    web_folder_remove(folder, "assets/a-1.js");
    web_folder_remove(folder, "gone.txt");
    web_folder_write(folder, "assets/a-2.js", "two");
    web_folder_write(folder, "index.html", "two");
    read_again();
    ck_assert_str_eq(text_of("/assets/a-1.js", CODING_IDENTITY), "one");
    ck_assert_str_eq(text_of("/assets/a-2.js", CODING_IDENTITY), "two");
    ck_assert_str_eq(text_of("/index.html", CODING_IDENTITY), "two");
    ck_assert_ptr_null(page_table_find(table, "/gone.txt"));
    ck_assert(memcmp(table->index_before->codings[CODING_IDENTITY].bytes, "<title>one", 10) == 0);
    /* A reload with the same build forgets nothing. */
    read_again();
    ck_assert_str_eq(text_of("/assets/a-1.js", CODING_IDENTITY), "one");
    web_folder_remove(folder, "assets/a-2.js");
    web_folder_write(folder, "assets/a-3.js", "three");
    read_again();
    ck_assert_ptr_null(page_table_find(table, "/assets/a-1.js"));
    ck_assert_str_eq(text_of("/assets/a-2.js", CODING_IDENTITY), "two");
    ck_assert_str_eq(text_of("/assets/a-3.js", CODING_IDENTITY), "three");
}
END_TEST

static Suite *web_page_table_suite(void)
{
    const TTest *const tests[] = {
        files_have_their_twins_types_and_tags,
        links_and_hidden_names_are_left_out,
        a_bad_folder_is_refused,
        a_long_path_is_refused,
        files_and_bytes_have_a_maximum,
        a_new_build_keeps_the_assets_and_the_index_of_the_one_before,
    };
    Suite *suite = suite_create("web_page_table");
    TCase *tcase = tcase_create("page_table");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
        tcase_add_test(tcase, tests[i]);
    }
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(web_page_table_suite());
}
