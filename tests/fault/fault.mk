# SPDX-License-Identifier: MIT
# Faults and models. The models are part of `make check`; the faults take some minutes.

# Programs that the rows name, as files to build.
FAULT_PROGRAMS := $(shell sed -n 's/^[A-Z][0-9]* *| *\([a-z0-9]*\/[a-z0-9_]*\) *|.*/\1/p' tests/fault/rows | sort -u)
FAULT_TESTS := $(FAULT_PROGRAMS:%=$(BUILD)/tests/%)
FAULT_TESTS := $(filter-out $(if $(filter 0,$(BPF)),$(BUILD)/tests/e2e/test_bpf),$(FAULT_TESTS))

.PHONY: check-faults check-models
check-faults: deps-check ## every fault of tests/fault/rows, as a table (FAULTS="C1 S3": these)
	@$(MAKE) --no-print-directory all $(FAULT_TESTS) $(TEST_HELPERS) DEPS=0
	@MSTAT_BIN_DIR=$(abspath $(BUILD)) PATH="$(abspath $(BUILD)):$(abspath build/peers/usr/bin):$$PATH" tests/fault/run $(FAULTS)

check-models: deps-check ## the models, and their broken variants, by Spin
	@tests/run tests/model/test_models.sh
