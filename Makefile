# Rostrum: every task a person needs. `make help` lists them.
#
# Variables a person may set: BUILD (folder of what is built, default build), SANITIZE (address, undefined),
# ROSTRUM_VAR, ROSTRUM_HTTP_PORT, ROSTRUM_CONF, ROSTRUM_DEMO, ROSTRUM_EBAY, ROSTRUM_PEER (see README.md).

SHELL   := /bin/sh
BUILD   ?= build
CC      := gcc
VERSION := 0.1.0

PACKAGES := libevent libevent_pthreads hiredis libpq yajl librabbitmq libsodium inih libsystemd
# pkg-config is only asked when something is compiled: `make deps` must work before it is installed.
PKG_CFLAGS = $(shell pkg-config --cflags $(PACKAGES))
PKG_LIBS   = $(shell pkg-config --libs $(PACKAGES)) -lpthread -lm

WARNINGS := -Wall -Wextra -Wpedantic -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
            -Wpointer-arith -Wcast-qual -Wwrite-strings -Wformat=2 -Wundef -Wvla -Wimplicit-fallthrough -Wnull-dereference \
            -Wunused-result -Wdouble-promotion -Wduplicated-cond -Wlogical-op
HARDEN   := -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE
LDHARDEN := -pie -Wl,-z,relro,-z,now,-z,noexecstack
ifeq ($(SANITIZE),)
OPT      := -O2 -g -D_FORTIFY_SOURCE=2
else
OPT      := -O1 -g -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
LDSAN    := -fsanitize=$(SANITIZE)
endif
CPPFLAGS_ALL = -I. -D_GNU_SOURCE -DROSTRUM_VERSION='"$(VERSION)"' $(CPPFLAGS)
CFLAGS_ALL   = -std=c11 $(OPT) $(WARNINGS) $(HARDEN) $(CFLAGS)
LDFLAGS_ALL  = $(LDHARDEN) $(LDSAN) $(LDFLAGS)

OBJ := $(BUILD)/obj
BIN := $(BUILD)/bin
objects = $(patsubst %.c,$(OBJ)/%.o,$(wildcard $(1)/*.c))

COMMON   := $(call objects,common)
PROGRAMS := $(BIN)/rostrum-gateway $(BIN)/rostrum-bidworker $(BIN)/rostrum-endworker $(BIN)/rostrum-notifyworker $(BIN)/rostrumctl

.PHONY: all help
all: $(PROGRAMS)

$(OBJ)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(PKG_CFLAGS) -MMD -MP -c $< -o $@

$(BIN)/rostrum-gateway: $(call objects,gateway) $(COMMON)
$(BIN)/rostrum-bidworker: $(call objects,bidworker) $(COMMON)
$(BIN)/rostrum-endworker: $(call objects,endworker) $(COMMON)
$(BIN)/rostrum-notifyworker: $(call objects,notifyworker) $(COMMON)
# verify replays the ledger through the very rules the bid worker decides by.
$(BIN)/rostrumctl: $(call objects,deploy/ctl) $(OBJ)/bidworker/rules.o $(COMMON)
$(PROGRAMS):
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) $^ -o $@ $(PKG_LIBS)

-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)
