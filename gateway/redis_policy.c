/*
 * See redis_policy.h.
 */
#include "gateway/redis_policy.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/io/timer.h"

enum { POLL_MS = 5000, POLICY_SIZE = 32 };

struct redis_policy {
    struct redis *redis;
    struct event *poll; /* timer */
    bool asked;         /* a reply is outstanding */
    char problem[POLICY_SIZE];
};

/* Copies the value of the line "maxmemory_policy:…" of INFO. False: there is none. */
static bool read_policy(const char *info, char out[static POLICY_SIZE])
{
    static const char name[] = "maxmemory_policy:";
    const char *line = strstr(info, name);
    if (line == NULL) {
        return false;
    }
    const char *value = line + strlen(name);
    (void)snprintf(out, POLICY_SIZE, "%.*s", (int)strcspn(value, "\r\n"), value);
    return true;
}

static void on_info(const redisReply *reply, void *arg)
{
    struct redis_policy *policy = arg;
    char found[POLICY_SIZE];
    policy->asked = false;
    if (reply == NULL || reply->type != REDIS_REPLY_STRING || !read_policy(reply->str, found)) {
        return;
    }
    bool good = strcmp(found, "noeviction") == 0 || strcmp(found, "volatile-ttl") == 0;
    if (strcmp(policy->problem, good ? "" : found) == 0) {
        return;
    }
    (void)snprintf(policy->problem, sizeof(policy->problem), "%s", good ? "" : found);
    if (good) {
        log_info("Redis has the maxmemory-policy %s again", found);
    } else {
        log_warn("Redis has the maxmemory-policy %s: set volatile-ttl or noeviction", found);
    }
}

static void do_poll(evutil_socket_t fd, short what, void *arg)
{
    static const char *const command[] = {"INFO", "memory"};
    struct redis_policy *policy = arg;
    (void)fd;
    (void)what;
    timer_set(policy->poll, POLL_MS);
    if (!policy->asked) {
        policy->asked = redis_command(policy->redis, on_info, policy, ARRAY_LEN(command), command, NULL);
    }
}

struct redis_policy *redis_policy_new(struct event_base *base, struct redis *redis)
{
    struct redis_policy *policy = calloc(1, sizeof(*policy));
    if (policy == NULL) {
        return NULL;
    }
    policy->redis = redis;
    policy->poll = evtimer_new(base, do_poll, policy);
    if (policy->poll == NULL) {
        redis_policy_free(policy);
        return NULL;
    }
    timer_set(policy->poll, 0);
    return policy;
}

void redis_policy_free(struct redis_policy *policy)
{
    if (policy == NULL) {
        return;
    }
    if (policy->poll != NULL) {
        event_free(policy->poll);
    }
    free(policy);
}

const char *redis_policy_problem(const struct redis_policy *policy)
{
    return policy->problem[0] == '\0' ? NULL : policy->problem;
}
