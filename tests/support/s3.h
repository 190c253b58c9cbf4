/*
 * A strict S3 server for tests of an image store. It recomputes the AWS Signature Version 4 of each request and the
 * hash of its body, checks the headers that S3 requires, and answers 403 to a difference. It is a process on loopback,
 * keeps objects in memory, and is killed with the test.
 *
 * tests/contract/s3_test.c checks s3_signature with the examples of AWS's documents.
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

/* Computes the hex signature of the request; "" if a signed header is missing. */
void s3_signature(const struct s3_request *request, char out[static S3_SIGNATURE_SIZE]);

/* Starts the server and sets `*port`. Fails the test if it cannot. */
pid_t s3_start(int *port);
/* Kills it. */
void s3_end(pid_t pid);

#endif
