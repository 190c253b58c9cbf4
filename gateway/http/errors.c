/*
 * The error codes of the API; see errors.h. Messages are for people and reveal nothing about the implementation.
 */
#include "gateway/http/errors.h"

#include <assert.h>
#include <stdio.h>

#include "common/base/ids.h"

static const struct error_entry entries[ERROR_COUNT] = {
    [ERROR_BAD_REQUEST] = {400, "BAD_REQUEST", "This is not a valid HTTP request"},
    [ERROR_VALIDATION_FAILED] = {400, "VALIDATION_FAILED", "Some fields are missing or invalid"},
    [ERROR_INVALID_AMOUNT] = {400, "INVALID_AMOUNT",
                              "An amount must be above 0 and at most 9999999999.99, with at most two decimals"},
    [ERROR_INVALID_TOKEN] = {400, "INVALID_TOKEN", "The link is invalid, has expired, or was used before"},
    [ERROR_BID_TOO_LOW] = {400, "BID_TOO_LOW", "The bid is below the minimum"},
    [ERROR_MAXIMUM_NOT_RAISED] = {409, "MAXIMUM_NOT_RAISED", "The new maximum is not above the standing one"},
    [ERROR_UNAUTHORIZED] = {401, "UNAUTHORIZED", "Please log in"},
    [ERROR_INVALID_CREDENTIALS] = {401, "INVALID_CREDENTIALS", "Email or password is wrong"},
    [ERROR_FORBIDDEN] = {403, "FORBIDDEN", "You do not have permission for this request"},
    [ERROR_CROSS_ORIGIN] = {403, "CROSS_ORIGIN", "Requests from other sites are not accepted"},
    [ERROR_OWN_AUCTION] = {403, "OWN_AUCTION", "Sellers may not bid on their own auctions"},
    [ERROR_USER_BANNED] = {403, "USER_BANNED", "This account is banned"},
    [ERROR_EMAIL_UNVERIFIED] = {403, "EMAIL_UNVERIFIED", "Please confirm your email address before you bid"},
    [ERROR_NOT_FOUND] = {404, "NOT_FOUND", "There is no such resource"},
    [ERROR_METHOD_NOT_ALLOWED] = {405, "METHOD_NOT_ALLOWED",
                                  "The resource does not support this method; see the header Allow"},
    [ERROR_REQUEST_TIMEOUT] = {408, "REQUEST_TIMEOUT", "The request was not received in time"},
    [ERROR_EMAIL_TAKEN] = {409, "EMAIL_TAKEN", "There is an account with this email"},
    [ERROR_AUCTION_ENDED] = {409, "AUCTION_ENDED", "The auction has ended"},
    [ERROR_AUCTION_NOT_STARTED] = {409, "AUCTION_NOT_STARTED", "The auction has not started"},
    [ERROR_AUCTION_CANCELLED] = {409, "AUCTION_CANCELLED", "The auction was cancelled"},
    [ERROR_ITEM_ALREADY_LISTED] = {409, "ITEM_ALREADY_LISTED", "The item is in another open auction"},
    [ERROR_VERSION_CONFLICT] = {409, "VERSION_CONFLICT", "The auction was changed by another request"},
    [ERROR_HAS_BIDS] = {409, "HAS_BIDS", "The auction has bids"},
    [ERROR_BUY_NOW_GONE] = {409, "BUY_NOW_GONE", "Buy now is not available, or no longer available, for the auction"},
    [ERROR_END_NOT_LATER] = {409, "END_NOT_LATER", "The new end is not after the current one"},
    [ERROR_NOT_A_DRAFT] = {409, "NOT_A_DRAFT", "The auction is not a draft: it was published before"},
    [ERROR_NO_MAXIMUM] = {404, "NOT_FOUND", "There is no standing maximum"},
    [ERROR_TERMS_CHANGED] = {409, "TERMS_CHANGED", "The terms of the auction were changed"},
    [ERROR_TOO_MANY_IMAGES] = {409, "TOO_MANY_IMAGES", "The auction has the maximum number of images"},
    [ERROR_BID_VOIDED] = {409, "BID_VOIDED", "The bid was voided before"},
    [ERROR_RETRACT_TOO_LATE] = {409, "RETRACT_TOO_LATE", "The bid can no longer be retracted"},
    [ERROR_TOO_MANY_BIDS] = {409, "TOO_MANY_BIDS", "The auction has too many bids for one to be voided"},
    [ERROR_TOO_MANY_WEBHOOKS] = {409, "TOO_MANY_WEBHOOKS", "The maximum number of webhooks is reached"},
    [ERROR_WEBHOOK_OFF] = {409, "WEBHOOK_OFF", "The webhook is disabled"},
    [ERROR_DELIVERY_PENDING] = {409, "DELIVERY_PENDING", "The delivery is still pending"},
    [ERROR_LAST_ADMIN] = {409, "LAST_ADMIN", "The last admin cannot be banned"},
    [ERROR_DEAD_LETTER_UNREADABLE] = {409, "DEAD_LETTER_UNREADABLE",
                                      "The message cannot be sent again, because it cannot be decoded"},
    [ERROR_BODY_TOO_LARGE] = {413, "BODY_TOO_LARGE", "The body is too large"},
    [ERROR_UNSUPPORTED_MEDIA_TYPE] = {415, "UNSUPPORTED_MEDIA_TYPE",
                                      "The media type of the body is not supported here"},
    [ERROR_EXPECTATION_FAILED] = {417, "EXPECTATION_FAILED", "The expectation in the header Expect is not supported"},
    [ERROR_IDEMPOTENCY_KEY_IN_USE] = {409, "IDEMPOTENCY_KEY_IN_USE",
                                      "A request with this idempotency key is under way"},
    [ERROR_IDEMPOTENCY_KEY_REUSED] = {422, "IDEMPOTENCY_KEY_REUSED",
                                      "The idempotency key was used for another request"},
    [ERROR_INVALID_IMAGE] = {422, "INVALID_IMAGE", "The image cannot be decoded"},
    [ERROR_IMAGE_TOO_LARGE] = {422, "IMAGE_TOO_LARGE", "The image has too many pixels"},
    [ERROR_TOO_MANY_SUBSCRIPTIONS] = {409, "TOO_MANY_SUBSCRIPTIONS",
                                      "The connection has the maximum number of subscriptions"},
    [ERROR_UPGRADE_REQUIRED] = {426, "UPGRADE_REQUIRED", "This resource requires a WebSocket upgrade (version 13)"},
    [ERROR_RATE_LIMITED] = {429, "RATE_LIMITED", "Too many requests"},
    [ERROR_HEADERS_TOO_LARGE] = {431, "HEADERS_TOO_LARGE", "The request's headers are too large"},
    [ERROR_INTERNAL_ERROR] = {500, "INTERNAL_ERROR", "An internal error occurred"},
    [ERROR_NOT_IMPLEMENTED] = {501, "NOT_IMPLEMENTED", "The HTTP method is unknown"},
    [ERROR_UNAVAILABLE] = {503, "UNAVAILABLE", "The service is temporarily unavailable, please try again"},
};

const struct error_entry *errors_entry(enum error_code code)
{
    assert(code < ERROR_COUNT && entries[code].code != NULL);
    return &entries[code];
}

enum error_code errors_of_reason(enum rules_reason reason)
{
/* If a reason has no error code of the same name, this does not compile. */
#define CODE_OF_REASON(name) [RULES_##name] = ERROR_##name,
    static const enum error_code codes[RULES_REASON_COUNT] = {[RULES_NONE] = ERROR_INTERNAL_ERROR,
                                                              RULES_REASONS(CODE_OF_REASON)};
#undef CODE_OF_REASON
    assert((size_t)reason < RULES_REASON_COUNT);
    return codes[reason];
}

const char *errors_phrase(int status)
{
    static const struct {
        int status;
        const char *text;
    } phrases[] = {
        {400, "Bad Request"},           {408, "Request Timeout"},        {409, "Conflict"},
        {413, "Content Too Large"},     {415, "Unsupported Media Type"}, {417, "Expectation Failed"},
        {422, "Unprocessable Content"}, {429, "Too Many Requests"},      {431, "Request Header Fields Too Large"},
        {501, "Not Implemented"},       {503, "Service Unavailable"}};
    for (size_t i = 0; i < ARRAY_LEN(phrases); i++) {
        if (phrases[i].status == status) {
            return phrases[i].text;
        }
    }
    return NULL;
}

enum error_code errors_of_status(int status)
{
    for (int i = 0; i < ERROR_COUNT; i++) {
        if (entries[i].status == status) {
            return (enum error_code)i; /* the first code of a status is the generic one */
        }
    }
    return ERROR_BAD_REQUEST;
}

size_t errors_raw(enum error_code code, char *out, size_t size)
{
    char body[256];
    const struct error_entry *entry = errors_entry(code);
    char id[UUID_TEXT_SIZE];
    struct uuid made = uuid_new();
    uuid_format(&made, id);
    int body_length = snprintf(body, sizeof(body), "{\"error\":\"%s\",\"message\":\"%s\",\"requestId\":\"%s\"}",
                               entry->code, entry->message, id);
    assert(body_length > 0 && (size_t)body_length < sizeof(body));
    const char *phrase = errors_phrase(entry->status);
    int length = snprintf(out, size,
                          "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
                          "X-Request-Id: %s\r\n%sConnection: close\r\n\r\n%s",
                          entry->status, phrase == NULL ? "Error" : phrase, body_length, id,
                          entry->status == 503 ? "Retry-After: 1\r\n" : "", body);
    assert(length > 0 && (size_t)length < size);
    return (size_t)length;
}
