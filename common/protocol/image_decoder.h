/*
 * The protocol between the gateway and rostrum-image-decoder. Each uploaded image is decoded in a process of its own,
 * so a decoder that crashes, loops or exhausts its memory affects only that image.
 *
 * The gateway writes a struct image_request to the decoder's stdin, then the uploaded file up to end of file. The
 * decoder's answer on stdout ends with a struct image_end. If its code is IMAGE_MADE, a struct image_head stands before
 * it, and the announced files, one after the other. Each file is a WebP without metadata. Both programs run on one
 * machine, so the structs are written as their bytes in memory.
 *
 * stdin and stdout are one socket. Either the gateway starts the decoder with it, or systemd does for each connection
 * to the socket of rostrum-image-decoder.socket.
 */
#ifndef ROSTRUM_COMMON_PROTOCOL_IMAGE_DECODER_H
#define ROSTRUM_COMMON_PROTOCOL_IMAGE_DECODER_H

#include "common/base/base.h"

#define IMAGE_PROGRAM "rostrum-image-decoder"

/* Also the decoder's exit code. */
enum image_code {
    IMAGE_MADE = 0,
    IMAGE_USAGE = 2,          /* wrong arguments, as in every program of the deployment, or a wrong request */
    IMAGE_UNKNOWN = 10,       /* neither JPEG nor PNG nor WebP */
    IMAGE_BROKEN = 11,        /* one of these formats, but it cannot be decoded */
    IMAGE_TOO_LARGE = 12,     /* more pixels than allowed */
    IMAGE_NO_LIBRARY = 13,    /* libvips cannot be loaded: an error of the installation */
    IMAGE_UNWRITTEN = 14,     /* the gateway has closed the socket */
    IMAGE_KILLED = 15,        /* a signal ended the decoding: a limit, a crash, or a forbidden system call */
    IMAGE_NO_NAMESPACES = 16, /* the kernel, or a filter of system calls, forbids namespaces */
    IMAGE_NO_ROOT = 17,       /* ... forbids an empty root folder */
    IMAGE_NO_FILTER = 18      /* ... forbids a filter of system calls */
};

/* What confines the decoding; the setting image_sandbox. */
enum image_sandbox {
    IMAGE_SANDBOX_OFF,     /* limits of resources only */
    IMAGE_SANDBOX_SECCOMP, /* also an allow-list of system calls */
    IMAGE_SANDBOX_FULL     /* also namespaces of its own, and an empty root folder */
};

/* "full", "seccomp", "off"; false: another text. */
MUST_CHECK bool image_sandbox_parse(const char *text, enum image_sandbox *out);
/* What is not possible, if that is what a code says; else NULL. GET /ready shows it. */
const char *image_sandbox_problem(int code);

enum image_size { IMAGE_FULL, IMAGE_1600, IMAGE_640, IMAGE_160, IMAGE_SIZES };

enum {
    IMAGE_MAGIC = 0x52505631,          /* "RPV1" */
    IMAGE_FULL_EDGE = 2560,            /* pixels of the longer side; a larger image is reduced to it */
    IMAGE_FILE_MAX_BYTES = 16 << 20,   /* of one output file; 2560 x 2560 of noise stay below */
    IMAGE_UPLOAD_MAX_BYTES = 64 << 20, /* upper limit, regardless of the settings */
};

struct image_request {
    uint32_t magic;
    uint32_t sandbox; /* enum image_sandbox */
    uint32_t pixels_max;
    uint32_t memory_mib; /* of the process's address space */
    uint32_t time_s;     /* CPU time */
};

struct image_end {
    uint32_t magic;
    uint32_t code; /* enum image_code */
};

struct image_head {
    uint32_t magic;
    uint32_t lengths[IMAGE_SIZES]; /* length of each file in bytes */
};

/*
 * The format by a file's first bytes; its name and declared type are ignored. IMAGE_NONE if fewer than
 * IMAGE_SNIFF_BYTES.
 */
enum image_kind { IMAGE_NONE, IMAGE_JPEG, IMAGE_PNG, IMAGE_WEBP };
enum { IMAGE_SNIFF_BYTES = 12 };
enum image_kind image_kind(const void *bytes, size_t length);
/* The media type: "image/jpeg" and so on; for IMAGE_NONE "application/octet-stream". */
const char *image_kind_type(enum image_kind kind);

#endif
