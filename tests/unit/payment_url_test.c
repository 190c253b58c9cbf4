/*
 * The link by which an order is paid: which templates are valid, and what it says.
 */
#include <check.h>
#include <string.h>

#include "common/protocol/payment_url.h"
#include "tests/support/suite.h"

static const struct {
    const char *template;
    bool valid;
} templates[] = {
    {"https://pay.example/{orderId}", true},
    {"http://127.0.0.1:81/?o={orderId}&s={saleId}&a={amount}&e={expiresAt}&again={orderId}", true},
    {"https://pay.example/", false}, /* the provider would not know the order */
    {"https://pay.example/{orderId}{total}", false},
    {"https://pay.example/{orderId}}", false},
    {"https://pay.example/{{orderId}", false},
    {"https://pay.example/{orderId", false},
    {"pay.example/{orderId}", false},
    {"javascript:{orderId}", false},
    {"none", false},
};

START_TEST(a_template_names_the_order_and_nothing_unknown)
{
    ck_assert_int_eq(payment_url_valid(templates[_i].template), templates[_i].valid);
}
END_TEST

START_TEST(the_link_has_the_values_of_the_order)
{
    char url[PAYMENT_URL_SIZE];
    struct payment_url_order order = {.amount = 4900, .expires_ms = INT64_C(1777642515120)};
    memset(order.order_id.bytes, 0x11, sizeof order.order_id.bytes);
    memset(order.sale_id.bytes, 0x22, sizeof order.sale_id.bytes);
    payment_url_write(templates[1].template, &order, url);
    ck_assert_str_eq(url, "http://127.0.0.1:81/?o=11111111-1111-1111-1111-111111111111"
                          "&s=22222222-2222-2222-2222-222222222222&a=49.00&e=2026-05-01T13:35:15.120Z"
                          "&again=11111111-1111-1111-1111-111111111111");
}
END_TEST

START_TEST(a_template_of_placeholders_alone_fits)
{
    static const char scheme[] = "https://";
    static const char placeholder[] = "{saleId}";
    char template[512];
    char url[PAYMENT_URL_SIZE];
    const struct payment_url_order order = {.amount = 1};
    size_t length = sizeof(scheme) - 1;
    memcpy(template, scheme, sizeof(scheme));
    for (; length + sizeof(placeholder) <= sizeof(template); length += sizeof(placeholder) - 1) {
        memcpy(template + length, placeholder, sizeof(placeholder));
    }
    payment_url_write(template, &order, url);
    ck_assert_uint_gt(strlen(url), 4 * strlen(template));
}
END_TEST

static Suite *payment_url_suite(void)
{
    Suite *suite = suite_create("payment url");
    TCase *tcase = tcase_create("payment url");
    tcase_add_loop_test(tcase, a_template_names_the_order_and_nothing_unknown, 0, (int)ARRAY_LEN(templates));
    tcase_add_test(tcase, the_link_has_the_values_of_the_order);
    tcase_add_test(tcase, a_template_of_placeholders_alone_fits);
    suite_add_tcase(suite, tcase);
    return suite;
}

int main(void)
{
    return suite_run(payment_url_suite());
}
