# make run    the main job: data to production boards, on the embedded defaults
# make test   the tests
# make lint   ruff, mypy --strict, import-linter
# make bench  the figures that the docs quote
# make lock   resolve the dependencies anew
#
# make coverage                         the tests, and which branches they take: build/coverage
# make verify-beam                      whole runs on Beam runners beyond memory; five minutes
# make verify-tfx-1.21 [FOLDER=PATH]    a whole run on TFX 1.21, in a newer Debian; root, 6 GB, five minutes
# make verify-containers [BASE=IMAGE]   the images, and the whole line in containers; root, 15 GB, a quarter of an hour

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

# Imports cost three times as much without bytecode.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test coverage lint bench lock setup verify-beam verify-tfx-1.21 verify-containers
.DEFAULT_GOAL := run

run: $(READY)
	@$(BIN)/tinyops run

# Three at a time on two processors: most of a test is waiting for a line or a child process.
PYTEST := -m pytest -n 3 --dist loadgroup --no-loadscope-reorder

test: $(READY)
	@$(BIN)/python $(PYTEST)

# A test that fails leaves a figure all the same.
coverage: $(READY)
	@rm -rf build/coverage
	@$(BIN)/coverage run $(PYTEST); status=$$?; \
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

verify-beam: $(READY)
	@$(BIN)/python -m pytest tests/pipeline/beam/verify_whole_pipeline.py

verify-tfx-1.21:
	@tests/tfx_1_21/verify.sh $(FOLDER)

verify-containers: $(READY)
	@$(BIN)/python -m tests.containers $(if $(BASE),--base $(BASE))

setup: $(READY)

$(READY): requirements/bootstrap.txt requirements/dev.txt pyproject.toml
	@python=$$(.ci/find-python) && echo "Setting up $(VENV) with $$python; about two minutes" && "$$python" -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r requirements/dev.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@echo "Compiling bytecode"
	@$(BIN)/python -m compileall -q -j 0 -x '/tests?/|_test\.py$$|/lib2to3/' $(VENV)/lib components pipeline edge_deployer >/dev/null || true
	@touch $@

RESOLVE := $(BIN)/uv pip compile --quiet --prerelease if-necessary-or-explicit \
	--generate-hashes --no-emit-index-url --no-header --no-annotate --override requirements/overrides.txt
LOCK := $(RESOLVE) --python-version 3.10
LOCK_TFX_1_21 := $(RESOLVE) --python-version 3.13 --python-platform x86_64-manylinux_2_39 \
	--override requirements/tfx-1.21.in

lock: $(READY)
	@echo uv | $(LOCK) - -o requirements/bootstrap.txt
	@$(LOCK) --extra sim --extra pipeline --extra dev pyproject.toml -o requirements/dev.txt
	@$(LOCK) --extra sim --extra pipeline -c requirements/dev.txt pyproject.toml -o requirements/pipeline.txt
	@$(LOCK) --extra sim -c requirements/dev.txt pyproject.toml -o requirements/sim.txt
	@$(LOCK) -c requirements/dev.txt pyproject.toml -o requirements/gateway.txt
	@$(LOCK) requirements/interop.in -o requirements/interop.txt
	@$(LOCK) --universal requirements/workflows.in -o requirements/workflows.txt
	@$(LOCK) requirements/kfp-newest.in -o pipeline/kubeflow/verification/kfp-newest.txt
	@$(LOCK_TFX_1_21) --extra sim --extra pipeline pyproject.toml -o requirements/tfx-1.21.txt
