# The one task runner. Every target sets .venv up from nothing; nothing is needed but Python >= 3.11 and make.
PYTHON ?= python3
BIN    := .venv/bin
export UV_PYTHON_DOWNLOADS := never
export UV_NO_PROGRESS := 1
UV     := $(BIN)/uv pip
LOCK   := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
          --no-emit-index-url --custom-compile-command "make lock"

.DEFAULT_GOAL := help
.PHONY: help demo test soak fuzz check lint types imports drift bench docs fmt lock clean server dev
.DELETE_ON_ERROR:

help:  ## list the targets
	@grep -hE '^[a-z]+:.*##' Makefile | sed -E 's/:[^#]*## */	/' | expand -t 10

demo: server  ## the main job on real traffic: a bad version is taken back, a good one promoted
	@$(BIN)/focus demo s1

test: dev  ## all tests; a test whose server is missing is skipped with the install line
	@$(BIN)/pytest -q $(ARGS)

soak: dev  ## hours of misfortune: 2,000 seeds of the simulator and 300 kills of a real plane (FOCUSPLANE_SEEDS, FOCUSPLANE_KILLS)
	@FOCUSPLANE_SEEDS=$${FOCUSPLANE_SEEDS:-2000} FOCUSPLANE_KILLS=$${FOCUSPLANE_KILLS:-300} \
	  $(BIN)/pytest -q --log-cli-level=INFO tests/plane/test_simulation.py tests/system/test_kills.py $(ARGS)

fuzz: dev  ## damaged words through every door, three minutes (ARGS="--seconds 600 --seed 7 policy xds")
	@$(BIN)/python -m tests.fuzz $(ARGS)

check: lint types imports drift  ## all that a machine can say without running the product (-k: go on after the first "no")

lint: dev  ## format and lint
	@$(BIN)/ruff format --check --output-format=concise .
	@$(BIN)/ruff check --output-format=concise .

types: dev  ## mypy --strict on the package and on the scripts beside it
	@$(BIN)/mypy
	@$(BIN)/mypy tools benchmarks/run.py tests/conftest.py

imports: dev  ## the contracts of .importlinter
	@$(BIN)/lint-imports --no-logo

drift: dev  ## reference pages against the code, and nothing of one machine in the tree
	@$(BIN)/python tools/docs.py --check
	@$(BIN)/python tools/tree.py

bench: dev .venv/.bench  ## run benchmarks/ and rewrite its README (ARGS: names of benchmarks)
	@$(BIN)/python benchmarks/run.py $(ARGS)

docs: dev  ## write docs/reference from the code
	@$(BIN)/python tools/docs.py

fmt: dev  ## format and fix what can be fixed
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: .venv/.bootstrap  ## pin every dependency again, from pyproject.toml
	@$(LOCK) requirements/bootstrap.in -o requirements/bootstrap.txt $(LOCKFLAGS)
	@$(LOCK) pyproject.toml --extra dev -o requirements/dev.txt $(LOCKFLAGS)
	@$(LOCK) pyproject.toml --extra server --extra envoy -c requirements/dev.txt -o requirements/server.txt $(LOCKFLAGS)
	@$(LOCK) pyproject.toml --extra dev --extra bench -c requirements/dev.txt -o requirements/bench.txt $(LOCKFLAGS)
	@$(LOCK) requirements/oracle-v2.in -o requirements/oracle-v2.txt $(LOCKFLAGS)
	@$(LOCK) requirements/oracle-v3.in -o requirements/oracle-v3.txt $(LOCKFLAGS)
	@! grep -nE '://|@ ' requirements/*.txt

clean:  ## forget .venv and every cache
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

server: .venv/.server
dev: .venv/.dev

.venv/.bootstrap: requirements/bootstrap.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "focusplane needs Python 3.11 or newer; '$(PYTHON)' is not. Try: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' || \
	  { echo "'$(PYTHON)' has no venv module. On Debian: apt-get install python3-venv" >&2; exit 1; }
	@test -x $(BIN)/python || { echo "make: creating .venv"; $(PYTHON) -m venv .venv; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv/.server .venv/.dev .venv/.bench: .venv/.%: requirements/%.txt pyproject.toml .venv/.bootstrap
	@echo "make: installing $< into .venv"
	@$(UV) install --quiet --require-hashes -r $<
	@$(UV) install --quiet --no-deps --no-build-isolation -e .
	@touch $@
