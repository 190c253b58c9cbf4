/*
 * See rights.h.
 */
#include "common/protocol/rights.h"

#include <assert.h>
#include <regex.h>

#define NONE  "^$"
#define SHARD "bids\\.shard\\.[0-9]{2}"
#define SALES "sales\\.shard\\.[0-9]{2}"

const char *const rights_names[LOGIN_COUNT] = {
#define LOGIN_NAME(NAME, name) [LOGIN_##NAME] = #name,
    LOGINS(LOGIN_NAME)
#undef LOGIN_NAME
};

/* configure, write, read */
#define AMQP_GATEWAY                                                                                                   \
    {                                                                                                                  \
        NONE, "^(" SHARD "|" SALES ")$", NONE                                                                          \
    }
#define AMQP_BIDWORKER                                                                                                 \
    {                                                                                                                  \
        NONE, "^(events|dead)$", "^" SHARD "$"                                                                         \
    }
#define AMQP_SALEWORKER                                                                                                \
    {                                                                                                                  \
        NONE, "^(events|dead)$", "^" SALES "$"                                                                         \
    }
#define AMQP_ENDWORKER                                                                                                 \
    {                                                                                                                  \
        NONE, "^(events|dead|" SHARD "|" SALES ")$", "^auction_end$"                                                   \
    }
#define AMQP_NOTIFYWORKER                                                                                              \
    {                                                                                                                  \
        NONE, "^(dead|deliveries|deliveries\\.wait\\.[0-9]+)$",                                                        \
            "^(notify|sale_notify|dead_letters|deliveries\\.(email|webhook))$"                                         \
    }
/* It shows dead letters, which it puts back, and sends commands for auctions and sales. */
#define AMQP_CTL                                                                                                       \
    {                                                                                                                  \
        NONE, "^(" SHARD "|" SALES ")$", "^dead_letters$"                                                              \
    }
#define AMQP_MIGRATE                                                                                                   \
    {                                                                                                                  \
        ".*", ".*", ".*"                                                                                               \
    }

const struct rights_amqp rights_amqp[LOGIN_COUNT] = {
#define AMQP_ENTRY(NAME, name) [LOGIN_##NAME] = AMQP_##NAME,
    LOGINS(AMQP_ENTRY)
#undef AMQP_ENTRY
};

/* The commands of common/protocol/snapshot's script. */
#define SNAPSHOT "+expire +hget +hmget +hset +pttl +zadd +zremrangebyrank"

const char rights_redis_common[] = "+info +select +ping +script|load +evalsha";

/* keys, channels, commands */
#define REDIS_GATEWAY                                                                                                  \
    {                                                                                                                  \
        "~s:* ~u:* ~seen:* ~rl:* ~bid:* ~join:* ~order:* ~idem:* ~snap:* ~top:* ~hist:* ~q:* ~sale:* ~product:* "      \
        "%R~shards "                                                                                                   \
        "%R~depths"                                                                                                    \
        " %R~sale_shards %R~sale_depths",                                                                              \
            "&gw:* &live:* &user:*",                                                                                   \
            SNAPSHOT                                                                                                   \
            " +get +set +del +exists +incr +decr +mget +pexpire +ttl +getrange +setrange +hdel +hgetall +zrevrange"    \
            " +publish +subscribe +unsubscribe"                                                                        \
    }
#define REDIS_BIDWORKER                                                                                                \
    {                                                                                                                  \
        "~bid:* ~snap:* ~top:* ~shards", "&gw:* &live:* &user:*",                                                      \
            SNAPSHOT " +exists +setrange +unlink +publish +pubsub|numsub"                                              \
    }
#define REDIS_SALEWORKER                                                                                               \
    {                                                                                                                  \
        "~bid:* ~sale:* ~sale_shards", "&gw:* &live:* &user:*",                                                        \
            SNAPSHOT " +exists +setrange +unlink +publish +pubsub|numsub"                                              \
    }
#define REDIS_ENDWORKER                                                                                                \
    {                                                                                                                  \
        "~snap:* ~top:* ~depths ~sale_depths", "&live:*", SNAPSHOT " +publish"                                         \
    }
#define REDIS_NOTIFYWORKER                                                                                             \
    {                                                                                                                  \
        "", "&user:*", "+publish"                                                                                      \
    }
#define REDIS_CTL                                                                                                      \
    {                                                                                                                  \
        "%R~shards %R~sale_shards", "&live:*", "+hgetall +subscribe +unsubscribe"                                      \
    }

const struct rights_redis rights_redis[LOGIN_COUNT] = {
#define REDIS_ENTRY(NAME, name) [LOGIN_##NAME] = REDIS_##NAME,
    LOGINS_SERVING(REDIS_ENTRY)
#undef REDIS_ENTRY
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
