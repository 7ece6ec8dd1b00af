# Two commands for a machine that has Python 3.11 and git, and nothing else:
#   make demo   sets up .venv, trains on the embedded data set and prints the scores (about 3 minutes)
#   make test   sets up .venv and runs every check
PYTHON ?= python3.11
BIN := .venv/bin

.PHONY: demo test clean

demo: .venv/installed
	rm -rf runs/demo
	$(BIN)/fearec prepare demo
	$(BIN)/fearec train demo --config examples/demo.toml --time-limit 2 --out runs/demo
	$(BIN)/fearec evaluate runs/demo/best.safetensors

test: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf .venv .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
