# SPDX-License-Identifier: MIT
# Benchmarks: build/bench/bench_QUESTION, one program a question. Included by the Makefile, whose variables it uses.
#
#   BENCH="counter read"   only these questions        BENCH_FLAGS=--quick   a smoke run
#   PROMETHEUS_CPP=        without prometheus-cpp as a peer, though it is installed

BENCH_ALL := $(filter-out $(if $(filter 0,$(BPF)),bpf),$(patsubst bench/bench_%.c,%,$(wildcard bench/bench_*.c)))
BENCH ?= $(BENCH_ALL)
BENCH_FLAGS ?=
BENCH_PROGRAMS := $(addprefix $(BUILD)/bench/bench_,$(BENCH_ALL))
BENCH_SUPPORT := $(call objects,$(filter-out bench/bench_%.c,$(wildcard bench/*.c)))

# The peer is optional, and left out of instrumented builds: its library is not instrumented.
PROMETHEUS_CPP ?= $(if $(SANITIZE),,$(shell pkg-config --exists prometheus-cpp-core 2>/dev/null && echo 1))
ifneq ($(PROMETHEUS_CPP),)
BENCH_PEER := $(BUILD)/obj/bench/bench_prometheus_cpp.o
BENCH_PEER_FLAGS := -DBENCH_HAVE_PROMETHEUS_CPP=1
BENCH_PEER_LIBS := -lprometheus-cpp-core -lstdc++
endif

# Loops of a nanosecond depend on where they lie: each begins on a boundary of its own.
BENCH_FLAGS_ALL := -falign-functions=64 -falign-loops=32 -Iagentd $(BENCH_PEER_FLAGS)

$(BUILD)/obj/bench/%.o: bench/%.c | deps
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) $(BENCH_FLAGS_ALL) -c $< -o $@

$(BUILD)/obj/bench/%.o: bench/%.cc | deps
	$(call say,CXX,$<)
	@mkdir -p $(@D)
	$(Q)$(CXX) -std=gnu++17 -g $(OPT) -Wall -Wextra -Wshadow -Werror $(BENCH_PEER_FLAGS) -Iinclude -MMD -MP -c $< -o $@

# An archive, so that a program links what it uses and no more.
$(BUILD)/bench/libbench.a: $(BENCH_SUPPORT)
	$(call say,AR,$@)
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/bench/bench_%: $(BUILD)/obj/bench/bench_%.o $(BENCH_PEER) $(BUILD)/bench/libbench.a $(BUILD)/libmstat.a
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -pie -o $@ $^ $(URCU_LIBS) $(BENCH_LIBS) $(BENCH_PEER_LIBS) -lpthread -lm

# Those that ask about the agent link it too.
$(BUILD)/bench/bench_read $(BUILD)/bench/bench_render $(BUILD)/bench/bench_compress $(BUILD)/bench/bench_http: $(BUILD)/libagent.a
$(BUILD)/bench/bench_read $(BUILD)/bench/bench_render $(BUILD)/bench/bench_compress $(BUILD)/bench/bench_http: BENCH_LIBS = $(AGENT_LIBS)
$(BUILD)/bench/bench_bpf: $(BUILD)/libagent.a
$(BUILD)/bench/bench_bpf: BENCH_LIBS = $(AGENT_LIBS)

.PRECIOUS: $(BUILD)/obj/bench/%.o

.PHONY: bench-build bench
bench-build: $(BENCH_PROGRAMS)

bench: bench-build ## ask what updates, lookups, pages and reads cost, beside peers; CSV in build/bench/bench.csv
	@for name in $(BENCH); do \
		$(BUILD)/bench/bench_$$name --csv $(BUILD)/bench/$$name.csv $(BENCH_FLAGS) || exit; \
	done
	@set -- $(patsubst %,$(BUILD)/bench/%.csv,$(BENCH)); \
	{ head -n 1 "$$1"; for file; do tail -n +2 "$$file"; done; } > $(BUILD)/bench/bench.csv
	@echo "all results: $(BUILD)/bench/bench.csv"
