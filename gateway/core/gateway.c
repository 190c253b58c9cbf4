/*
 * See gateway.h.
 */
#include "gateway/core/gateway.h"

bool gateway_takes_bids(const struct gateway *gateway)
{
    return gateway->deployment.known && gateway->broker != NULL && broker_state(gateway->broker) == BROKER_UP;
}
