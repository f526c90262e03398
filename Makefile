# Everything from a fresh clone, with Python 3.11 or later, git and make. `make` alone lists the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# On two cores: half of the time a test waits for a CRM.
WORKERS ?= 4
SCRIPTS := . scripts/prove-dockerfile  # named, for it has no .py

# The first interpreter that runs and is recent enough; a version manager's stub may be on PATH and not run.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$p"; break; }; done)

.PHONY: help venv demo test check format lint types imports dockerfile bench lock clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: $(VENV)/.dev ## make .venv with everything that the checks need

demo: $(VENV)/.project ## the whole loop against a local sandbox, and why; CRM=salesforce or CRM=both for others
	@$(BIN)/crmsync demo --crm $(or $(CRM),hubspot)

test: $(VENV)/.dev ## run the tests
	$(BIN)/pytest -n $(WORKERS) --dist loadfile

check: format-check lint types imports dockerfile test ## everything that CI runs

.PHONY: format-check
format-check: $(VENV)/.dev
	$(BIN)/ruff format --check --quiet $(SCRIPTS)

format: $(VENV)/.dev ## format the code and mend what the linter can mend
	$(BIN)/ruff format $(SCRIPTS)
	$(BIN)/ruff check --fix $(SCRIPTS)

lint: $(VENV)/.dev
	$(BIN)/ruff check $(SCRIPTS)

types: $(VENV)/.dev
	$(BIN)/mypy

imports: $(VENV)/.dev
	$(BIN)/lint-imports --no-cache >$(VENV)/imports.txt || { cat $(VENV)/imports.txt; exit 1; }

dockerfile: $(VENV)/.dev
	$(BIN)/hadolint Dockerfile
	$(BIN)/python scripts/prove-dockerfile --quick

bench: $(VENV)/.dev ## print goal, figure and ratio for calls, time, CPU and memory
	$(BIN)/python -m bench

lock: $(VENV)/.project ## resolve the dependencies of pyproject.toml again, into the lock files
	@UV=$$(command -v uv) || { $(PIP) install uv && UV=$(BIN)/uv; }; set -e; \
	resolve() { "$$UV" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header $(UPGRADE) "$$@" >/dev/null; }; \
	resolve pyproject.toml --output-file requirements.lock; \
	resolve --group build --output-file requirements-build.lock; \
	resolve pyproject.toml --group dev --constraint requirements.lock --constraint requirements-build.lock \
		--output-file requirements-dev.lock
	@echo "Locked. 'make lock UPGRADE=--upgrade' takes newer versions."

clean: ## remove what was built
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Stamps: each step is done again only when its lock file, or pyproject.toml, is newer.
$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "crmsync needs Python 3.11 or later and found none on PATH." \
		"Install it, or name it: make PYTHON=/path/to/python3 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.lock requirements-build.lock | $(VENV)/bin/python
	$(PIP) install --require-hashes -r requirements.lock -r requirements-build.lock
	@touch $@

$(VENV)/.project: pyproject.toml $(VENV)/.runtime
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.project
	$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@
