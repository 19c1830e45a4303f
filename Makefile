# Start here: `make repro` compares the networks, `make ui` shows the runs, `make test` runs the tests. Each installs
# everything into .venv first, as `make install` does.
# PYTHON is the interpreter for the virtual environment, as in `make repro PYTHON=python3.13`.
PYTHON ?= python3
VENV := .venv
INSTALLED := $(VENV)/installed
EXTRAS := $(VENV)/extras
ACTIVATE := PATH="$(CURDIR)/$(VENV)/bin:$$PATH"

export DVC_NO_ANALYTICS := true
export MLFLOW_DISABLE_TELEMETRY := true
# By default DVC keeps caches, parts of which it unpickles, in a folder of /var/tmp in which all users can write.
DVC_SITE_CACHE_DIR ?= $(CURDIR)/.dvc/tmp/site
export DVC_SITE_CACHE_DIR
# DVC fails for a user id without a name, as in a container.
export LOGNAME ?= $(shell id -un 2>/dev/null)

.PHONY: install repro decide test test-extras test-experiments server ui watch serve lecture check deps bench torture clean

install: $(INSTALLED)

repro: $(INSTALLED)
	@$(ACTIVATE) convtrack repair --quiet
	@mkdir -p -m 700 "$$DVC_SITE_CACHE_DIR"
	@$(ACTIVATE) dvc repro
	@$(ACTIVATE) convtrack ui --link

# With `replicates: auto` in conf/comparison.yaml: train more replicates until every pair of models has a verdict or a
# limit is reached.
decide: $(INSTALLED)
	@$(ACTIVATE) convtrack decide
	@$(ACTIVATE) convtrack ui --link

# The order is that of tests/conftest.py. By default, xdist starts with the files that have the most tests, and the longest
# files would come last.
PYTEST := python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder --durations 30 --durations-min 5
test: $(INSTALLED)
	@$(ACTIVATE) $(PYTEST)

# The tests that need the extras: Ray, PostgreSQL and S3, whose servers they start, TFDS, HEIC and ONNX; and the champion in
# a new environment. Where a single test is named, `make test` runs the others of its file. The files with Ray clusters
# are first and last, because each cluster needs two cores.
test-extras: $(EXTRAS)
	@$(ACTIVATE) CONVTRACK_ENVIRONMENTS=1 $(PYTEST) \
	  tests/system/cluster tests/system/sweeping/test_postgresql.py tests/system/tracking/test_team_server.py \
	  tests/system/cache/test_remotes.py::test_a_clone_reproduces_from_an_s3_store_without_training \
	  tests/system/cache/test_champion.py::test_the_requirements_of_the_logged_model_suffice_in_a_new_environment \
	  tests/system/deployment/test_onnx.py tests/system/data/test_extra_sources.py tests/tracking/test_store_errors.py \
	  tests/sweeping/test_samplers.py tests/system/sweeping/test_ray.py

# Experiments in the queue of DVC, each of which runs the whole pipeline: ten minutes.
test-experiments: $(INSTALLED)
	@$(ACTIVATE) CONVTRACK_DVC_EXPERIMENTS=1 python -m pytest --durations 6 tests/system/cache/test_dvc_experiments.py

# A demonstration of a team's MLflow server on 127.0.0.1, with users, PostgreSQL and a store of files (docs/team.md).
# PORT is the first of three ports, as in `make server PORT=6000`.
PORT ?= 5050
server: $(EXTRAS)
	@$(ACTIVATE) python -m development.team_server --port $(PORT)

ui: $(INSTALLED)
	@$(ACTIVATE) convtrack ui

# Trainings in the browser, while they run and as a replay.
watch: $(INSTALLED)
	@$(ACTIVATE) convtrack watch

# The champion over HTTP on 127.0.0.1: MLflow's scoring server, and a page that classifies a picture.
serve: $(INSTALLED)
	@$(ACTIVATE) convtrack serve

# The pages of the lecture in docs/lecture/.
lecture: $(INSTALLED)
	@$(ACTIVATE) convtrack lecture

check: $(INSTALLED)
	@$(ACTIVATE) ruff format --check .
	@$(ACTIVATE) ruff check .
	@$(ACTIVATE) mypy

# After imports have changed: write the source files that each stage depends on into dvc.yaml.
deps: $(INSTALLED)
	@$(ACTIVATE) python -m development.stage_dependencies

# Speed: writes reports/benchmarks/, and fails if something is much slower than in the committed results.
bench: $(EXTRAS)
	@$(ACTIVATE) python -m benchmarks

# Kill and interrupt commands at random moments, or take memory, disk or server away from them. This writes
# reports/torture/ and takes hours. For a shorter run: make torture ACTS=20.
ACTS ?= 200
torture: $(INSTALLED)
	@$(ACTIVATE) python -m torture --acts $(ACTS)

clean: $(INSTALLED)
	@$(ACTIVATE) convtrack clean

# What optional features need, such as Ray, PostgreSQL, S3 and ONNX, and the libraries that the benchmarks compare with.
$(EXTRAS): requirements-extras.lock $(INSTALLED)
	@echo "Installing the extras into $(VENV)"
	@$(VENV)/bin/python -m pip install --disable-pip-version-check --compile --progress-bar off --quiet \
	  -r requirements-extras.lock
	@touch $@

# TensorFlow 2.21 has wheels for Python 3.11 to 3.13. Without `--compile`, every start of TensorFlow would take twice as
# long. The lock prevents two `make` from installing at the same time; the second one then finds everything installed.
$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null || { \
	  echo "convtrack needs Python 3.11, 3.12 or 3.13, but $(PYTHON) is $$($(PYTHON) --version 2>&1 | tail -n 1);" \
	    "name another: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; } >&2
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "convtrack needs Python's venv module; on Debian and Ubuntu: sudo apt install python3-venv"; exit 1; } >&2
	@flock .venv.lock bash -o pipefail -ec ' \
	  if [ $@ -nt requirements.lock ] && [ $@ -nt pyproject.toml ]; then exit 0; fi; \
	  echo "Making $(VENV) and installing the locked requirements: 3 GB, some minutes"; \
	  [ -x $(VENV)/bin/pip ] || $(PYTHON) -m venv $(VENV); \
	  $(VENV)/bin/python -m pip install --disable-pip-version-check --compile --progress-bar off \
	    -r requirements.lock; \
	  $(VENV)/bin/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .; \
	  touch $@'
