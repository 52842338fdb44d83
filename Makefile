# make run    the main job: data to production boards, on the embedded defaults
# make test   the tests, but for what `make verify` adds
# make lint   ruff, mypy --strict, import-linter
# make bench  the figures that the docs quote
# make lock   resolve the dependencies again
#
# make test-fast                        the tests that start nothing; a minute, for between two edits
# make verify                           whole engines, other versions of libraries, whole runs beyond the first
# make coverage                         all tests, and which branches they take: build/coverage
# make verify-back-ends                 whole replays by the releases of Kubeflow between the oldest and the newest
# make verify-beam                      whole runs on Beam runners beyond memory; five minutes
# make verify-rollouts                  kills at every write of a rollout's trail, and fifty of real commands; an hour
# make verify-tfx-1.21 [FOLDER=PATH]    .ci/run and whole runs on TFX 1.21, in a newer Debian; root, 12 GB
# make verify-containers [BASE=IMAGE]   the images, and the whole line in containers; root, 15 GB, a quarter of an hour

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

# Imports cost three times as much without bytecode.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test test-fast verify coverage lint bench lock setup lock-pair verify-back-ends verify-beam verify-rollouts verify-tfx-1.21 verify-containers
.DEFAULT_GOAL := run

run: $(READY)
	@$(BIN)/tinyops run --demo

# Three at a time on two processors: most of a test is waiting for a line or a child process.
TESTS := -m pytest -n 3 --no-loadscope-reorder
PYTEST := $(BIN)/python $(TESTS)

test: $(READY)
	@$(PYTEST) -m "not verify"

test-fast: $(READY)
	@$(PYTEST) -m "not verify and not slow"

verify: $(READY)
	@$(PYTEST) -m verify

# A test that fails leaves a figure all the same.
coverage: $(READY)
	@rm -rf build/coverage
	@$(BIN)/coverage run $(TESTS); status=$$?; \
	$(BIN)/coverage combine --quiet && \
	$(BIN)/coverage html --quiet && \
	$(BIN)/coverage report >build/coverage/report.txt && \
	tail -n 1 build/coverage/report.txt && \
	echo "build/coverage/html/index.html shows what is not covered" && \
	exit $$status

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(READY)
	@$(BIN)/python -m benchmarks

verify-back-ends: $(READY)
	@$(PYTEST) tests/pipeline/kubeflow/replay/verify_back_ends.py

verify-beam: $(READY)
	@$(BIN)/python -m pytest tests/pipeline/beam/verify_whole_pipeline.py

verify-rollouts: $(READY)
	@$(PYTEST) tests/edge_deployer/rollout/verify_every_kill.py
	@$(BIN)/python -m tests.interop.kill_campaign

verify-tfx-1.21:
	@tests/tfx_1_21/verify.sh $(FOLDER)

verify-containers: $(READY)
	@$(BIN)/python -m tests.containers $(if $(BASE),--base $(BASE))

setup: $(READY)

# Made again, too, for another Python than was named the last time, and where the interpreter is gone since.
ifneq ($(filter-out $(shell cat $(READY) 2>/dev/null),$(PYTHON))$(shell $(BIN)/python -c '' 2>/dev/null || echo gone),)
.PHONY: $(READY)
endif

$(READY): requirements/bootstrap.txt $(wildcard requirements/python*/dev.txt) pyproject.toml
	@.ci/set-up

RESOLVE := $(BIN)/uv pip compile --quiet --prerelease if-necessary-or-explicit \
	--generate-hashes --no-emit-index-url --no-header --no-annotate --override requirements/overrides.txt
UNIVERSAL := $(RESOLVE) --universal --python-version 3.10
AS_LOCKED := build/constraints.txt

# A pair's lock holds for its Python; those below hold for every Python and platform. 3.11 is too old for some of 3.13's.
lock: $(READY)
	@$(MAKE) --no-print-directory lock-pair LOCKED=python3.10 GLIBC=2_34
	@$(MAKE) --no-print-directory lock-pair LOCKED=python3.13 GLIBC=2_39
	@sed -n "s/^\([^ ]*==[^ ]*\) .*/\1; python_version < '3.12'/p" requirements/python3.10/dev.txt >$(AS_LOCKED)
	@sed -n "s/^\([^ ]*==[^ ]*\) .*/\1; python_version >= '3.12'/p" requirements/python3.13/dev.txt >>$(AS_LOCKED)
	@$(UNIVERSAL) -c $(AS_LOCKED) --extra sim pyproject.toml -o requirements/sim.txt
	@$(UNIVERSAL) -c $(AS_LOCKED) pyproject.toml -o requirements/gateway.txt
	@echo uv | $(UNIVERSAL) - -o requirements/bootstrap.txt
	@$(UNIVERSAL) requirements/interop.in -o requirements/interop.txt
	@$(UNIVERSAL) requirements/workflows.in -o requirements/workflows.txt
	@$(UNIVERSAL) requirements/kfp-newest.in -o pipeline/kubeflow/verification/kfp-newest.txt

LOCK_PAIR = $(RESOLVE) --python-version $(LOCKED:python%=%) --python-platform x86_64-manylinux_$(GLIBC) \
	--extra sim --extra pipeline pyproject.toml

lock-pair:
	@$(LOCK_PAIR) --extra dev -o requirements/$(LOCKED)/dev.txt
	@$(LOCK_PAIR) -c requirements/$(LOCKED)/dev.txt -o requirements/$(LOCKED)/pipeline.txt
