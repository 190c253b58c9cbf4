/*
 * See deployment.h.
 */
#include "gateway/core/deployment.h"

#include "common/base/clock.h"

bool deployment_tokens_current(const struct deployment *deployment)
{
    return deployment->tokens_read_ms > 0 &&
           clock_mono_ms() - deployment->tokens_read_ms < DEPLOYMENT_TOKENS_CURRENT_MS;
}
