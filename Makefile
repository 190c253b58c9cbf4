# Makefile of Rostrum. `make help` lists the tasks.
#
# Variables: BUILD (build folder, default build), SANITIZE (address, undefined, thread), JOBS (default: processors).
# FILES and SAMPLE (make mutate), MINUTES and TARGET (make fuzz), COVERAGE_KINDS (make coverage).
# Environment: ROSTRUM_VAR, ROSTRUM_HTTP_PORT, ROSTRUM_CONF, ROSTRUM_DEMO, ROSTRUM_WEB, ROSTRUM_EBAY, ROSTRUM_PEER (see README.md).

SHELL   := /bin/sh
BUILD   ?= build
CC      := gcc
VERSION := 0.1.0

PACKAGES := libevent libevent_pthreads hiredis libpq yajl librabbitmq libsodium inih libsystemd
# Expanded only when something is compiled: `make deps` must work before pkg-config is installed.
PKG_CFLAGS = $(shell pkg-config --cflags $(PACKAGES))
PKG_LIBS   = $(shell pkg-config --libs $(PACKAGES)) -lpthread -lm

WARNINGS := -Wall -Wextra -Wpedantic -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition \
            -Wpointer-arith -Wcast-qual -Wwrite-strings -Wformat=2 -Wundef -Wvla -Wimplicit-fallthrough -Wnull-dereference \
            -Wunused-result -Wdouble-promotion -Wduplicated-cond -Wlogical-op
HARDEN   := -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE
LDHARDEN := -pie -Wl,-z,relro,-z,now,-z,noexecstack
ifneq ($(COVERAGE),)
OPT      := -O0 -g --coverage -fprofile-update=atomic
LDSAN    := --coverage
else ifeq ($(SANITIZE),)
OPT      := -O2 -g -D_FORTIFY_SOURCE=2
else
OPT      := -O1 -g -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
LDSAN    := -fsanitize=$(SANITIZE)
endif
ifneq ($(FUZZER),) # gcc has no libFuzzer; clang does not know all warnings of gcc
CC       := clang-14
WARNINGS :=
OPT      += -fsanitize=fuzzer-no-link
LDSAN    += -fsanitize=fuzzer
endif
CPPFLAGS_ALL = -I. -D_GNU_SOURCE -DROSTRUM_VERSION='"$(VERSION)"' $(CPPFLAGS)
CFLAGS_ALL   = -std=c11 $(OPT) $(WARNINGS) $(HARDEN) $(CFLAGS)
LDFLAGS_ALL  = $(LDHARDEN) $(LDSAN) $(LDFLAGS)

OBJ := $(BUILD)/obj
BIN := $(BUILD)/bin
objects = $(patsubst %.c,$(OBJ)/%.o,$(wildcard $(1)/*.c))

# The layers, lowest first; tests/lint/layers holds the order.
COMMON_LAYERS  := base rules io protocol service
GATEWAY_LAYERS := core http query access account submit bid auction search image sale live admin web

COMMON   := $(foreach layer,$(COMMON_LAYERS),$(call objects,common/$(layer)))
WORKER   := $(call objects,common/worker) # above them: what bidworker and saleworker share
GATEWAY  := $(call objects,gateway) $(foreach layer,$(GATEWAY_LAYERS),$(call objects,gateway/$(layer)))
PROGRAMS := $(BIN)/rostrum-gateway $(BIN)/rostrum-bidworker $(BIN)/rostrum-saleworker $(BIN)/rostrum-endworker $(BIN)/rostrum-notifyworker $(BIN)/rostrumctl
PROGRAMS += $(BIN)/rostrum-image-decoder # helper program of the gateway

# Every .c file of tests/*/ is a program, a test suite if its name ends in _test.c. All link tests/support.
SUPPORT       := $(call objects,tests/support)
TEST_PROGRAMS := $(patsubst %.c,$(BUILD)/%,$(filter-out tests/support/% tests/fuzz/% tests/bench/guard.c,$(wildcard tests/*/*.c)))
# Needs valgrind, so it is built only for `make bench-guard`.
GUARD         := $(BUILD)/tests/bench/guard
# Every .c file of tests/fuzz is a fuzz target. The program replays its corpus; with FUZZER=1 it is driven by libFuzzer.
FUZZ_PROGRAMS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/*.c))
TEST_PACKAGES := check libcurl
# A library that tests preload into a program, which then has a wrong clock (tests/support/wrong_clock.h).
WRONG_CLOCK   := $(BUILD)/tests/support/wrong-clock.so
ifeq ($(SANITIZE),thread) # ThreadSanitizer's suppressions are linked into every program
COMMON += $(OBJ)/tests/support/tsan.o
endif

SOURCES := $(wildcard common/*/*.c gateway/*.c gateway/*/*.c bidworker/*.c saleworker/*.c endworker/*.c notifyworker/*.c deploy/ctl/*.c tests/*/*.c tests/*/*/*.c)
HEADERS := $(wildcard common/*/*.h gateway/*.h gateway/*/*.h bidworker/*.h saleworker/*.h endworker/*.h notifyworker/*.h deploy/ctl/*.h tests/*/*.h tests/*/*/*.h)

# Folders of `make install`; DESTDIR is prepended to all of them.
PREFIX     ?= /usr/local
BINDIR     ?= $(PREFIX)/bin
DATADIR    ?= $(PREFIX)/share/rostrum
SYSCONFDIR ?= /etc
UNITDIR    ?= $(PREFIX)/lib/systemd/system
UNITS      := $(patsubst deploy/systemd/%,%,$(wildcard deploy/systemd/*.service deploy/systemd/*.socket \
                deploy/systemd/*.target deploy/systemd/*.d/*.conf))

# Tasks build with all processors by default. `make run JOBS=1` uses one.
JOBS ?= $(shell nproc)
build_all = $(MAKE) --no-print-directory -j$(JOBS)

export BUILD

.PHONY: all test-programs help deps deps-check deps-cluster deps-bench deps-lint deps-fuzz deps-coverage deps-docs deps-types deps-web deps-webhooks docs run up web web-lint down status cluster clean clean-var check \
        check-long check-security check-unit mutate chaos chaos-cluster replay replay-sale bench bench-guard bench-sale bench-against bench-read bench-scale bench-search bench-live bench-web \
        asan ubsan tsan fuzz coverage valgrind lint tidy cppcheck shellcheck python-check format format-check layers-check words-check \
        units-check compile_commands.json install

all: $(PROGRAMS) ## build the programs in build/bin
test-programs: $(TEST_PROGRAMS) $(FUZZ_PROGRAMS) $(WRONG_CLOCK)

$(OBJ)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(PKG_CFLAGS) -MMD -MP -c $< -o $@

# The gateway contains the OpenAPI and the AsyncAPI document, converted from YAML to JSON to C. The latter copies schemas
# of the former. Debian's python3 has the modules that Debian's packages install.
PYTHON := /usr/bin/python3
DOCUMENTS := $(OBJ)/gateway/openapi_json.o $(OBJ)/gateway/asyncapi_json.o
$(DOCUMENTS:.o=.c): $(OBJ)/gateway/%_json.c: gateway/%.yaml gateway/openapi.yaml gateway/openapi.py
	@mkdir -p $(@D)
	$(PYTHON) gateway/openapi.py $* $< >$@.new && mv $@.new $@
$(DOCUMENTS): %.o: %.c
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(PKG_CFLAGS) -MMD -MP -c $< -o $@

$(BIN)/rostrum-gateway: $(GATEWAY) $(DOCUMENTS) $(COMMON)
$(BIN)/rostrum-gateway: PKG_LIBS += $(shell pkg-config --libs libcurl) -lwslay
$(BIN)/rostrum-bidworker: $(call objects,bidworker) $(WORKER) $(COMMON)
$(BIN)/rostrum-saleworker: $(call objects,saleworker) $(WORKER) $(COMMON)
# libvips is linked by the name of its run-time library: the -dev package is ten times larger, see
# gateway/image_decoder/libvips.h.
$(BIN)/rostrum-image-decoder: $(call objects,gateway/image_decoder) $(OBJ)/common/protocol/image_decoder.o
$(BIN)/rostrum-image-decoder: PKG_LIBS = -l:libvips.so.42 -lseccomp
$(BIN)/rostrum-endworker: $(call objects,endworker) $(COMMON)
$(BIN)/rostrum-notifyworker: $(call objects,notifyworker) $(COMMON)
$(BIN)/rostrum-notifyworker: PKG_LIBS += $(shell pkg-config --libs libcurl)
$(BIN)/rostrumctl: $(call objects,deploy/ctl) $(COMMON)
ifeq ($(SANITIZE),thread)
# The image decoder starts no threads itself, and ThreadSanitizer does not see the locks of its libraries.
PLAIN := $(BIN)/rostrum-image-decoder
$(PLAIN):
	@$(MAKE) --no-print-directory -s SANITIZE= BUILD=$(BUILD)/plain $(BUILD)/plain/bin/rostrum-image-decoder
	@mkdir -p $(@D) && cp $(BUILD)/plain/bin/rostrum-image-decoder $@
endif
$(filter-out $(PLAIN),$(PROGRAMS)):
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) $^ -o $@ $(PKG_LIBS)

$(OBJ)/tests/%.o: PKG_CFLAGS += $(shell pkg-config --cflags $(TEST_PACKAGES))
$(TEST_PROGRAMS) $(GUARD): $(BUILD)/%: $(OBJ)/%.o $(SUPPORT) $(COMMON)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) $^ -o $@ $(PKG_LIBS) $(shell pkg-config --libs $(TEST_PACKAGES)) -lwslay

$(WRONG_CLOCK): tests/support/preload/wrong_clock.c tests/support/wrong_clock.h
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) -std=c11 -O2 -g $(WARNINGS) -fPIC -shared $< -o $@

# Unit tests link the pure objects that they test.
$(BUILD)/tests/unit/bidworker_decide_test $(BUILD)/tests/unit/bidworker_rows_test: $(addprefix $(OBJ)/,bidworker/batch.o bidworker/batch_events.o bidworker/decide.o bidworker/family.o common/worker/outbox_batch.o common/worker/work.o)
$(BUILD)/tests/unit/bidworker_chain_test: $(addprefix $(OBJ)/,bidworker/batch.o bidworker/ledger_chain.o common/worker/work.o)
$(BUILD)/tests/unit/bidworker_batch_test: $(addprefix $(OBJ)/,bidworker/batch.o bidworker/batch_events.o bidworker/family.o common/worker/outbox_batch.o common/worker/work.o)
$(BUILD)/tests/unit/locked_rows_test: $(OBJ)/common/worker/locked_rows.o
$(BUILD)/tests/unit/bidworker_read_test: $(addprefix $(OBJ)/,bidworker/batch.o bidworker/ledger_write.o bidworker/statements.o common/worker/row_arrays.o common/worker/work.o)
$(BUILD)/tests/unit/bidworker_live_updates_test: $(addprefix $(OBJ)/,bidworker/batch.o bidworker/live_updates.o common/worker/work.o)
$(BUILD)/tests/unit/no_memory_test: $(addprefix $(OBJ)/,bidworker/batch.o bidworker/batch_events.o bidworker/family.o common/worker/locked_rows.o common/worker/outbox_batch.o common/worker/work.o endworker/sent_commands.o notifyworker/endpoints.o)
$(BUILD)/tests/unit/image_test: $(addprefix $(OBJ)/gateway/,image/imagestore.o image/imagestore_file.o image/imagestore_s3.o image_decoder/webp.o)
$(BUILD)/tests/unit/sent_commands_test: $(OBJ)/endworker/sent_commands.o
$(BUILD)/tests/integration/endworker_sales_test: $(OBJ)/endworker/statements.o
$(BUILD)/tests/unit/gateway_cpu_budget_test: $(OBJ)/gateway/live/cpu_budget.o
$(BUILD)/tests/unit/hashpool_test: $(addprefix $(OBJ)/gateway/,account/hashpool.o core/workpool.o)
$(BUILD)/tests/unit/client_counts_test: $(OBJ)/gateway/core/client_counts.o
$(BUILD)/tests/unit/gateway_refusal_test: $(OBJ)/gateway/bid/refusal.o
$(BUILD)/tests/unit/sale_refusal_test: $(OBJ)/gateway/sale/sale_refusal.o
$(BUILD)/tests/unit/sale_view_test: $(OBJ)/gateway/sale/sale_view.o
$(BUILD)/tests/unit/gateway_backlog_test: $(OBJ)/gateway/submit/backlog.o
$(BUILD)/tests/unit/gateway_router_test: $(addprefix $(OBJ)/gateway/http/,answer_headers.o errors.o router.o sentence.o)
$(BUILD)/tests/unit/sentence_test: $(addprefix $(OBJ)/gateway/http/,answer_headers.o errors.o field_errors.o sentence.o)
$(BUILD)/tests/unit/gateway_scanner_test: $(OBJ)/gateway/http/scanner.o
$(BUILD)/tests/unit/gateway_forwarded_test: $(OBJ)/gateway/http/forwarded.o
$(BUILD)/tests/unit/gateway_idempotency_test: $(OBJ)/gateway/access/idempotency.o
$(BUILD)/tests/unit/gateway_text_test: $(addprefix $(OBJ)/gateway/,query/cursor.o submit/prefer.o)
# The family of bids, with the statement that finds a decision.
BID_FAMILY := $(addprefix $(OBJ)/gateway/,bid/bid_family.o bid/ledger.o query/cache.o query/cursor.o query/page.o query/statements.o submit/family.o core/clients.o core/client_counts.o) $(call objects,gateway/http)
$(BUILD)/tests/unit/gateway_waiters_test: $(OBJ)/gateway/submit/waiters.o $(BID_FAMILY)
$(BUILD)/tests/unit/live_text_test: $(OBJ)/gateway/live/frame.o
$(BUILD)/tests/unit/frame_reader_test: $(OBJ)/gateway/live/frame_reader.o
$(BUILD)/tests/unit/live_message_test: $(OBJ)/gateway/live/live_message.o
$(BUILD)/tests/unit/gateway_sale_line_test: $(OBJ)/gateway/live/sale_line.o
$(BUILD)/tests/unit/saleworker_user_updates_test: $(addprefix $(OBJ)/,saleworker/batch.o saleworker/outcome.o saleworker/user_updates.o common/worker/work.o)
$(BUILD)/tests/unit/saleworker_live_updates_test: $(addprefix $(OBJ)/,saleworker/batch.o saleworker/live_updates.o common/worker/work.o)
$(BUILD)/tests/bench/search: $(OBJ)/gateway/search/queries.o
$(GUARD): $(addprefix $(OBJ)/,bidworker/batch.o bidworker/batch_events.o bidworker/decide.o bidworker/family.o bidworker/ledger_chain.o bidworker/live_updates.o) \
    $(addprefix $(OBJ)/common/worker/,outbox_batch.o work.o) \
    $(addprefix $(OBJ)/gateway/,access/idempotency.o access/local_limits.o core/jws.o core/token.o http/scanner.o live/live_message.o)
$(BUILD)/tests/unit/mailtext_test: $(addprefix $(OBJ)/notifyworker/,mailtext.o templates.o)
$(BUILD)/tests/unit/mail_links_test: $(OBJ)/notifyworker/mail_links.o
$(BUILD)/tests/unit/web_negotiation_test: $(OBJ)/gateway/web/negotiation.o
$(BUILD)/tests/unit/web_page_table_test: $(addprefix $(OBJ)/gateway/web/,negotiation.o page_table.o)
$(BUILD)/tests/unit/web_page_og_test: $(OBJ)/gateway/web/page_og.o
$(BUILD)/tests/unit/gateway_known_sessions_test: $(OBJ)/gateway/access/known_sessions.o
$(BUILD)/tests/unit/gateway_local_limits_test: $(OBJ)/gateway/access/local_limits.o
$(BUILD)/tests/unit/gateway_copies_test: $(OBJ)/gateway/access/copies.o
$(BUILD)/tests/unit/gateway_token_test: $(addprefix $(OBJ)/gateway/,core/jws.o core/token.o)
$(BUILD)/tests/unit/endpoints_test: $(OBJ)/notifyworker/endpoints.o
$(BUILD)/tests/integration/webhook_call_test: $(addprefix $(OBJ)/notifyworker/,webhook_call.o transfers.o transfer_threads.o)

$(BUILD)/tests/security/sandbox_test: $(OBJ)/gateway/image_decoder/sandbox.o
$(BUILD)/tests/security/sandbox_test $(BUILD)/tests/security/image_decoder_test: PKG_LIBS += -lseccomp
$(BUILD)/tests/contract/idempotency_test: $(OBJ)/gateway/access/idempotency.o
$(addprefix $(BUILD)/tests/integration/,publisher_test rabbit_cluster_test standby_test): $(OBJ)/gateway/submit/publisher.o $(BID_FAMILY)
$(BUILD)/tests/integration/publisher_test: $(OBJ)/gateway/sale/sale_family.o
$(BUILD)/tests/integration/shard_reader_test: $(addprefix $(OBJ)/,bidworker/family.o common/worker/locked_rows.o common/worker/shard_reader.o common/worker/undecodable.o common/worker/work.o)
# The statements of the layer `sale`, which needs those below it, and of positions.
$(BUILD)/tests/integration/sale_statements_test: $(foreach layer,$(filter-out live admin web,$(GATEWAY_LAYERS)),$(call objects,gateway/$(layer))) \
    $(addprefix $(OBJ)/gateway/live/,cpu_budget.o frame.o live_metrics.o positions.o sale_line.o watch.o) $(OBJ)/saleworker/statements.o
$(BUILD)/tests/integration/sale_statements_test: PKG_LIBS += $(shell pkg-config --libs libcurl)
# A fuzz target links the objects of the gateway except its main. The main is libFuzzer's, or that of replay.c.
$(FUZZ_PROGRAMS): PKG_LIBS += $(shell pkg-config --libs libcurl) -lwslay
$(FUZZ_PROGRAMS): $(BUILD)/%: $(OBJ)/%.o $(OBJ)/tests/fuzz/support/gateway.o $(if $(FUZZER),,$(OBJ)/tests/fuzz/support/replay.o) \
    $(filter-out $(OBJ)/gateway/main.o,$(GATEWAY)) $(DOCUMENTS) $(COMMON)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) $^ -o $@ $(PKG_LIBS)

# Keeps objects: make would delete those of the test programs as intermediate files.
.SECONDARY:

-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)

## --- the deployment ---

deps: ## install the Debian packages that are needed to build and run
	@deploy/packages/install build run

deps-fuzz:
	@deploy/packages/install build fuzz

deps-coverage:
	@deploy/packages/install build run check coverage

deps-check:
	@deploy/packages/install build run check

deps-cluster:
	@deploy/packages/install build run cluster

deps-bench:
	@deploy/packages/install build run check bench

deps-lint:
	@deploy/packages/install build run check lint

# Node and npm may be installed from another source, and Debian's npm may conflict with them.
deps-docs:
	@command -v npm >/dev/null || deploy/packages/install docs

run: deps ## build, start the deployment, show its log; Ctrl-C stops it
	@echo Building.
	@$(build_all) -s all
	@$(build_all) web
	@exec deploy/private run

up: deps ## build and start the deployment in the background
	@echo Building.
	@$(build_all) -s all
	@$(build_all) web
	@deploy/private up

down: ## drain and stop the deployment; keep its data
	@deploy/private down

status: ## show the deployment's programs: name, pid, port, uptime, log
	@deploy/private status || [ $$? -eq 3 ] # 3: some do not run, as the table shows

cluster: deps-cluster ## build, start a cluster on this machine, show what changes in it; Ctrl-C stops it
	@echo Building.
	@$(build_all) -s all
	@exec deploy/cluster run

# The pages that a deployment serves, unless ROSTRUM_WEB is 0.
PAGES := build/web
PAGES_SOURCES := $(shell find web -type f -not -path '*/node_modules/*') gateway/openapi.yaml gateway/asyncapi.yaml
web: $(if $(filter 0,$(ROSTRUM_WEB)),,$(PAGES)/index.html) ## build the web pages into build/web
$(PAGES)/index.html: $(PAGES_SOURCES) | deps-docs
	@web/build $(PAGES)

clean: ## remove the build folder
	rm -rf $(BUILD)

clean-var: ## stop the deployment and delete its data
	@deploy/private clean

## --- tests ---

# What the tests of the pages and of the client library need: packages of npm, and the generated types.
deps-web: deps-docs
	@web/fetch all
	@web/with-node npm run --silent generate --workspace client

# The reference implementation of Standard Webhooks, for all build folders. tests/contract/webhooks_test.py verifies
# signatures with it, and fails without it.
WEBHOOKS := 1.1.1
WEBHOOKS_FOLDER := build/standardwebhooks
deps-webhooks: $(WEBHOOKS_FOLDER)/$(WEBHOOKS)
$(WEBHOOKS_FOLDER)/$(WEBHOOKS): | deps-docs
	@echo Fetching the reference library of Standard Webhooks from npm.
	@rm -rf $(WEBHOOKS_FOLDER) && mkdir -p $(WEBHOOKS_FOLDER)
	@npm install --silent --no-audit --no-fund --ignore-scripts --prefix $(WEBHOOKS_FOLDER) standardwebhooks@$(WEBHOOKS)
	@touch $@

# The tools that check the API's documents, for all build folders. tests/contract/openapi_test.py and live_test.c fail
# without them.
TYPES_FOLDER := build/types
deps-types: $(TYPES_FOLDER)/installed
$(TYPES_FOLDER)/installed: tests/types/package.json tests/types/package-lock.json | deps-docs
	@echo Fetching the TypeScript compiler, openapi-typescript and the schema of AsyncAPI from npm.
	@rm -rf $(TYPES_FOLDER) && mkdir -p $(TYPES_FOLDER) && cp tests/types/*.json $(TYPES_FOLDER)
	@npm ci --silent --no-audit --no-fund --ignore-scripts --prefix $(TYPES_FOLDER)
	@touch $@

check: deps-check deps-webhooks deps-types deps-web web ## build and run all tests, with private servers
	@echo Building.
	@$(build_all) -s all test-programs
	@tests/run

check-long: deps-check deps-webhooks deps-types deps-web web ## build and run the long tests: those marked "Long:" in their source
	@echo Building.
	@$(build_all) -s all test-programs
	@tests/run --long

check-security: deps-check deps-webhooks deps-types ## build and run the attacks of tests/security
	@echo Building.
	@$(build_all) -s all test-programs
	@tests/run security

check-unit: deps-check deps-web ## build and run the unit tests: no servers, seconds
	@echo Building.
	@$(build_all) -s test-programs
	@tests/run unit

# The default of FILES of `make mutate`: the pure files of the bid path and of flash sales.
MUTATED := $(addprefix common/,rules/rules.c rules/voids.c rules/increments.c rules/ledger_entry.c rules/bid_status.c \
               rules/command_kinds.c rules/sale_rules.c rules/sale_line.c rules/sale_orders.c rules/sale_set.c \
               rules/sale_command.c rules/sale_check.c rules/sale_words.c base/uuid_map.c base/money.c base/bisect.c \
               base/outages.c base/skew.c base/json.c base/json_write.c base/ids.c base/words.c protocol/message.c \
               protocol/snapshot.c protocol/keys.c protocol/live_update.c protocol/sale_message.c protocol/sale_snapshot.c \
               protocol/sale_live.c protocol/sale_hash.c protocol/payment_url.c service/shards.c) \
           $(addprefix bidworker/,decide.c batch.c batch_events.c live_updates.c) \
           $(addprefix saleworker/,live_updates.c user_updates.c) \
           $(addprefix common/worker/,locked_rows.c outbox_batch.c work.c) \
           $(addprefix gateway/,bid/refusal.c sale/sale_refusal.c live/sale_line.c access/idempotency.c submit/backlog.c \
               submit/prefer.c query/cursor.c) \
           notifyworker/endpoints.c endworker/sent_commands.c
FILES  ?= $(MUTATED)
SAMPLE ?= 0
mutate: deps-check ## mutation testing of FILES (SAMPLE=n: only n mutants a file); see docs/testing.md
	@$(PYTHON) tests/mutation/mutate.py --build $(BUILD) --jobs $(JOBS) --sample $(SAMPLE) $(FILES)

chaos: deps-check ## strike a private deployment with one fault after another under load; see docs/faults.md
	@echo Building.
	@$(build_all) -s all $(WRONG_CLOCK)
	@tests/chaos/run

chaos-cluster: deps-check deps-cluster ## kill, stop and cut off the machines of a cluster under load; see docs/faults.md
	@echo Building.
	@$(build_all) -s all
	@tests/run --long cluster
	@tests/chaos/cluster-run

replay: deps-check ## send 423 recorded eBay auctions through a private deployment, compare the outcome
	@echo Building.
	@$(build_all) -s all test-programs
	@tests/replay/run

replay-sale: deps-check ## play the opening of a flash sale with BUYERS (1000) for UNITS (50), print who got what
	@echo Building.
	@$(build_all) -s all test-programs
	@tests/replay/sale-run

bench: deps-bench ## measure rates, latencies and costs of bids beside the peer in ROSTRUM_PEER; write docs/performance.md
	@echo Building.
	@$(build_all) -s all test-programs
	@tests/bench/run

bench-against: deps-bench ## measure bids per second, beside another commit: COMMIT=b7b86ae
	@echo Building.
	@$(build_all) -s all test-programs
	@tests/bench/against "$(COMMIT)"

bench-scale: ## measure what statements read among 233,000 auctions and 9 million bids; SCALE=0.1 makes a tenth of them
	@echo Building.
	@$(build_all) -s all test-programs
	@tests/bench/scale

bench-search: deps-bench ## measure searches among 1,000,000 auctions: plans, and milliseconds by kind of query
	@echo Building.
	@$(build_all) -s all test-programs
	@tests/bench/search-run

bench-read: deps-bench ## measure reads per second, beside a bare evhttp, and bids beside reads
	@echo Building.
	@$(build_all) -s all test-programs
	@tests/bench/read

bench-live: deps-check ## measure live updates for 100, 1,000 and 10,000 watchers: latency and cost
	@echo Building.
	@$(build_all) -s all test-programs
	@tests/bench/live-run

bench-guard: deps-check deps-lint ## count the instructions of the hot paths, and fail at 5 % more than tests/bench/guard.txt
	@echo Building.
	@$(build_all) -s $(GUARD)
	@tests/bench/guard-run

bench-sale: deps-bench ## measure a flash sale beside bids: joins per second, waits, memory, rows read
	@echo Building.
	@$(build_all) -s all test-programs
	@tests/bench/sale-run

bench-web: deps-check deps-web web ## measure the web pages: script, first paint, a bid to another page's pixels, frames
	@echo Building.
	@$(build_all) -s all test-programs
	@tests/bench/web-run

# Exit code 99 marks a report: no test expects it of a program.
asan: deps-check deps-webhooks deps-types deps-web ## run soak, unit, integration, contract and security tests under AddressSanitizer
	@echo Building.
	@$(build_all) -s BUILD=build/asan SANITIZE=address all test-programs
	@BUILD=build/asan ASAN_OPTIONS="exitcode=99:$$ASAN_OPTIONS" tests/run soak unit integration contract security

ubsan: deps-check deps-webhooks deps-types deps-web ## run the same under UndefinedBehaviorSanitizer
	@echo Building.
	@$(build_all) -s BUILD=build/ubsan SANITIZE=undefined all test-programs
	@BUILD=build/ubsan UBSAN_OPTIONS="exitcode=99:$$UBSAN_OPTIONS" tests/run soak unit integration contract security

valgrind: deps-check deps-lint deps-web ## run the unit tests and soak's gateway under valgrind
	@echo Building.
	@$(build_all) -s all test-programs
	@tests/run --valgrind soak unit

# Tests of code with threads: connecting to RabbitMQ, the pools for passwords and images, webhook calls. In the contract
# tests the gateway has the threads.
TSAN_PROGRAMS := $(addprefix integration/,broker_test outbox_test webhook_call_test) \
                 $(addprefix contract/,accounts_test sessions_test images_test uploads_test)

tsan: deps-check ## run the threaded parts and soak under ThreadSanitizer
	@echo Building.
	@$(build_all) -s BUILD=build/tsan SANITIZE=thread all test-programs
	@BUILD=build/tsan tests/tsan $(TSAN_PROGRAMS)

MINUTES ?= 1
TARGET  ?=
fuzz: deps-fuzz ## run every fuzz target for MINUTES=1 each, or TARGET=name: http, json, message, websocket
	@echo Building.
	@$(build_all) -s BUILD=build/fuzz FUZZER=1 SANITIZE=address,undefined fuzz-programs
	@BUILD=build/fuzz JOBS=$(JOBS) tests/fuzz/run $(MINUTES) $(TARGET)

.PHONY: fuzz-programs
fuzz-programs: $(FUZZ_PROGRAMS)

COVERAGE_KINDS ?= unit integration contract security
coverage: deps-coverage deps-webhooks deps-types deps-web ## measure test coverage by folder: COVERAGE_KINDS="unit security"
	@echo Building.
	@$(build_all) -s BUILD=build/coverage COVERAGE=1 all test-programs
	@BUILD=build/coverage tests/coverage $(COVERAGE_KINDS)

## --- checks of the code ---

# A file is checked again when it or a header that it includes has changed. The compiler writes these dependencies.
TIDY_FLAGS = -std=c11 $(CPPFLAGS_ALL) $(PKG_CFLAGS) $(shell pkg-config --cflags $(TEST_PACKAGES))
TIDIED := $(patsubst %.c,$(BUILD)/tidy/%.ok,$(SOURCES))
$(BUILD)/tidy/%.ok: %.c .clang-tidy
	@mkdir -p $(@D)
	@echo clang-tidy $<
	@$(CC) $(TIDY_FLAGS) -MM -MP -MT $@ -MF $(@:.ok=.d) $<
	@clang-tidy --quiet $< -- $(TIDY_FLAGS) 2>$@.err || { cat $@.err; exit 1; }
	@touch $@
-include $(shell find $(BUILD)/tidy -name '*.d' 2>/dev/null)
.PHONY: tidied
tidied: $(TIDIED)

tidy: deps-lint ## run clang-tidy on changed files
	@$(build_all) tidied

# varFuncNullUB: glibc's NULL is a pointer, so it may end a list of variadic arguments.
# internalAstError: cppcheck 2.10 cannot read a compound literal inside ?:.
cppcheck: deps-lint ## run cppcheck
	@cppcheck -q --std=c11 --enable=warning,performance,portability --inline-suppr --suppress=missingIncludeSystem \
	    --suppress=varFuncNullUB --suppress=internalAstError --error-exitcode=1 -j$(JOBS) -I. -D_GNU_SOURCE \
	    '-DROSTRUM_VERSION="$(VERSION)"' --include=/usr/include/$(shell gcc -print-multiarch)/sys/queue.h $(SOURCES)

format: ## format every C file by .clang-format
	@clang-format -i $(SOURCES) $(HEADERS)

layers-check: ## includes go down only, no circle within a layer, no table lacks an entry, documents name tests that exist
	@tests/lint/layers
	@tests/lint/tables
	@tests/lint/named-tests

words-check: ## refuse retired words, and sentences of more than 30 words (tests/lint/words.txt)
	@tests/lint/words

.PHONY: docs/settings.md
docs/settings.md: ## generate the page of all settings from conf/rostrum.ini
	@conf/settings-page

format-check: deps-lint layers-check words-check ## check format, layers, words and generated pages
	@clang-format --dry-run --Werror $(SOURCES) $(HEADERS)
	@conf/settings-page --check

# The shell scripts, by their first line. The files that they read with `.` are checked with them.
SHELL_SCRIPTS = $(sort $(shell grep -rlIE --exclude-dir=build --exclude-dir=node_modules '^\#!.*[ /](ba)?sh$$' .ci deploy tests web))
shellcheck: deps-lint ## check the shell scripts
	@shellcheck -a $(SHELL_SCRIPTS)

PYTHON_SCRIPTS = $(sort $(shell grep -rlIE --exclude-dir=build --include='*.py' '' gateway deploy tests))
python-check: deps-lint ## check the Python scripts by pyflakes
	@$(PYTHON) -m pyflakes $(PYTHON_SCRIPTS)

web-lint: deps-docs ## check the pages: generated types, types, rules and format
	@web/fetch all
	@web/lint

LINTS := format-check tidy cppcheck shellcheck python-check web-lint units-check bench-guard
lint: deps-lint ## run all static checks, and print the time of each
	@all=$$(date +%s); for each in $(LINTS); do \
	    began=$$(date +%s); \
	    $(MAKE) --no-print-directory $$each || { echo "lint: $$each failed"; exit 1; }; \
	    printf 'lint: %-14s %5d s\n' $$each $$(($$(date +%s) - began)); done; \
	printf 'lint: %-14s %5d s\n' 'all of it' $$(($$(date +%s) - all))

# Without the warnings that clang does not know.
compile_commands.json: export COMPILE = $(filter-out -Wduplicated-cond -Wlogical-op,$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) \
                                            $(PKG_CFLAGS) $(shell pkg-config --cflags $(TEST_PACKAGES)))
compile_commands.json: deps-check ## write the compile commands for clangd and other tools
	@compile=$$(printf '%s' "$$COMPILE" | sed 's/[\\"]/\\&/g'); \
	for source in $(SOURCES); do \
	    printf ',{"directory": "%s", "file": "%s", "command": "%s -c %s"}\n' '$(CURDIR)' "$$source" "$$compile" "$$source"; \
	done | { sed '1s/^,/[/'; echo ']'; } >$@

units-check: deps-lint ## check the systemd units of an installation in a scratch folder
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

# The page and its script are in one folder, so reading the page needs no network.
docs: $(RENDERER)/$(REDOCLY) ## generate the reference pages of the HTTP API in build/docs
	@$(redocly) lint gateway/openapi.yaml
	@$(redocly) build-docs gateway/openapi.yaml --disableGoogleFont --title Rostrum -o $(BUILD)/docs/index.html
	@install -m 644 $(RENDERER)/node_modules/redoc/bundles/redoc.standalone.js* $(BUILD)/docs
	@sed -i 's|https://[^"]*/redoc.standalone.js|redoc.standalone.js|' $(BUILD)/docs/index.html
	@! grep -o 'src="https:[^"]*\.js"' $(BUILD)/docs/index.html
	@echo "The pages: $(BUILD)/docs/index.html"

## --- installation ---

install: all ## install to DESTDIR, under PREFIX; keep existing settings in /etc/rostrum
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(DATADIR)/schema $(DESTDIR)$(SYSCONFDIR)/rostrum $(DESTDIR)$(UNITDIR)
	install -m 755 $(PROGRAMS) $(DESTDIR)$(BINDIR)
	rm -f $(DESTDIR)$(DATADIR)/schema/*.sql # of an older version
	install -m 644 schema/*.sql $(DESTDIR)$(DATADIR)/schema
	install -d $(DESTDIR)$(DATADIR)/haproxy
	install -m 644 conf/haproxy/* $(DESTDIR)$(DATADIR)/haproxy
	install -d $(DESTDIR)$(DATADIR)/templates
	install -m 644 conf/templates/* $(DESTDIR)$(DATADIR)/templates
	install -m 644 conf/rostrum.ini README.md gateway/openapi.yaml gateway/asyncapi.yaml $(DESTDIR)$(DATADIR)
	if test -e $(PAGES)/index.html; then \
	    rm -rf $(DESTDIR)$(DATADIR)/web && cp -R $(PAGES) $(DESTDIR)$(DATADIR)/web && \
	    chmod -R u=rwX,go=rX $(DESTDIR)$(DATADIR)/web; fi
	test -e $(DESTDIR)$(SYSCONFDIR)/rostrum/rostrum.ini || \
	    sed -e 's|^template_folder = .*|template_folder = $(DATADIR)/templates|' \
	        -e 's|^web_root = .*|web_root = $(if $(wildcard $(PAGES)/index.html),$(DATADIR)/web,none)|' conf/rostrum.ini \
	        > $(DESTDIR)$(SYSCONFDIR)/rostrum/rostrum.ini
	install -d $(addprefix $(DESTDIR)$(UNITDIR)/,$(sort $(filter-out ./,$(dir $(UNITS))))) $(DESTDIR)$(PREFIX)/lib/sysusers.d
	install -m 644 deploy/systemd/rostrum.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/rostrum.conf
	for unit in $(UNITS); do \
	    sed 's|@BINDIR@|$(BINDIR)|g; s|@DATADIR@|$(DATADIR)|g; s|@CONFDIR@|$(SYSCONFDIR)/rostrum|g' deploy/systemd/$$unit \
	        > $(DESTDIR)$(UNITDIR)/$$unit || exit 1; done

help: ## print this list
	@sed -n 's/^\([a-z][a-z_.-]*\):[^#]*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | while IFS="$$(printf '\t')" read -r name what; do \
	    printf '  make %-21s %s\n' "$$name" "$$what"; done
