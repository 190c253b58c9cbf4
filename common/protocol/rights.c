/*
 * See rights.h.
 */
#include "common/protocol/rights.h"

#include <assert.h>
#include <regex.h>

#define NONE  "^$"
#define SHARD "bids\\.shard\\.[0-9]{2}"

const char *const rights_names[LOGIN_COUNT] = {
#define LOGIN_NAME(NAME, name) [LOGIN_##NAME] = #name,
    LOGINS(LOGIN_NAME)
#undef LOGIN_NAME
};

const struct rights_amqp rights_amqp[LOGIN_COUNT] = {
    [LOGIN_GATEWAY] = {NONE, "^" SHARD "$", NONE},
    [LOGIN_BIDWORKER] = {NONE, "^(events|dead)$", "^" SHARD "$"},
    [LOGIN_ENDWORKER] = {NONE, "^(events|dead|" SHARD ")$", "^auction_end$"},
    [LOGIN_NOTIFYWORKER] = {NONE, "^(dead|deliveries|deliveries\\.wait\\.[0-9]+)$",
                            "^(notify|dead_letters|deliveries\\.(email|webhook))$"},
    /* It shows dead letters, which it puts back, and sends commands for auctions. */
    [LOGIN_CTL] = {NONE, "^" SHARD "$", "^dead_letters$"},
    [LOGIN_MIGRATE] = {".*", ".*", ".*"},
};

/* The commands of common/protocol/snapshot's script. */
#define SNAPSHOT "+expire +hget +hmget +hset +pttl +zadd +zremrangebyrank"

const char rights_redis_common[] = "+info +select +ping +script|load +evalsha";

const struct rights_redis rights_redis[LOGIN_COUNT] = {
    [LOGIN_GATEWAY] = {"~s:* ~u:* ~seen:* ~rl:* ~bid:* ~idem:* ~snap:* ~top:* ~hist:* ~q:* %R~shards %R~depths",
                       "&gw:* &live:* &user:*",
                       SNAPSHOT " +get +set +del +exists +incr +decr +mget +pexpire +ttl +getrange +setrange +hdel"
                                " +hgetall +zrevrange +publish +subscribe +unsubscribe"},
    [LOGIN_BIDWORKER] = {"~bid:* ~snap:* ~top:* ~shards", "&gw:* &live:* &user:*",
                         SNAPSHOT " +exists +setrange +publish +pubsub|numsub"},
    [LOGIN_ENDWORKER] = {"~snap:* ~top:* ~depths", "&live:*", SNAPSHOT " +publish"},
    [LOGIN_NOTIFYWORKER] = {"", "&user:*", "+publish"},
    [LOGIN_CTL] = {"%R~shards", "&live:*", "+hgetall +subscribe +unsubscribe"},
    [LOGIN_MIGRATE] = {.keys = NULL},
};

bool rights_may_publish(enum login login, const char *exchange)
{
    regex_t write;
    int failed = regcomp(&write, rights_amqp[login].write, REG_EXTENDED | REG_NOSUB);
    assert(failed == 0);
    bool may = failed == 0 && regexec(&write, exchange, 0, NULL, 0) == 0;
    regfree(&write);
    return may;
}
