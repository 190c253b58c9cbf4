/*
 * See forms.h.
 */
#include "gateway/account/forms.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "gateway/http/reply.h"

enum { POLICY_SIZE = 256, HASH_TEXT_SIZE = 64 };

/* JavaScript that sends the form as JSON, with the token of the link, and shows the result. */
#define SCRIPT(path, done)                                                                                             \
    "const form = document.querySelector('form'), result = document.querySelector('output');"                          \
    "form.addEventListener('submit', async (event) => {"                                                               \
    "  event.preventDefault();"                                                                                        \
    "  const body = {token: location.hash.slice(1), ...Object.fromEntries(new FormData(form))};"                       \
    "  try {"                                                                                                          \
    "    const answer = await fetch('" path "', {method: 'POST', credentials: 'omit',"                                 \
    "      headers: {'Content-Type': 'application/json'}, body: JSON.stringify(body)});"                               \
    "    result.value = answer.ok ? '" done "' : (await answer.json()).message;"                                       \
    "    form.hidden = answer.ok;"                                                                                     \
    "  } catch (error) { result.value = 'Please try again.'; }"                                                        \
    "});"

#define VERIFY_SCRIPT SCRIPT("/api/v1/auth/verify-email", "Thank you: your address is confirmed.")
#define RESET_SCRIPT  SCRIPT("/api/v1/auth/password-reset/confirm", "Your password is set. You can log in with it.")

void forms_send(struct request *request, const char *page, const char *script)
{
    char policy[POLICY_SIZE];
    char text[HASH_TEXT_SIZE] = "";
    unsigned char hash[crypto_hash_sha256_BYTES];
    if (script != NULL) {
        (void)crypto_hash_sha256(hash, (const unsigned char *)script, strlen(script));
        (void)sodium_bin2base64(text, sizeof(text), hash, sizeof(hash), sodium_base64_VARIANT_ORIGINAL);
    }
    (void)snprintf(policy, sizeof(policy), "default-src 'none'; %s%s%sform-action 'self'; frame-ancestors 'none'",
                   script == NULL ? "" : "connect-src 'self'; script-src 'sha256-", text, script == NULL ? "" : "'; ");
    reply_header(request, "Content-Security-Policy", policy);
    reply_header(request, "Referrer-Policy", "no-referrer");
    request->storage = ANSWER_NOT_STORED;
    reply_bytes(request, 200, "text/html; charset=utf-8", page, strlen(page));
}

static void handle_verify(struct request *request)
{
    static const char page[] =
        FORMS_HEAD("Confirm your email address") "<form><button>Confirm</button></form><output></output>\n"
                                                 "<script>" VERIFY_SCRIPT "</script>" FORMS_FOOT;
    forms_send(request, page, VERIFY_SCRIPT);
}

static void handle_reset(struct request *request)
{
    static const char page[] = FORMS_HEAD(
        "Set a new password") "<form><label>New password <input name=\"password\" type=\"password\" minlength=\"8\" "
                              "maxlength=\"128\" autocomplete=\"new-password\" required></label>"
                              "<button>Set</button></form><output></output>\n"
                              "<script>" RESET_SCRIPT "</script>" FORMS_FOOT;
    forms_send(request, page, RESET_SCRIPT);
}

const struct route forms_routes[] = {
    {METHOD_GET, ROUTE_OPEN, "/verify-email", handle_verify, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {METHOD_GET, ROUTE_OPEN, "/reset-password", handle_reset, LIMIT_NONE, ROUTE_NO_BODY, NULL},
    {0},
};
