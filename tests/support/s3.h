/*
 * A small S3 server that takes nothing on trust, for tests of a store: it recomputes the AWS Signature Version 4 of
 * each request and the hash of its body, insists on what S3 insists on, and answers 403 to whatever differs. It runs as
 * a process of its own, on loopback, keeps what it is given in memory, and dies with the test.
 *
 * Its own judge is what AWS has published: s3_signature makes the signatures of the examples in AWS's documents.
 */
#ifndef ROSTRUM_TESTS_SUPPORT_S3_H
#define ROSTRUM_TESTS_SUPPORT_S3_H

#include <sys/types.h>

#include "common/base/base.h"

#define S3_ACCESS_KEY "AKIAIOSFODNN7EXAMPLE"
#define S3_SECRET_KEY "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define S3_REGION     "eu-test-1"
#define S3_BUCKET     "pictures"

enum { S3_SIGNATURE_SIZE = 65, S3_HEADERS_MAX = 32 };

struct s3_header {
    char *name; /* lower case */
    char *value;
};

struct s3_request {
    const char *method;
    const char *path; /* as sent, percent-encoded */
    struct s3_header headers[S3_HEADERS_MAX];
    size_t header_count;
    const char *signed_headers; /* "host;x-amz-date" */
    const char *content_hash;   /* hex */
    const char *date;           /* 20130524T000000Z */
    const char *region;
    const char *secret_key;
};

/* Hex of the signature that the request must carry; "" if a header that should be signed is not there. */
void s3_signature(const struct s3_request *request, char out[static S3_SIGNATURE_SIZE]);

/* Starts the server; its port in `*port`. Fails the test if it cannot. */
pid_t s3_start(int *port);
/* Ends it, by SIGKILL. */
void s3_end(pid_t pid);

#endif
