# The newcomer's door: `make repro` compares the networks, `make ui` shows the runs, `make test` passes the tests.
# PYTHON picks the interpreter that the virtual environment is made from, as in `make repro PYTHON=python3.13`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/installed

export PATH := $(CURDIR)/$(BIN):$(PATH)
export DVC_NO_ANALYTICS := true
export MLFLOW_DISABLE_TELEMETRY := true

.PHONY: repro test ui check bench clean
.DELETE_ON_ERROR:

repro: $(INSTALLED) .dvc/config
	@dvc repro
	@convtrack ui --link

test: $(INSTALLED)
	@python -m pytest

ui: $(INSTALLED)
	@convtrack ui

check: $(INSTALLED)
	@ruff format --check .
	@ruff check .
	@mypy

bench: $(INSTALLED)
	@python -m benchmarks.locally_connected

clean: $(INSTALLED)
	@convtrack clean

# TensorFlow 2.21 has wheels for Python 3.11 to 3.13. pip compiles bytecode whatever PYTHONDONTWRITEBYTECODE says;
# without it every start of TensorFlow takes twice as long.
$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null || { \
	  echo "convtrack needs Python 3.11, 3.12 or 3.13; '$(PYTHON)' is $$($(PYTHON) --version 2>&1 || true)." \
	    "Name one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "convtrack needs Python's venv module; on Debian and Ubuntu: sudo apt install python3-venv"; exit 1; }
	@echo "Making $(VENV) and installing the locked requirements (about 2 GB, some minutes) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --compile -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
