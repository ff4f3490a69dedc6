# SPDX-License-Identifier: MIT
# One non-recursive makefile. Objects go to build/ (or build/VARIANT); `make help` lists the targets.
#
#   CC=clang       another compiler                 SANITIZE=address,undefined | thread   instrumented objects
#   V=1            show the commands                BUILD=dir                             another place for objects
#   DEPS=0         do not look for missing Debian packages
#   BPF=0          an agent without eBPF: no clang, bpftool, libbpf

SHELL := /bin/bash
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := all

CC := gcc
CXX := g++
AR := ar
SANITIZE ?=
BPF ?= 1
comma := ,
VARIANT := $(if $(SANITIZE),$(subst $(comma),-,$(SANITIZE)))$(if $(findstring clang,$(CC)),-clang)$(if $(filter 0,$(BPF)),-nobpf)
BUILD ?= build$(if $(VARIANT),/$(patsubst -%,%,$(VARIANT)))
DEPS ?= 1
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' '$(1)' '$(2)')

VERSION := $(shell sed -n 's/^.define MSTAT_VERSION "\(.*\)"/\1/p' include/mstat/mstat.h)
ABI := 0
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla -Wundef -Werror
OPT ?= -O2
HARDEN := -fstack-protector-strong $(if $(SANITIZE),,-D_FORTIFY_SOURCE=2)
# gcc warns that TSan does not know fences; the reader's fences order reads of files, which TSan does not see anyway.
NO_TSAN_WARNING := $(if $(findstring thread,$(SANITIZE)),$(if $(findstring clang,$(CC)),,-Wno-tsan))
SANFLAGS := $(NO_TSAN_WARNING) $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer)
CFLAGS_ALL := -std=gnu11 -g $(OPT) $(WARN) $(HARDEN) $(SANFLAGS) -D_GNU_SOURCE -Iinclude -MMD -MP $(CFLAGS)
LDFLAGS_ALL := $(SANFLAGS) -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)

URCU_LIBS := -lurcu-bp
BPF_LIBS := $(if $(filter 1,$(BPF)),-lbpf -lelf -lz)
AGENT_LIBS := $(BPF_LIBS) -lmicrohttpd -lgnutls -lcrypt -ldeflate -lzstd -lyaml -lsystemd -ljansson -lpcre2-8 -lurcu-memb -lurcu-common -lpthread -lm

objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

CLIENT_SRC := $(wildcard libclient/*.c)
AGENT_SRC := $(filter-out agentd/main.c,$(wildcard agentd/*.c agentd/*/*.c))
# The one feature of the build that can be left out; bpf_none.c and bpf_state.c stand in for the rest then.
BPF_DIR := agentd/collect/bpf
ifeq ($(BPF),1)
AGENT_SRC += $(filter-out %/bpf_none.c %.bpf.c,$(wildcard $(BPF_DIR)/*.c))
else
AGENT_SRC += $(BPF_DIR)/bpf_none.c $(BPF_DIR)/bpf_state.c
endif
MSTAT_SRC := $(wildcard tools/mstat/*.c)
DEMO_SRC := $(wildcard tools/demo/*.c)
TEST_SUPPORT_SRC := $(wildcard tests/support/*.c)
TEST_KINDS ?= unit torture $(if $(SANITIZE),,model) e2e
TESTS := $(foreach kind,$(TEST_KINDS),$(patsubst %.c,$(BUILD)/%,$(wildcard tests/$(kind)/test_*.c)))
# Unit tests of what is not built; tests/e2e/test_bpf.c shows how an agent without it fares.
TESTS := $(filter-out $(if $(filter 0,$(BPF)),$(BUILD)/tests/unit/test_bpf_%),$(TESTS))
TEST_SCRIPTS := $(foreach kind,$(TEST_KINDS),$(wildcard tests/$(kind)/test_*.sh))
TEST_HELPERS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/*/helper_*.c)) \
	$(patsubst %.c,$(BUILD)/%.so,$(wildcard tests/*/preload_*.c))

.PHONY: all
all: $(BUILD)/mstatd $(BUILD)/mstat $(BUILD)/libmstat.so $(BUILD)/libmstat.a $(BUILD)/demo $(BUILD)/mstat.pc ## build everything

# ---- set-up ---------------------------------------------------------------------------------------------------------
.PHONY: deps deps-check
deps:
ifeq ($(DEPS),1)
	@BPF=$(BPF) packaging/install-deps build
endif
deps-check:
ifeq ($(DEPS),1)
	@BPF=$(BPF) packaging/install-deps check
endif

# ---- objects --------------------------------------------------------------------------------------------------------
# libclient is compiled once, position-independent: the same objects serve the shared and the static library. Its two
# thread-local variables (rseq area, RCU reader) lie in static TLS: without a call, and 8 and 32 bytes fit after dlopen too.
# What runs once or seldom is compiled for size: a library that everybody links should be small.
CLIENT_HOT := $(call objects,$(addprefix libclient/,batch.c gauges.c histogram.c index.c registry.c rows.c twins.c))
$(BUILD)/obj/libclient/%.o: libclient/%.c | deps
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) $(if $(filter $@,$(CLIENT_HOT)),,-Os) -fPIC -fvisibility=hidden -ftls-model=initial-exec -Ilibclient -c $< -o $@

$(BUILD)/obj/agentd/%.o: agentd/%.c | deps
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -Iagentd -c $< -o $@

# BPF programs: NAME.bpf.c becomes NAME.skel.h, which holds the object. None of the flags for other compilers: what
# hardens or instruments them, BPF has not. -g is needed, for the relocations are debug information.
BPF_OUT := $(BUILD)/bpf
BPF_CLANG := clang
BPF_CFLAGS := -std=gnu11 -g -O2 -Wall -Werror -target bpf -mcpu=v3 -fdebug-prefix-map=$(CURDIR)=. -I$(BPF_DIR) -MMD -MP

$(BPF_OUT)/%.skel.h: $(BPF_DIR)/%.bpf.c | deps
	$(call say,BPF,$<)
	@mkdir -p $(@D)
	$(Q)$(BPF_CLANG) $(BPF_CFLAGS) -MT $@ -MF $(BPF_OUT)/$*.d -c $< -o $(BPF_OUT)/$*.bpf.o
	$(Q)llvm-strip -g $(BPF_OUT)/$*.bpf.o -o $(BPF_OUT)/$*.o
	$(Q)PATH="$$PATH:/usr/sbin:/sbin" bpftool gen skeleton $(BPF_OUT)/$*.o name $*_bpf > $@

$(foreach source,$(wildcard $(BPF_DIR)/*.bpf.c),$(eval \
	$(BUILD)/obj/$(source:.bpf.c=.o): $(BPF_OUT)/$(patsubst $(BPF_DIR)/%.bpf.c,%,$(source)).skel.h))
# The names of system calls, as the C library's headers know them for the target.
$(BPF_OUT)/syscall_names.h: | deps
	@mkdir -p $(@D)
	$(Q)echo '#include <sys/syscall.h>' | $(CC) -E -dM - | \
		sed -nE '/__NR_(syscalls|Linux)/d; s/^#define __NR_([a-z0-9_]+) .*/SYSCALL_NAME(\1)/p' | sort > $@
$(BUILD)/obj/$(BPF_DIR)/syscalls.o: $(BPF_OUT)/syscall_names.h

$(BUILD)/obj/$(BPF_DIR)/bpf_exits.o: $(BPF_OUT)/exits.skel.h

$(BUILD)/obj/$(BPF_DIR)/%.o: CFLAGS_ALL += -isystem $(BPF_OUT)

$(BUILD)/obj/tools/%.o: tools/%.c | deps
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -Iagentd -c $< -o $@

$(BUILD)/obj/tests/e2e/test_bpf.o: CFLAGS_ALL += -DBUILT_WITH_BPF=$(BPF)
$(BUILD)/obj/tests/%.o: tests/%.c | deps deps-check
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -Iagentd -Ilibclient -Itests/support -c $< -o $@

# ---- libraries and programs -----------------------------------------------------------------------------------------
$(BUILD)/libmstat.so.$(ABI): $(call objects,$(CLIENT_SRC)) libclient/libmstat.map
	$(call say,LD,$@)
	$(Q)$(CC) -shared $(LDFLAGS_ALL) -Wl,-soname,libmstat.so.$(ABI) -Wl,--version-script=libclient/libmstat.map \
		-Wl,-z,nodelete -o $@ $(filter %.o,$^) $(URCU_LIBS)

$(BUILD)/libmstat.so: $(BUILD)/libmstat.so.$(ABI)
	@ln -sf $(<F) $@

$(BUILD)/libmstat.a: $(call objects,$(CLIENT_SRC))
	$(call say,AR,$@)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/libagent.a: $(call objects,$(AGENT_SRC))
	$(call say,AR,$@)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/mstatd: $(call objects,agentd/main.c) $(BUILD)/libagent.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -pie -o $@ $^ $(AGENT_LIBS)

$(BUILD)/mstat: $(call objects,$(MSTAT_SRC)) $(BUILD)/libagent.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -pie -o $@ $^ $(AGENT_LIBS)

$(BUILD)/demo: $(call objects,$(DEMO_SRC)) $(BUILD)/libmstat.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -pie -o $@ $^ $(URCU_LIBS) -lmicrohttpd -ljansson -lpthread -lm

$(BUILD)/mstat.pc: packaging/mstat.pc.in include/mstat/mstat.h
	@mkdir -p $(@D)
	@sed 's|@VERSION@|$(VERSION)|; s|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|' $< > $@

# ---- tests ----------------------------------------------------------------------------------------------------------
# Archives: a test links what it uses. Helpers are programs that tests start.
$(BUILD)/libtools.a: $(call objects,$(filter-out tools/mstat/main.c,$(MSTAT_SRC)))
	$(call say,AR,$@)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/libtest.a: $(call objects,$(TEST_SUPPORT_SRC))
	$(call say,AR,$@)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(BUILD)/libtest.a $(BUILD)/libtools.a $(BUILD)/libagent.a $(BUILD)/libmstat.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -pie -o $@ $^ $(TEST_LDFLAGS) $(AGENT_LIBS) $(URCU_LIBS) -lcmocka -ldl

# Loaded before a program under test: nothing of ours, and no sanitizer, is in them.
$(BUILD)/tests/%.so: tests/%.c | deps
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -g -O2 $(WARN) -D_GNU_SOURCE -Iinclude -fPIC -shared -o $@ $<

.SECONDARY:

.PHONY: tests check check-quick check-arrows check-format lint
tests: all $(TESTS) $(TEST_HELPERS)

check: deps-check ## build and run all tests (TEST_KINDS="unit torture model e2e")
	@$(MAKE) --no-print-directory check-arrows tests DEPS=0
	@MSTAT_BIN_DIR=$(abspath $(BUILD)) PATH="$(abspath $(BUILD)):$(abspath build/peers/usr/bin):$$PATH" \
		tests/run $(TESTS) $(TEST_SCRIPTS)

check-quick: ## the unit tests alone
	@$(MAKE) --no-print-directory check TEST_KINDS=unit

check-arrows: ## includes follow the one arrow of the design
	$(call say,ARROWS,)
	$(Q)packaging/check-arrows

check-format: ## what clang-format would change
	$(Q)clang-format --dry-run -Werror $$(git ls-files '*.c' '*.h')

check-sanitizers: ## the unit and torture tests under ASan and UBSan, then under TSan
	@$(MAKE) --no-print-directory check SANITIZE=address$(comma)undefined
	@$(MAKE) --no-print-directory check SANITIZE=thread TEST_KINDS="unit torture"

check-compilers: ## everything by clang, without a warning
	@$(MAKE) --no-print-directory tests CC=clang

# ---- run -----------------------------------------------------------------------------------------------------------
# install, deb, rpm: packaging/packaging.mk
.PHONY: run clean help check-sanitizers check-compilers
run: all ## mstatd and the demo with load on loopback, until Ctrl-C
	@BUILD=$(BUILD) packaging/run

clean: ## remove what was built
	$(Q)rm -rf build

help: ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' $(MAKEFILE_LIST) | sort | awk -F'\t' '{printf "  make %-18s %s\n", $$1, $$2}'

include bench/bench.mk
include tests/fuzz/fuzz.mk
include tests/fault/fault.mk
include packaging/packaging.mk

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null) $(wildcard $(BPF_OUT)/*.d)
