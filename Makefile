# Few verbs do everything, the same on a laptop and in CI.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: install test check demo bench crash fuzz properties cluster clients clean

$(VENV)/installed: pyproject.toml
	@test -d $(VENV) || $(PYTHON) -m venv $(VENV)
	@echo "Installing Fogbank and its tools into $(VENV) ..."
	@$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev]'
	@touch $@

install: $(VENV)/installed

check: install
	$(BIN)/ruff format --check src tests bench solutions
	$(BIN)/ruff check src tests bench solutions
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

test: check
	$(BIN)/python -m pytest

# Starts a Fogbank of its own, runs WellRight's system on it, prints the report, stops what it started.
demo: install
	@$(BIN)/python -m fogbank run wellright --ephemeral

bench: install
	$(BIN)/python bench/run.py

crash: install
	$(BIN)/python -m tests.crash --kills 50 $(if $(SEED),--seed $(SEED))

fuzz: install
	$(BIN)/python -m tests.fuzz --requests 20000 $(if $(SEED),--seed $(SEED))

# The tests of properties with examples drawn anew; `make test` has the same ones every time.
properties: install
	HYPOTHESIS_PROFILE=drawn $(BIN)/python -m pytest -m hypothesis

# A cluster loses its head node, under a server whose functions run there.
cluster: install
	$(BIN)/python -m pytest -m long tests/engines/compute

# Real clients (see docs/clients.md), each in an environment of its own.
clients: install
	$(BIN)/python -m tests.clients

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .cache
