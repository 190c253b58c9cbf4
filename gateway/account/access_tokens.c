/*
 * See access_tokens.h.
 */
#include "gateway/account/access_tokens.h"

#include <stdio.h>

#include "common/base/clock.h"
#include "gateway/access/access.h"

bool access_tokens_issue(const struct request *request, const struct uuid *user, bool admin, struct access_token *out)
{
    const struct deployment *deployment = request->access->deployment;
    const struct request_user *of = &request->user;
    out->now_s = clock_now_ms() / 1000;
    out->expires_s = out->now_s + request->access->config->access_token_s;
    if (of->ends_ms / 1000 < out->expires_s) {
        out->expires_s = of->ends_ms / 1000;
    }
    struct token_claims claims = {.user_id = *user,
                                  .admin = admin,
                                  .epoch = of->epoch,
                                  .from_ms = deployment->epoch.sessions_from_ms,
                                  .expires_s = out->expires_s};
    (void)snprintf(claims.session, sizeof(claims.session), "%s", of->session);
    return deployment->tokens != NULL && of->epoch != 0 && out->expires_s > out->now_s &&
           token_issue(deployment->tokens, &claims, out->now_s, out->text);
}

void access_tokens_write(struct jsonw *json, const struct access_token *token)
{
    jsonw_put_string(json, "accessToken", token->text);
    jsonw_put_int(json, "expiresIn", token->expires_s - token->now_s);
    jsonw_put_time(json, "expiresAt", token->expires_s * 1000);
}
