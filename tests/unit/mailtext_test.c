/*
 * The text of a mail and its templates: text from users is escaped in every part, and no line is too long. A template
 * with an error is not loaded. tests/integration/mail_test.c tests how another program parses such mails.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "notifyworker/mailtext.h"
#include "notifyworker/templates.h"
#include "tests/support/suite.h"

enum { PATH_SIZE = 256, LINE_MOST = 998, CODED_LINE_MOST = 76, LONG = 600 };

static char *write_mail(const char *name, const char *subject, const char *text)
{
    size_t length = 0;
    const struct mailtext mail = {.from = "deployment@example.org",
                                  .from_name = "Rostrum",
                                  .to = "ann@example.org",
                                  .to_name = name,
                                  .subject = subject,
                                  .text = text,
                                  .html = "<p>x</p>",
                                  .unsubscribe = "https://example.org/x",
                                  .date_ms = INT64_C(1777642215000)};
    char *written = mailtext_write(&mail, &length);
    ck_assert_ptr_nonnull(written);
    ck_assert_uint_eq(strlen(written), length);
    return written;
}

/*
 * Every line ends with CRLF, none is too long, and there are `headers` headers. A folded line continues with a blank.
 */
static void expect_valid_mail(const char *mail, int headers)
{
    int count = 0;
    bool body = false;
    while (*mail != '\0') {
        size_t length = strcspn(mail, "\r\n");
        bool coded = body || memmem(mail, length, "=?", 2) != NULL;
        ck_assert_uint_le(length, coded ? CODED_LINE_MOST : LINE_MOST);
        ck_assert_msg(strncmp(mail + length, "\r\n", 2) == 0, "a line without CRLF: %.*s", (int)length, mail);
        if (length == 0) {
            body = true;
        }
        count += !body && mail[0] != ' ';
        mail += length + 2;
    }
    ck_assert_int_eq(count, headers);
}

START_TEST(an_ascii_header_is_not_encoded)
{
    char *mail = write_mail("Ann Other", "You were outbid: A chair", "Hello\n");
    expect_valid_mail(mail, 10);
    ck_assert_ptr_nonnull(strstr(mail, "To: Ann Other\r\n <ann@example.org>\r\n"));
    ck_assert_ptr_nonnull(strstr(mail, "Subject: You were outbid: A chair\r\n"));
    ck_assert_ptr_nonnull(strstr(mail, "Date: Fri, 01 May 2026 13:30:15 +0000\r\n"));
    ck_assert_ptr_nonnull(strstr(mail, "\r\n\r\nHello\r\n"));
    free(mail);
}
END_TEST

START_TEST(a_value_never_adds_a_header)
{
    static const char *const wrong[] = {
        "a\r\nBcc: x@example.org",  "a\nBcc: x", "a\r\n\r\nbody", "=?UTF-8?Q?a?=",
        "\"a\" <x@example.org>, b", "\x7f\x01",  "Zoë",           "",
    };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        char *mail = write_mail(wrong[i], "x", "x");
        expect_valid_mail(mail, 10);
        ck_assert_ptr_null(strstr(mail, "Bcc"));
        ck_assert_ptr_null(strstr(mail, "<x@"));
        free(mail);
        mail = write_mail("x", wrong[i], "x");
        expect_valid_mail(mail, 10);
        ck_assert_ptr_null(strstr(mail, "\nBcc"));
        free(mail);
    }
}
END_TEST

START_TEST(encoded_words_are_split_between_characters)
{
    char subject[2 * LONG + 1] = "";
    for (int i = 0; i < LONG; i++) {
        memcpy(subject + strlen(subject), "ë", sizeof("ë"));
    }
    char *mail = write_mail("x", subject, subject);
    expect_valid_mail(mail, 10);
    /* An encoded word holds 19 characters of two bytes. Its text is the same each time. */
    const char *word = strstr(mail, "Subject: =?UTF-8?B?");
    ck_assert_ptr_nonnull(word);
    ck_assert_uint_eq(strcspn(word, "\r"), strlen("Subject: =?UTF-8?B?") + 52 + strlen("?="));
    free(mail);
}
END_TEST

START_TEST(the_body_is_quoted_printable)
{
    char *mail = write_mail("x", "x", "a = b, blank \nZoë\n.\n\tx");
    expect_valid_mail(mail, 10);
    ck_assert_ptr_nonnull(strstr(mail, "\r\n\r\na =3D b, blank=20\r\nZo=C3=AB\r\n.\r\n=09x\r\n--=_"));
    free(mail);
}
END_TEST

/* ---- templates ---- */

static char folder[PATH_SIZE];

static void write_template(const char *text, const char *html)
{
    static const char *const names[] = {"a-kind.txt", "a-kind.html"};
    const char *const texts[] = {text, html};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char path[PATH_SIZE * 2];
        (void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        FILE *file = fopen(path, "we");
        ck_assert_ptr_nonnull(file);
        ck_assert_int_ge(fputs(texts[i], file), 0);
        ck_assert_int_eq(fclose(file), 0);
    }
}

static void make_folder(void)
{
    (void)snprintf(folder, sizeof(folder), "/tmp/rostrum-templates-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void remove_folder(void)
{
    char path[PATH_SIZE * 2];
    (void)snprintf(path, sizeof(path), "%s/a-kind.txt", folder);
    (void)unlink(path);
    (void)snprintf(path, sizeof(path), "%s/a-kind.html", folder);
    (void)unlink(path);
    (void)rmdir(folder);
}

static struct templates *load(void)
{
    static const char *const kinds[] = {"A_KIND", NULL};
    return templates_load(folder, kinds);
}

static void expect_part(const struct templates *templates, enum templates_part part, const char *const *values,
                        const char *expected)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    ck_assert_ptr_nonnull(out);
    ck_assert(templates_write(templates, "A_KIND", part, values, out));
    ck_assert_int_eq(fclose(out), 0);
    ck_assert_str_eq(text, expected);
    free(text);
}

START_TEST(values_are_inserted_and_escaped)
{
    const char *values[TEMPLATES_VALUES] = {[TEMPLATES_TITLE] = "<b>\"a\" & 'b'\r\n{{token}}"};
    write_template("Subject: {{title}}\n\n{{title}}{{amount}}!", "<p>{{title}}</p>{{amount}}");
    struct templates *templates = load();
    ck_assert_ptr_nonnull(templates);
    expect_part(templates, TEMPLATES_SUBJECT, values, "<b>\"a\" & 'b'  {{token}}");
    expect_part(templates, TEMPLATES_TEXT, values, "<b>\"a\" & 'b'  {{token}}!");
    expect_part(templates, TEMPLATES_HTML, values, "<p>&lt;b&gt;&quot;a&quot; &amp; &#39;b&#39;  {{token}}</p>");
    ck_assert(!templates_write(templates, "OTHER", TEMPLATES_TEXT, values, stdout));
    templates_free(templates);
}
END_TEST

START_TEST(a_template_with_an_error_is_not_loaded)
{
    static const char *const texts[] = {"Subject: {{titel}}\n\nx", "Subject: x\n\n{{title", "no subject\n\nx",
                                        "Subject: x\nx\n\nx", "Subject: x"};
    ck_assert_ptr_null(load());
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        write_template(texts[i], "x");
        ck_assert_msg(load() == NULL, "%s", texts[i]);
    }
    write_template("Subject: x\n\nx", "{{nothing}}");
    ck_assert_ptr_null(load());
}
END_TEST

static Suite *mailtext_suite(void)
{
    Suite *suite = suite_create("mailtext");
    TCase *texts = tcase_create("texts");
    tcase_add_test(texts, an_ascii_header_is_not_encoded);
    tcase_add_test(texts, a_value_never_adds_a_header);
    tcase_add_test(texts, encoded_words_are_split_between_characters);
    tcase_add_test(texts, the_body_is_quoted_printable);
    suite_add_tcase(suite, texts);
    TCase *files = tcase_create("templates");
    tcase_add_checked_fixture(files, make_folder, remove_folder);
    tcase_add_test(files, values_are_inserted_and_escaped);
    tcase_add_test(files, a_template_with_an_error_is_not_loaded);
    suite_add_tcase(suite, files);
    return suite;
}

int main(void)
{
    return suite_run(mailtext_suite());
}
