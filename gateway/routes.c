/*
 * The routes of all resource files in one place; the router reads them once at start.
 */
#include "gateway/health.h"
#include "gateway/router.h"

const struct route *const routes_all[] = {
    health_routes,
    NULL,
};
