# make run    the main job: data to production boards, on the embedded defaults
# make test   the tests
# make lint   ruff, mypy --strict, import-linter
# make bench  the figures that the docs quote
# make lock   resolve the dependencies anew

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

# Imports cost three times as much without bytecode.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test lint bench lock setup
.DEFAULT_GOAL := run

run: $(READY)
	@$(BIN)/tinyops run

# Three at a time on two processors: most of a test is waiting for a line or a child process.
test: $(READY)
	@$(BIN)/python -m pytest -n 3 --dist loadgroup --no-loadscope-reorder

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

bench: $(READY)
	@$(BIN)/python -m benchmarks

setup: $(READY)

$(READY): requirements/bootstrap.txt requirements/dev.txt pyproject.toml
	@python=$$(.ci/find-python) && echo "Setting up $(VENV) with $$python; about two minutes" && "$$python" -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@echo "Compiling bytecode"
	@$(BIN)/python -m compileall -q -j 0 -x '/tests?/|_test\.py$$|/lib2to3/' $(VENV)/lib components pipeline edge_deployer >/dev/null || true
	@touch $@

LOCK := $(BIN)/uv pip compile --quiet --prerelease if-necessary-or-explicit --python-version 3.10 \
	--generate-hashes --no-emit-index-url --no-header --no-annotate --override requirements/overrides.txt

lock: $(READY)
	@echo uv | $(LOCK) - -o requirements/bootstrap.txt
	@$(LOCK) --extra sim --extra pipeline --extra dev pyproject.toml -o requirements/dev.txt
	@$(LOCK) --extra sim -c requirements/dev.txt pyproject.toml -o requirements/sim.txt
	@$(LOCK) -c requirements/dev.txt pyproject.toml -o requirements/gateway.txt
	@$(LOCK) requirements/interop.in -o requirements/interop.txt
	@$(LOCK) requirements/kfp-newest.in -o pipeline/kubeflow/verification/kfp-newest.txt
