# SPDX-License-Identifier: MIT
# One non-recursive makefile. Objects go to build/ (or build/VARIANT); `make help` lists the targets.
#
#   CC=clang       another compiler                 SANITIZE=address,undefined | thread   instrumented objects
#   V=1            show the commands                BUILD=dir                             another place for objects
#   DEPS=0         do not look for missing Debian packages

SHELL := /bin/bash
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := all

CC := gcc
CXX := g++
AR := ar
SANITIZE ?=
comma := ,
VARIANT := $(if $(SANITIZE),$(subst $(comma),-,$(SANITIZE)))$(if $(findstring clang,$(CC)),-clang)
BUILD ?= build$(if $(VARIANT),/$(patsubst -%,%,$(VARIANT)))
DEPS ?= 1
V ?= 0
Q := $(if $(filter 1,$(V)),,@)
say = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' '$(1)' '$(2)')

VERSION := $(shell sed -n 's/^.define MSTAT_VERSION "\(.*\)"/\1/p' include/mstat/mstat.h)
ABI := 0

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla -Wundef -Werror
OPT ?= -O2
HARDEN := -fstack-protector-strong $(if $(SANITIZE),,-D_FORTIFY_SOURCE=2)
SANFLAGS := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer)
CFLAGS_ALL := -std=gnu11 -g $(OPT) $(WARN) $(HARDEN) $(SANFLAGS) -D_GNU_SOURCE -Iinclude -MMD -MP $(CFLAGS)
LDFLAGS_ALL := $(SANFLAGS) -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)

URCU_LIBS := -lurcu-bp
AGENT_LIBS := -lmicrohttpd -lcyaml -lyaml -lsystemd -ljansson -lurcu-memb -lurcu-common -lpthread -lm

objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

CLIENT_SRC := $(wildcard libclient/*.c)
AGENT_SRC := $(filter-out agentd/main.c,$(wildcard agentd/*.c agentd/*/*.c))
MSTAT_SRC := $(wildcard tools/mstat/*.c)
DEMO_SRC := $(wildcard tools/demo/*.c)
TEST_SUPPORT_SRC := $(wildcard tests/support/*.c)
TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/test_*.c tests/torture/test_*.c tests/e2e/test_*.c))
TEST_HELPERS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/*/helper_*.c))

.PHONY: all
all: $(BUILD)/mstatd $(BUILD)/mstat $(BUILD)/libmstat.so $(BUILD)/libmstat.a $(BUILD)/demo $(BUILD)/mstat.pc ## build everything

# ---- set-up ---------------------------------------------------------------------------------------------------------
.PHONY: deps deps-check
deps:
ifeq ($(DEPS),1)
	@packaging/install-deps build
endif
deps-check:
ifeq ($(DEPS),1)
	@packaging/install-deps check
endif

# ---- objects --------------------------------------------------------------------------------------------------------
# libclient is compiled once, position-independent: the same objects serve the shared and the static library.
$(BUILD)/obj/libclient/%.o: libclient/%.c | deps
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -fPIC -fvisibility=hidden -Ilibclient -c $< -o $@

$(BUILD)/obj/agentd/%.o: agentd/%.c | deps
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -Iagentd -c $< -o $@

$(BUILD)/obj/tools/%.o: tools/%.c | deps
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -Iagentd -c $< -o $@

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
	$(Q)$(CC) $(LDFLAGS_ALL) -pie -o $@ $^ $(URCU_LIBS) -lmicrohttpd -ljansson -lcurl -lpthread -lm

$(BUILD)/mstat.pc: packaging/mstat.pc.in include/mstat/mstat.h
	@mkdir -p $(@D)
	@sed 's|@VERSION@|$(VERSION)|; s|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|' $< > $@

include bench/bench.mk

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
