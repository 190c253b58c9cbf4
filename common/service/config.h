/*
 * The settings of every program, in one table: section, name, type, default, bounds. Sources, later ones override: the
 * defaults, the INI files of --config, the file named by ROSTRUM_CONF, and variables such as ROSTRUM_PG_URL,
 * ROSTRUM_REDIS_URL and ROSTRUM_AMQP_URL. An unknown section or name, or a value out of bounds, is an error with file
 * and line. conf/rostrum.ini documents each setting; a unit test compares it with the table.
 *
 * Names end with the unit. 0 disables a limit where the comment says so.
 */
#ifndef ROSTRUM_COMMON_SERVICE_CONFIG_H
#define ROSTRUM_COMMON_SERVICE_CONFIG_H

#include <stdio.h>

#include "common/base/base.h"
#include "common/base/log.h"
#include "common/protocol/logins.h"

enum {
    CONFIG_TEXT_SIZE = 512,
    CONFIG_UNSENT_LEAST_BYTES = 262144, /* of one address: a piece of a file (gateway/http/file_reply.h) */
};

struct config {
    struct config_shared {
        bool postgres;
        bool redis;
        bool rabbitmq;
    } shared; /* set by config_choose: the program has no login of its own there */
    /* [log] */
    char log_level[16];
    /* [metrics] */
    char metrics_address[64];
    int metrics_port;    /* 0: off. ROSTRUM_METRICS_PORT overrides it: each program needs its own */
    bool metrics_public; /* GET /metrics on the gateway's public listener too */
    /* [postgres] */
    char pg_url[CONFIG_TEXT_SIZE]; /* this program's, after config_choose */
    char pg_urls[LOGIN_COUNT][CONFIG_TEXT_SIZE];
    int pg_connections;        /* of one gateway worker */
    int pg_search_connections; /* of one gateway worker, for searches alone */
    int lease_s;       /* a worker that PostgreSQL does not hear from for this long has lost its shards, or its lead */
    int pg_timeout_ms; /* for one statement, connecting included */
    /* [redis] */
    char redis_url[CONFIG_TEXT_SIZE]; /* likewise */
    char redis_urls[LOGIN_COUNT][CONFIG_TEXT_SIZE];
    int redis_timeout_ms;
    /* [rabbitmq] */
    char amqp_url[CONFIG_TEXT_SIZE]; /* likewise */
    char amqp_urls[LOGIN_COUNT][CONFIG_TEXT_SIZE];
    int amqp_heartbeat_s;
    int shards;                   /* bid queues of a new deployment; 0: by the processors; fixed once migrated */
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
    int first_byte_timeout_ms;   /* from the accept to the first byte */
    int idle_timeout_s;          /* of a kept-alive connection */
    int request_deadline_ms;     /* of the gateway: then 503 */
    int drain_deadline_ms;
    int share_max_bids;            /* bids of one shard in one message */
    int publish_pending_max_bids;  /* per worker, waiting or unconfirmed; then 503 */
    int publish_pending_max_joins; /* the same, of commands to flash sales */
    int hash_threads;              /* Argon2id, per worker */
    int hash_queue_max;            /* waiting jobs, then 503 */
    int clock_skew_max_ms;
    int undecided_max_s;                    /* bids of a shard whose oldest one waits longer are 503; 0: never */
    char cors_origins[CONFIG_TEXT_SIZE];    /* separated by blanks; "none" */
    char trusted_proxies[CONFIG_TEXT_SIZE]; /* networks whose X-Forwarded-For is used; see common/base/address.h */
    char web_root[CONFIG_TEXT_SIZE];        /* folder of the built pages; "none". Mails then link to pages */
    /* [auth] */
    int argon2_ops;
    int argon2_memory_kib;
    int session_s;
    int access_token_s;
    int credentials_age_s;
    /* [limits], 0 = off */
    int bids_per_minute;
    int joins_per_minute;
    int orders_per_minute;
    int bids_per_auction_minute;
    int auctions_per_hour;
    int searches_per_minute;
    int logins_per_minute;
    int registrations_per_hour;
    int logins_account_per_minute; /* by addresses that never logged in to the account */
    int images_per_hour;
    int mails_per_hour;                   /* to one account, of one kind */
    int resets_per_hour;                  /* requested from one address */
    int webhook_calls_per_hour;           /* tests and redeliveries that a user requests */
    int callbacks_per_minute;             /* of payments, from one address */
    char limits_exempt[CONFIG_TEXT_SIZE]; /* networks whose clients are not counted; "none" */
    int address_connections_percent;      /* of connections_max, for one client address */
    int address_live_percent;             /* of live_connections_max */
    int address_uploads_percent;          /* of image_uploads_max */
    int address_unsent_percent;           /* of image_unsent_max_bytes */
    int user_requests_max;                /* in flight, per worker */
    int user_live_max;                    /* per worker */
    int refusals_per_minute;              /* of an address and of a user, per worker; then 429 */
    /* [images] */
    char store[8]; /* file, s3 */
    char image_folder[CONFIG_TEXT_SIZE];
    char s3_endpoint[CONFIG_TEXT_SIZE];
    char s3_region[CONFIG_TEXT_SIZE];
    char s3_bucket[CONFIG_TEXT_SIZE];
    char s3_access_key[CONFIG_TEXT_SIZE];
    char s3_secret_key[CONFIG_TEXT_SIZE];
    char image_sandbox[16];            /* full, seccomp, off: enum image_sandbox */
    char image_decoder_socket[108];    /* of systemd, which starts the decoder; "none": the gateway starts it */
    int image_store_timeout_ms;        /* for one request to S3 */
    int images_max;                    /* of one auction */
    int image_max_bytes;               /* of one upload */
    int image_max_pixels;              /* of one upload, from its header, before it is decoded */
    int image_memory_mib;              /* of the process that decodes it */
    int image_timeout_s;               /* to decode and encode it: CPU time, and wall-clock time */
    int image_uploads_max;             /* being received or processed, per worker; then 503 */
    int image_receive_timeout_ms;      /* from the permission for an upload to its last byte */
    int image_receive_min_bytes_per_s; /* of an upload on average, after 5 s; a slower one is ended */
    int image_threads;                 /* uploads being decoded, per worker */
    int image_read_threads;            /* images being read from the store, per worker */
    int image_unsent_max_bytes;        /* of images that are being sent, per worker; then 503 */
    int image_send_min_bytes_per_s;    /* a slower client is disconnected */
    int image_read_queue_max;          /* reads waiting, per worker; then 503 */
    int image_sweep_s;                 /* between sweeps for unreferenced files */
    /* [live], of one gateway worker */
    int live_connections_max;   /* WebSockets and event streams */
    int live_subscriptions_max; /* auctions of one WebSocket */
    int live_message_max_bytes; /* from a client; then 1009 */
    int live_messages_max;      /* from one client in live_messages_window_s, pings included; then 1008 */
    int live_messages_window_s;
    int live_buffer_bytes;        /* queued for one client beyond the kernel's buffer; then 1013 */
    int live_kernel_buffer_bytes; /* SO_SNDBUF of a live connection */
    int live_stall_s;             /* a client that reads nothing for this long; then 1013 */
    int live_ping_interval_s;     /* of silence before a ping */
    int live_idle_timeout_s;      /* without an answer to a ping */
    int live_check_ms;            /* between comparisons of watched auctions with PostgreSQL */
    int live_reconnect_ms;        /* the period over which the clients of a draining worker are asked to reconnect */
    /* [bids] */
    int retract_window_s; /* after receipt, in which a bidder may retract a bid; 0: never */
    /* [sales] */
    char payment_secret[CONFIG_TEXT_SIZE]; /* that sign callbacks, see webhook_keys_parse; "none" */
    char payment_url[CONFIG_TEXT_SIZE];    /* template, see common/protocol/payment_url.h; "none" */
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
    char public_url[CONFIG_TEXT_SIZE]; /* the start of links in mails and notifications */
    /* [accounts] */
    bool bid_unverified; /* users with an unverified address may bid */
    int verify_token_s;
    int reset_token_s;
    /* [deliveries] */
    int delivery_keep_days;
    /* [bidworker] */
    int batch_max_bids;
    int batch_interval_ms;  /* least time between the starts of two batches */
    int active_workers_max; /* workers that share the shards, while the others stand by; 0: all */
    int ownership_poll_ms;
    int outbox_sweep_ms;
    int outbox_age_ms; /* an older row was left behind by a terminated worker */
    int crash_count;   /* deliveries after which messages are processed one at a time */
    /* [endworker] */
    int fence_grace_ms;
    int fence_repeat_ms;
    int schedule_poll_ms;
    int ending_soon_s;
    int sale_starting_soon_s; /* before the start of a sale; 0: nobody is notified */
    int settle_sweep_ms;
    /* [notifyworker] */
    int notify_batch_max;   /* messages in one transaction */
    int notify_interval_ms; /* least time between the starts of two transactions */
    int watch_poll_ms;      /* between polls for bids on watched auctions */
    /* [webhooks] */
    bool webhook_http;                       /* allow http: as well as https: */
    char webhook_networks[CONFIG_TEXT_SIZE]; /* special networks that may be called; see common/base/address.h */
    char webhook_ca_file[CONFIG_TEXT_SIZE];  /* CAs that endpoints are verified with; "none": the system's */
    int webhook_calls_max;                   /* running or waiting, per worker */
    int webhook_endpoint_calls_max;          /* running to one endpoint */
    int webhooks_max;                        /* endpoints of one user, and of the deployment */
    int webhook_connect_timeout_ms;          /* including name resolution */
    int webhook_timeout_ms;                  /* for one call in total */
    int webhook_response_max_bytes;          /* headers and body; a longer answer is a failure */
    int webhook_off_after_s;                 /* an endpoint that fails for this long is switched off */
};

/* Sets every setting to its default. */
void config_defaults(struct config *config);
/* Reads one INI file over the current values. On false `reason` holds a sentence with file and line. */
MUST_CHECK bool config_read(struct config *config, const char *path, char *reason, size_t reason_size);
/*
 * Reads ROSTRUM_CONF, the ROSTRUM_*_URL variables, the S3 keys, and the password of the mail server; then the files of
 * $CREDENTIALS_DIRECTORY.
 */
MUST_CHECK bool config_read_environment(struct config *config, char *reason, size_t reason_size);
/*
 * Replaces the common URLs of the three servers by those of `login`, where they are set. Call it once, after reading
 * and before config_check. `shared` names the servers that are used with the common URL.
 */
void config_choose(struct config *config, enum login login);
/*
 * Wipes, also from the environment, the secrets that belong to other programs, and the URLs of single logins, of which
 * config_choose has copied this program's. Call it after config_check.
 */
void config_forget(struct config *config);
/* Checks rules between settings, such as fence_grace_ms > confirm_deadline_ms + 2 * clock_skew_max_ms. */
MUST_CHECK bool config_check(const struct config *config, char *reason, size_t reason_size);
/* Calls `each` for every setting with its default as text; for the test of conf/rostrum.ini and for --help. */
void config_each(void (*each)(const char *section, const char *name, const char *value, void *arg), void *arg);

/* Whether the gateway serves pages (setting web_root): links lead to them then. */
bool config_has_pages(const struct config *config);

/* Whether mail_url names a server. */
bool config_sends_mail(const struct config *config);

enum { CONFIG_LINKS_SIZE = CONFIG_TEXT_SIZE + 64 };
/* The settings of a session of PostgreSQL in which notification_link() makes whole links (schema/). */
void config_links_session(const struct config *config, char out[static CONFIG_LINKS_SIZE]);

#endif
