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

# The layers, lowest first; tests/lint/layers holds the order.
COMMON_LAYERS  := base rules io protocol service
GATEWAY_LAYERS := core http query access account bid auction search image live admin

COMMON   := $(foreach layer,$(COMMON_LAYERS),$(call objects,common/$(layer)))
GATEWAY  := $(call objects,gateway) $(foreach layer,$(GATEWAY_LAYERS),$(call objects,gateway/$(layer)))
PROGRAMS := $(BIN)/rostrum-gateway $(BIN)/rostrum-bidworker $(BIN)/rostrum-endworker $(BIN)/rostrum-notifyworker $(BIN)/rostrumctl
PROGRAMS += $(BIN)/rostrum-image-decoder # the gateway's helper

# Every .c of tests/*/ is a program of its own (a suite when it ends in _test.c), except tests/support, which all share.
SUPPORT       := $(call objects,tests/support)
TEST_PROGRAMS := $(patsubst %.c,$(BUILD)/%,$(filter-out tests/support/%,$(wildcard tests/*/*.c)))
TEST_PACKAGES := check libcurl

SOURCES := $(wildcard common/*/*.c gateway/*.c gateway/*/*.c bidworker/*.c endworker/*.c notifyworker/*.c deploy/ctl/*.c tests/*/*.c)
HEADERS := $(wildcard common/*/*.h gateway/*.h gateway/*/*.h bidworker/*.h endworker/*.h notifyworker/*.h deploy/ctl/*.h tests/*/*.h)

# Where `make install` puts things; DESTDIR is prepended to all of them.
PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
DATADIR    ?= $(PREFIX)/share/rostrum
SYSCONFDIR ?= /etc
UNITDIR    ?= $(PREFIX)/lib/systemd/system
UNITS      := $(patsubst deploy/systemd/%,%,$(wildcard deploy/systemd/*.service deploy/systemd/*.socket \
                deploy/systemd/*.target deploy/systemd/*.d/*.conf))

# The targets for people build with every core unless told otherwise: make run JOBS=1.
JOBS ?= $(shell nproc)
build_all = $(MAKE) --no-print-directory -j$(JOBS)

export BUILD

.PHONY: all test-programs help deps deps-check deps-bench deps-lint deps-docs docs run up down status clean clean-var check \
        check-unit replay bench bench-read bench-search bench-live \
        asan ubsan valgrind tidy cppcheck format format-check layers-check units-check install

all: $(PROGRAMS) ## build the programs into build/bin
test-programs: $(TEST_PROGRAMS)

$(OBJ)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(PKG_CFLAGS) -MMD -MP -c $< -o $@

# The contract is part of the gateway: from YAML to JSON to C. Debian's own python3: its modules are Debian's packages.
PYTHON := /usr/bin/python3
$(OBJ)/gateway/openapi_json.c: gateway/openapi.yaml gateway/openapi.py
	@mkdir -p $(@D)
	$(PYTHON) gateway/openapi.py $< >$@.new && mv $@.new $@
$(OBJ)/gateway/openapi_json.o: $(OBJ)/gateway/openapi_json.c
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(PKG_CFLAGS) -MMD -MP -c $< -o $@

$(BIN)/rostrum-gateway: $(GATEWAY) $(OBJ)/gateway/openapi_json.o $(COMMON)
$(BIN)/rostrum-gateway: PKG_LIBS += $(shell pkg-config --libs libcurl) -lwslay
$(BIN)/rostrum-bidworker: $(call objects,bidworker) $(COMMON)
# libvips by the name of its run-time library: its -dev package is ten times its size (gateway/image_decoder/libvips.h).
$(BIN)/rostrum-image-decoder: $(call objects,gateway/image_decoder) $(OBJ)/common/protocol/image_decoder.o
$(BIN)/rostrum-image-decoder: PKG_LIBS = -l:libvips.so.42
$(BIN)/rostrum-endworker: $(call objects,endworker) $(COMMON)
$(BIN)/rostrum-notifyworker: $(call objects,notifyworker) $(COMMON)
$(BIN)/rostrum-notifyworker: PKG_LIBS += $(shell pkg-config --libs libcurl)
$(BIN)/rostrumctl: $(call objects,deploy/ctl) $(COMMON)
$(PROGRAMS):
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) $^ -o $@ $(PKG_LIBS)

$(OBJ)/tests/%.o: PKG_CFLAGS += $(shell pkg-config --cflags $(TEST_PACKAGES))
$(TEST_PROGRAMS): $(BUILD)/%: $(OBJ)/%.o $(SUPPORT) $(COMMON)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) $^ -o $@ $(PKG_LIBS) $(shell pkg-config --libs $(TEST_PACKAGES)) -lwslay

# A pure part of one program, tested by itself.
$(BUILD)/tests/unit/bidworker_decide_test: $(addprefix $(OBJ)/bidworker/,batch.o decide.o outbox_batch.o)
$(BUILD)/tests/unit/image_test: $(addprefix $(OBJ)/gateway/,image/imagestore.o image/imagestore_file.o image/imagestore_s3.o image_decoder/webp.o)
$(BUILD)/tests/unit/sent_commands_test: $(OBJ)/endworker/sent_commands.o
$(BUILD)/tests/unit/gateway_cpu_budget_test: $(OBJ)/gateway/live/cpu_budget.o
$(BUILD)/tests/unit/gateway_refusal_test: $(OBJ)/gateway/bid/refusal.o
$(BUILD)/tests/unit/gateway_router_test: $(OBJ)/gateway/http/router.o $(OBJ)/gateway/http/errors.o
$(BUILD)/tests/unit/gateway_text_test: $(addprefix $(OBJ)/gateway/,query/cursor.o bid/idempotency.o bid/prefer.o)
$(BUILD)/tests/unit/live_text_test: $(OBJ)/gateway/live/frame.o
$(BUILD)/tests/bench/search: $(OBJ)/gateway/search/queries.o
$(BUILD)/tests/unit/mailtext_test: $(addprefix $(OBJ)/notifyworker/,mailtext.o templates.o)
$(BUILD)/tests/unit/gateway_token_test: $(addprefix $(OBJ)/gateway/,core/jws.o core/token.o)
$(BUILD)/tests/unit/endpoints_test: $(OBJ)/notifyworker/endpoints.o
$(BUILD)/tests/integration/webhook_call_test: $(addprefix $(OBJ)/notifyworker/,webhook_call.o transfers.o)

# Objects are kept: without this make would take those of the test programs for intermediate files and delete them.
.SECONDARY:

-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)

## --- the deployment ---

deps: ## install from Debian's packages what is missing to build and run
	@deploy/packages/install build run

deps-check:
	@deploy/packages/install build run check

deps-bench:
	@deploy/packages/install build run check bench

deps-lint:
	@deploy/packages/install build run check lint

# Node and npm may be here from elsewhere, and Debian's npm does not go with every one of those.
deps-docs:
	@command -v npm >/dev/null || deploy/packages/install docs

run: deps ## build, start the deployment, show its log; Ctrl-C ends everything
	@echo Building.
	@$(build_all) -s all
	@exec deploy/private run

up: deps ## build and start the deployment in the background
	@echo Building.
	@$(build_all) -s all
	@deploy/private up

down: ## drain and stop the deployment; its data stays
	@deploy/private down

status: ## the deployment's programs: name, pid, port, uptime, log
	@deploy/private status || [ $$? -eq 3 ] # 3: not all of it runs, as the table says

clean: ## remove what was built
	rm -rf $(BUILD)

clean-var: ## stop the deployment and wipe its data
	@deploy/private clean

## --- tests ---

# The reference implementation of what signs webhooks, for their test: it verifies what the deployment sent.
WEBHOOKS := 1.1.1
WEBHOOKS_FOLDER := $(BUILD)/standardwebhooks
$(WEBHOOKS_FOLDER)/$(WEBHOOKS): | deps-docs
	@echo Fetching the reference library of Standard Webhooks from npm.
	@rm -rf $(WEBHOOKS_FOLDER) && mkdir -p $(WEBHOOKS_FOLDER)
	@npm install --silent --no-audit --no-fund --ignore-scripts --prefix $(WEBHOOKS_FOLDER) standardwebhooks@$(WEBHOOKS)
	@touch $@

check: deps-check $(WEBHOOKS_FOLDER)/$(WEBHOOKS) ## build and run every test against servers of its own
	@echo Building.
	@$(build_all) -s all test-programs
	@tests/run

check-unit: deps-check ## the unit tests alone: no servers, seconds
	@echo Building.
	@$(build_all) -s test-programs
	@tests/run unit

replay: deps-check ## 423 recorded eBay auctions through a deployment of its own
	@echo Building.
	@$(build_all) -s all test-programs
	@tests/replay/run

bench: deps-bench ## bids per second, beside the peer in ROSTRUM_PEER
	@echo Building.
	@$(build_all) -s all test-programs
	@tests/bench/run

bench-search: deps-bench ## searches among 1,000,000 auctions: plans, and milliseconds by kind of query
	@echo Building.
	@$(build_all) -s all test-programs
	@tests/bench/search-run

bench-read: deps-bench ## reads per second, beside a bare evhttp, and bids beside reads
	@echo Building.
	@$(build_all) -s all test-programs
	@tests/bench/read

bench-live: deps-check ## 100, 1,000 and 10,000 watchers of one auction: how fast they hear of a bid, what they cost
	@echo Building.
	@$(build_all) -s all test-programs
	@tests/bench/live-run

# A report is never taken for the exit code that a test expects of a program: those end below 99.
asan: deps-check ## unit, integration and contract tests under AddressSanitizer, and a storm
	@echo Building.
	@$(build_all) -s BUILD=build/asan SANITIZE=address all test-programs
	@BUILD=build/asan tests/soak
	@BUILD=build/asan ASAN_OPTIONS="exitcode=99:$$ASAN_OPTIONS" tests/run unit integration contract

ubsan: deps-check ## the same under UndefinedBehaviorSanitizer
	@echo Building.
	@$(build_all) -s BUILD=build/ubsan SANITIZE=undefined all test-programs
	@BUILD=build/ubsan tests/soak
	@BUILD=build/ubsan UBSAN_OPTIONS="exitcode=99:$$UBSAN_OPTIONS" tests/run unit integration contract

# Unforked, so that valgrind sees the tests themselves; with a longer limit, because it is slow.
valgrind: deps-check deps-lint ## the unit tests under valgrind, and a gateway through connect, storm and disconnect
	@echo Building.
	@$(build_all) -s all test-programs
	@for t in $(BUILD)/tests/unit/*_test; do echo "valgrind $$t"; CK_FORK=no CK_TIMEOUT_MULTIPLIER=50 \
	    valgrind -q --leak-check=full --error-exitcode=99 $$t || exit 1; done
	@tests/soak valgrind

## --- how the code is kept ---

TIDIED := $(patsubst %.c,$(BUILD)/tidy/%.ok,$(SOURCES))
$(BUILD)/tidy/%.ok: %.c $(HEADERS) .clang-tidy
	@mkdir -p $(@D)
	@echo clang-tidy $<
	@clang-tidy --quiet $< -- -std=c11 $(CPPFLAGS_ALL) $(PKG_CFLAGS) $(shell pkg-config --cflags $(TEST_PACKAGES)) 2>$@.err || \
	    { cat $@.err; exit 1; }
	@touch $@
.PHONY: tidied
tidied: $(TIDIED)

tidy: deps-lint ## clang-tidy on what changed
	@$(build_all) tidied

# varFuncNullUB: with glibc NULL is a pointer, so it may end a list of arguments.
# internalAstError: cppcheck 2.10 cannot read a compound literal inside ?:.
cppcheck: deps-lint ## a second opinion
	cppcheck -q --std=c11 --enable=warning,performance,portability --inline-suppr --suppress=missingIncludeSystem \
	    --suppress=varFuncNullUB --suppress=internalAstError --error-exitcode=1 -j$(JOBS) -I. -D_GNU_SOURCE \
	    '-DROSTRUM_VERSION="$(VERSION)"' --include=/usr/include/$(shell gcc -print-multiarch)/sys/queue.h $(SOURCES)

format: ## lay out every source as .clang-format says
	clang-format -i $(SOURCES) $(HEADERS)

layers-check: ## no file includes a header of a layer above its own; no table lacks an entry of its enum
	@tests/lint/layers
	@tests/lint/tables

format-check: deps-lint layers-check ## fail where a source is laid out otherwise, or includes what stands above it
	clang-format --dry-run --Werror $(SOURCES) $(HEADERS)

units-check: deps-lint ## systemd-analyze verify on an installation in a scratch folder
	@echo Building.
	@$(build_all) -s all
	@deploy/systemd/verify

## --- the reference pages ---

REDOCLY  := 1.34.5
RENDERER := $(BUILD)/renderer
redocly   = REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true $(RENDERER)/node_modules/.bin/redocly

$(RENDERER)/$(REDOCLY): | deps-docs
	@echo Fetching the renderer from npm.
	@rm -rf $(RENDERER) && mkdir -p $(RENDERER)
	@npm install --silent --no-audit --no-fund --ignore-scripts --prefix $(RENDERER) @redocly/cli@$(REDOCLY)
	@touch $@

# The page and the script that it uses lie side by side: reading them needs no network.
docs: $(RENDERER)/$(REDOCLY) ## reference pages of the HTTP contract, in build/docs
	@$(redocly) lint gateway/openapi.yaml
	@$(redocly) build-docs gateway/openapi.yaml --disableGoogleFont --title Rostrum -o $(BUILD)/docs/index.html
	@install -m 644 $(RENDERER)/node_modules/redoc/bundles/redoc.standalone.js* $(BUILD)/docs
	@sed -i 's|https://[^"]*/redoc.standalone.js|redoc.standalone.js|' $(BUILD)/docs/index.html
	@! grep -o 'src="https:[^"]*\.js"' $(BUILD)/docs/index.html
	@echo "The pages: $(BUILD)/docs/index.html"

## --- installation ---

install: all ## into DESTDIR, under PREFIX; settings in /etc/rostrum are not overwritten
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(DATADIR)/schema $(DESTDIR)$(SYSCONFDIR)/rostrum $(DESTDIR)$(UNITDIR)
	install -m 755 $(PROGRAMS) $(DESTDIR)$(BINDIR)
	install -m 644 schema/*.sql $(DESTDIR)$(DATADIR)/schema
	install -d $(DESTDIR)$(DATADIR)/templates
	install -m 644 conf/templates/* $(DESTDIR)$(DATADIR)/templates
	install -m 644 conf/rostrum.ini README.md gateway/openapi.yaml $(DESTDIR)$(DATADIR)
	test -e $(DESTDIR)$(SYSCONFDIR)/rostrum/rostrum.ini || \
	    sed 's|^template_folder = .*|template_folder = $(DATADIR)/templates|' conf/rostrum.ini \
	        > $(DESTDIR)$(SYSCONFDIR)/rostrum/rostrum.ini
	install -d $(DESTDIR)$(UNITDIR)/rostrum-.service.d $(DESTDIR)$(PREFIX)/lib/sysusers.d
	install -m 644 deploy/systemd/rostrum.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/rostrum.conf
	for unit in $(UNITS); do \
	    sed 's|@BINDIR@|$(BINDIR)|g; s|@DATADIR@|$(DATADIR)|g; s|@CONFDIR@|$(SYSCONFDIR)/rostrum|g' deploy/systemd/$$unit \
	        > $(DESTDIR)$(UNITDIR)/$$unit || exit 1; done

help: ## this list
	@sed -n 's/^\([a-z][a-z-]*\):[^#]*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | while IFS="$$(printf '\t')" read -r name what; do \
	    printf '  make %-14s %s\n' "$$name" "$$what"; done
