# Two commands for a machine that has Python 3.11 and git, and nothing else:
#   make demo   sets up .venv, trains on the embedded data set and prints the scores (about 3 minutes)
#   make test   sets up .venv and runs every check
# For work on the code:
#   make check  lint, types, imports, spelling and the quick unit tests (under a minute)
#   make fuzz   every hostile command line and every damaged file, which takes many minutes
#   make fmt    formats the code
#   make docs   builds the documentation into site/, or fails
#   make bench  how fast a training step is on this machine
PYTHON ?= python3.11
BIN := .venv/bin
PIP_INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable
# Two processes, a file of tests in one of them: fixtures of a file are made once. WORKERS=0 runs everything in one.
WORKERS ?= 2
PYTEST := $(BIN)/pytest --numprocesses $(WORKERS) --dist loadfile
# What goes through the kernels passes its tests by the equations too (docs/performance.md).
EITHER_WAY := tests/reference tests/contract/test_components.py tests/unit/model tests/unit/nn \
  tests/unit/plugins/attentions tests/unit/plugins/filters tests/unit/plugins/fusions tests/unit/test_presets.py \
  tests/cli/test_main_job.py tests/cli/test_resume.py tests/cli/test_recommend.py

.PHONY: demo test check fuzz lint fmt docs bench clean

demo: .venv/installed
	rm -rf runs/demo
	$(BIN)/fearec prepare demo
	$(BIN)/fearec train demo --time-limit 2 --out runs/demo
	$(BIN)/fearec evaluate runs/demo/best.safetensors

test: lint
	$(PYTEST)
	FEAREC_KERNELS=plain $(PYTEST) $(EITHER_WAY)

check: lint
	$(PYTEST) -m "not slow and not exhaustive" tests/unit

fuzz: .venv/installed-dev
	$(PYTEST) -m exhaustive

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

fmt: .venv/installed-dev
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

docs: .venv/installed-dev
	$(BIN)/mkdocs build --strict

bench: .venv/installed
	$(BIN)/fearec prepare demo
	$(BIN)/python benchmarks/training.py data/demo

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(PIP_INSTALL) .
	touch $@

.venv/installed-dev: .venv/installed
	$(PIP_INSTALL) '.[dev]'
	touch $@

clean:
	rm -rf .venv .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache site
