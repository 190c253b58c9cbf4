/*
 * GET /health (alive), GET /ready (can bids be taken?), GET /metrics and GET /api/v1/time. The simplest handlers: read
 * them first.
 */
#ifndef ROSTRUM_GATEWAY_HEALTH_H
#define ROSTRUM_GATEWAY_HEALTH_H

#include "gateway/http/router.h"

extern const struct route health_routes[];

#endif
