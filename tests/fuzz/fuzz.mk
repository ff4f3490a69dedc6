# SPDX-License-Identifier: MIT
# Fuzzing and coverage. Included by the Makefile, whose variables it uses; tests/fuzz/README.md has the figures.
#
#   make fuzz TARGET=reader TIME=60    by libFuzzer with ASan and UBSan; TARGET=all: one after the other
#   make fuzz ... ENGINE=afl           by AFL++
#   FUZZ_FLAGS="-jobs=2"               more for the engine
#
# Inputs found on the way are kept in build/fuzz/corpus/TARGET, findings in build/fuzz/found/TARGET.

FUZZ_ALL := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_SUPPORT := $(call objects,$(filter-out tests/fuzz/fuzz_%.c tests/fuzz/replay_main.c tests/fuzz/seeds.c,$(wildcard tests/fuzz/*.c)))
FUZZ_REPLAYS := $(addprefix $(BUILD)/tests/fuzz/fuzz_,$(FUZZ_ALL))
# What libclient maps is told of, so that the target can give it back: see fuzz_client.c.
FUZZ_LDFLAGS_client := -Wl,--wrap=mmap,--wrap=munmap,--wrap=pthread_atfork,--wrap=urcu_bp_synchronize_rcu
FUZZ_LIBS = $(BUILD)/libtest.a $(BUILD)/libagent.a $(BUILD)/libmstat.a $(AGENT_LIBS) $(URCU_LIBS) -lcmocka
TARGET ?= all
TIME ?= 60
ENGINE ?= libfuzzer
FUZZ_FLAGS ?=
FUZZ_TARGETS := $(if $(filter all,$(TARGET)),$(FUZZ_ALL),$(TARGET))

# Every target as a plain program that replays files: a part of the tests.
tests: $(FUZZ_REPLAYS)
$(FUZZ_REPLAYS): $(BUILD)/tests/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(BUILD)/obj/tests/fuzz/replay_main.o \
		$(FUZZ_SUPPORT) $(BUILD)/libtest.a $(BUILD)/libagent.a $(BUILD)/libmstat.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -pie $(FUZZ_LDFLAGS_$(*:fuzz_%=%)) -o $@ $(filter %.o,$^) $(FUZZ_LIBS)

# The same with an engine in the place of replay_main.c.
$(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(FUZZ_SUPPORT) \
		$(BUILD)/libtest.a $(BUILD)/libagent.a $(BUILD)/libmstat.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -fsanitize=fuzzer $(FUZZ_LDFLAGS_$*) -o $@ $(filter %.o,$^) $(FUZZ_LIBS)

.PHONY: fuzz coverage
# afl-clang-fast has its own instrumentation, and its own driver for -fsanitize=fuzzer.
FUZZ_BUILD_libfuzzer := CC=clang SANITIZE=address$(comma)undefined$(comma)fuzzer-no-link BUILD=build/fuzz/libfuzzer
FUZZ_BUILD_afl := CC=afl-clang-fast SANITIZE= BUILD=build/fuzz/afl

fuzz: ## look for inputs that break a parser (TARGET=name|all TIME=seconds ENGINE=libfuzzer|afl)
	$(if $(filter-out $(FUZZ_ALL),$(FUZZ_TARGETS)),$(error TARGET=$(TARGET): there are all and: $(FUZZ_ALL)))
	$(if $(FUZZ_BUILD_$(ENGINE)),,$(error ENGINE=$(ENGINE): there are libfuzzer and afl))
	$(Q)$(if $(filter 1,$(DEPS)),packaging/install-deps fuzz)
	@AFL_QUIET=1 $(MAKE) --no-print-directory $(FUZZ_BUILD_$(ENGINE)) BPF=0 DEPS=0 \
		$(addprefix build/fuzz/$(ENGINE)/fuzz/,$(FUZZ_TARGETS))
	@for target in $(FUZZ_TARGETS); do \
		tests/fuzz/run $(ENGINE) $$target $(TIME) $(FUZZ_FLAGS) || exit 1; \
	done

# Writes the valid segments of the corpus anew: when the layout has changed.
.PHONY: fuzz-seeds
$(BUILD)/fuzz/seeds: $(BUILD)/obj/tests/fuzz/seeds.o $(BUILD)/libtest.a $(BUILD)/libagent.a $(BUILD)/libmstat.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -pie -o $@ $< $(FUZZ_LIBS)
fuzz-seeds: $(BUILD)/fuzz/seeds
	@mkdir -p tests/fuzz/corpus/{reader,double_fetch,segments}
	@$(BUILD)/fuzz/seeds tests/fuzz/corpus

# ---- coverage -------------------------------------------------------------------------------------------------------
# Regions, as clang counts them, that the unit tests and the replays of the corpus run through.
COVERAGE_FLAGS := -fprofile-instr-generate -fcoverage-mapping

coverage: ## how much of the reader and the parsers the unit tests and the corpus reach
	@$(MAKE) --no-print-directory tests CC=clang BUILD=build/coverage BPF=0 DEPS=0 TEST_KINDS=unit OPT=-O1 \
		CFLAGS='$(COVERAGE_FLAGS)' LDFLAGS='$(COVERAGE_FLAGS)'
	@tests/fuzz/coverage build/coverage
