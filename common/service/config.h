/*
 * The settings of every program, from one table: section, name, type, default, bounds. They come, each winning over
 * the one before, from the defaults, the INI files given with --config, the file named by ROSTRUM_CONF, and
 * ROSTRUM_PG_URL, ROSTRUM_REDIS_URL, ROSTRUM_AMQP_URL and the like. An unknown section or name, or a value out of
 * bounds, is an error with file and line. conf/rostrum.ini documents each one; a unit test holds the two together.
 *
 * Units stand last in the names. 0 switches a limit off where the comment says so.
 */
#ifndef ROSTRUM_COMMON_SERVICE_CONFIG_H
#define ROSTRUM_COMMON_SERVICE_CONFIG_H

#include <stdio.h>

#include "common/base/base.h"
#include "common/base/log.h"

enum { CONFIG_TEXT_SIZE = 512 };

struct config {
    /* [log] */
    char log_level[16];
    /* [metrics] */
    char metrics_address[64];
    int metrics_port;    /* 0: off. ROSTRUM_METRICS_PORT wins: each program needs one of its own */
    bool metrics_public; /* GET /metrics on the gateway's public listener too */
    /* [postgres] */
    char pg_url[CONFIG_TEXT_SIZE];
    int pg_connections;        /* of one gateway worker */
    int pg_search_connections; /* of one gateway worker, for searches alone */
    int pg_timeout_ms;         /* for one statement, connecting included */
    /* [redis] */
    char redis_url[CONFIG_TEXT_SIZE];
    int redis_timeout_ms;
    /* [rabbitmq] */
    char amqp_url[CONFIG_TEXT_SIZE];
    int amqp_heartbeat_s;
    int shards;                   /* of a new deployment: queues of bids; fixed once migrated */
    int shard_queue_max_messages; /* per queue, then reject-publish */
    int confirm_deadline_ms;      /* from receipt to confirm, else 503 */
    /* [gateway] */
    char listen_address[64];
    int listen_port;
    int workers;
    int connections_max; /* per worker */
    int header_max_bytes;
    int body_max_bytes;
    int request_read_timeout_ms; /* from a request's first byte to its last */
    int idle_timeout_s;          /* of a kept-alive connection */
    int request_deadline_ms;     /* the gateway's own: then 503 */
    int drain_deadline_ms;
    int share_max_bids;           /* bids of one auction in one message */
    int publish_pending_max_bids; /* per worker, waiting or unconfirmed; then 503 */
    int hash_threads;             /* Argon2id, per worker */
    int hash_queue_max;           /* waiting jobs, then 503 */
    int clock_skew_max_ms;
    char cors_origins[CONFIG_TEXT_SIZE]; /* separated by blanks; "none" */
    bool trust_forwarded_for;            /* take the address from X-Forwarded-For, set by a proxy of ours */
    /* [auth] */
    int argon2_ops;
    int argon2_memory_kib;
    int session_s;
    int access_token_s;
    /* [limits], 0 = off */
    int bids_per_minute;
    int bids_per_auction_minute;
    int auctions_per_hour;
    int searches_per_minute;
    int logins_per_minute;
    int registrations_per_hour;
    int logins_account_per_minute; /* by addresses that never logged in to the account */
    int images_per_hour;
    int mails_per_hour;         /* about one account, of one kind */
    int resets_per_hour;        /* asked for by one address */
    int webhook_calls_per_hour; /* tests and redeliveries that a user asks for */
    /* [images] */
    char store[8]; /* file, s3 */
    char image_folder[CONFIG_TEXT_SIZE];
    char s3_endpoint[CONFIG_TEXT_SIZE];
    char s3_region[CONFIG_TEXT_SIZE];
    char s3_bucket[CONFIG_TEXT_SIZE];
    char s3_access_key[CONFIG_TEXT_SIZE];
    char s3_secret_key[CONFIG_TEXT_SIZE];
    int image_store_timeout_ms;   /* for one request to S3 */
    int images_max;               /* of one auction */
    int image_max_bytes;          /* of one upload */
    int image_max_pixels;         /* of one upload, by its header, before it is decoded */
    int image_memory_mib;         /* of the process that decodes it */
    int image_timeout_s;          /* for decoding and writing it anew; processor time, and waiting */
    int image_uploads_max;        /* being received or worked on, per worker; then 503 */
    int image_receive_timeout_ms; /* from an upload's first byte to its last */
    int image_threads;            /* uploads being decoded, per worker */
    int image_read_threads;       /* images being read from the store, per worker */
    int image_read_queue_max;     /* reads waiting, per worker; then 503 */
    int image_sweep_s;            /* between looks for files that no image has any more */
    /* [live], of one gateway worker */
    int live_connections_max;   /* WebSockets and event streams */
    int live_subscriptions_max; /* auctions of one WebSocket */
    int live_message_max_bytes; /* from a client; then 1009 */
    int live_messages_max;      /* from one client in live_messages_window_s, pings included; then 1008 */
    int live_messages_window_s;
    int live_buffer_bytes;        /* waiting for one client beyond what the kernel holds; then 1013 */
    int live_kernel_buffer_bytes; /* SO_SNDBUF of such a connection */
    int live_stall_s;             /* a client that takes nothing for so long; then 1013 */
    int live_ping_interval_s;     /* of silence */
    int live_idle_timeout_s;      /* without an answer to that */
    int live_check_ms;            /* between two comparisons of what is watched with PostgreSQL */
    int live_reconnect_ms;        /* over which those who are sent away in a drain are told to come back */
    /* [bids] */
    int retract_window_s; /* after its receipt, in which a bidder may take back a bid; 0: never */
    /* [mail] */
    char mail_url[CONFIG_TEXT_SIZE]; /* smtp://host:port, smtps://host:port; "none": mail is off */
    char mail_user[CONFIG_TEXT_SIZE];
    char mail_password[CONFIG_TEXT_SIZE];
    char mail_from[CONFIG_TEXT_SIZE];
    char mail_from_name[CONFIG_TEXT_SIZE];
    bool mail_tls_required;
    char mail_ca_file[CONFIG_TEXT_SIZE]; /* "none": the system's */
    int mail_connect_timeout_ms;
    int mail_timeout_ms;      /* for one mail, connecting included */
    int mail_connections_max; /* of one notification worker */
    char template_folder[CONFIG_TEXT_SIZE];
    char public_url[CONFIG_TEXT_SIZE]; /* what links in mails begin with */
    /* [accounts] */
    bool bid_unverified; /* whose address is not verified may bid */
    int verify_token_s;
    int reset_token_s;
    /* [deliveries] */
    int delivery_keep_days;
    /* [bidworker] */
    int batch_max_bids;
    int batch_interval_ms; /* least time from one batch's begin to the next one's */
    int prefetch_messages; /* per shard; the same in every worker, or order is lost */
    int ownership_poll_ms;
    int outbox_sweep_ms;
    int outbox_age_ms; /* a row older than this was left behind by a dead worker */
    int crash_count;   /* deliveries after which messages are taken one at a time */
    /* [endworker] */
    int fence_grace_ms;
    int fence_repeat_ms;
    int schedule_poll_ms;
    int ending_soon_s;
    int settle_sweep_ms;
    /* [notifyworker] */
    int notify_batch_max;   /* messages taken into one transaction */
    int notify_interval_ms; /* least time from one transaction's begin to the next one's */
    int watch_poll_ms;      /* between two looks for bids on watched auctions */
    /* [webhooks] */
    bool webhook_http;                       /* http: too, not only https: */
    char webhook_networks[CONFIG_TEXT_SIZE]; /* special networks that may be called; see common/base/address.h */
    char webhook_ca_file[CONFIG_TEXT_SIZE];  /* authorities that endpoints are believed by; "none": the system's */
    int webhook_calls_max;                   /* under way or waiting, per worker */
    int webhook_endpoint_calls_max;          /* of them under way to one endpoint */
    int webhooks_max;                        /* endpoints of one user, and of the deployment */
    int webhook_connect_timeout_ms;          /* resolving the name included */
    int webhook_timeout_ms;                  /* for one call, all of it */
    int webhook_response_max_bytes;          /* headers and body; more is a failure */
    int webhook_off_after_s;                 /* failing for so long switches an endpoint off */
};

/* Every setting at its default. */
void config_defaults(struct config *config);
/* Reads one INI file over what is there. On false a sentence with file and line is in `why`. */
MUST_CHECK bool config_read(struct config *config, const char *path, char *reason, size_t reason_size);
/* ROSTRUM_CONF, the ROSTRUM_*_URL variables, the keys of S3, and the mail server's password. */
MUST_CHECK bool config_read_environment(struct config *config, char *reason, size_t reason_size);
/* What no single setting can know: fence_grace_ms > confirm_deadline_ms + 2 * clock_skew_max_ms, and the like. */
MUST_CHECK bool config_check(const struct config *config, char *reason, size_t reason_size);
/* Calls `each` for every setting with its default as text; for the test of conf/rostrum.ini and for --help. */
void config_each(void (*each)(const char *section, const char *name, const char *value, void *arg), void *arg);

#endif
