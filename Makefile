# Everything a person types. `make run` and `make test` set up what they need; both are quick the second time.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
export XTND_DATA_DIR ?= $(CURDIR)/data

.PHONY: run test lint e2e faults bench lock clean

run: $(VENV)/run.stamp
	@PORT=$(PORT) $(BIN)/xtnd serve

test: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -m "not e2e and not faults"

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy xtnd
	$(BIN)/lint-imports
	XTND_DATA_DIR=$$(mktemp -d) $(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python -m tests.translations

e2e: $(VENV)/dev.stamp
	$(BIN)/python -m pytest -m e2e tests/e2e

faults: $(VENV)/dev.stamp
	XTND_TEST_LONG=1 $(BIN)/python -m pytest -m faults tests/faults

bench: $(VENV)/dev.stamp
	$(BIN)/python -m bench.import_orders

# ---------------------------------------------------------------- set-up

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (PYTHON=python3.12 make …)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "python3-venv is missing: apt install python3-venv"; exit 1; }

$(VENV)/run.stamp: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev.stamp: requirements-dev.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/run.stamp

# Needs uv; writes hashes and no index addresses.
lock:
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --extra dev pyproject.toml -o requirements-dev.lock

clean:
	rm -rf $(VENV) build *.egg-info
