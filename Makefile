# Every target makes sure of .venv first; all of it happens in this folder.
#
#   make demo     the main job on an emulated office and portal: http://127.0.0.1:8077;
#                 DEMO="--port 9077 --portal-port 9078" where these ports are taken
#   make test     what the tests need, then the tests; TESTS="tests/unit -k numbers" runs a part of them
#   make check    lint, types, test: what has to be green before a commit
#   make bench    the figures, each as a ratio within one run
#   make lint     style, formatting and the floors
#   make types    mypy
#   make package  what an office gets: the wheel and the installer, in dist/
#   make widget   the amoCRM widget's archive, checked: dist/ringbridge-amocrm-widget.zip

PYTHON ?= python3
TESTS ?=
DEMO ?=
# The whole run is shared by two workers; see tests/conftest.py.
SHARED := --numprocesses 2 --dist loadfile --no-loadscope-reorder
VENV := .venv
RUN := $(VENV)/bin
PIP := $(RUN)/python -m pip --disable-pip-version-check install --quiet --retries 10

.PHONY: setup demo test lint types bench check package widget
.DELETE_ON_ERROR:

setup: $(VENV)/ready
	@$(RUN)/python scripts/build_assets.py

demo: setup
	@$(RUN)/ringbridge demo $(DEMO)

test: setup
	@scripts/setup-tests
	@$(RUN)/pytest $(or $(TESTS),$(SHARED))

lint: setup
	$(RUN)/ruff check
	$(RUN)/ruff format --check
	$(RUN)/lint-imports

types: setup
	$(RUN)/mypy
	$(RUN)/mypy -p tests.office
	$(RUN)/mypy -p bench

bench: setup
	@$(RUN)/python -m bench

widget: setup
	@$(RUN)/python scripts/build_widget.py

package: setup
	@$(RUN)/python -m pip --disable-pip-version-check wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .
	@cp deploy/install.sh dist/

check: lint types test

# Made again when the lock or the project's own description changes. pip takes its index from the system's settings.
$(VENV)/ready: requirements-dev.lock pyproject.toml | $(RUN)/python
	@echo "Installing the Python packages into $(VENV): about a minute the first time."
	@$(PIP) --require-hashes --requirement requirements-dev.lock
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(RUN)/python:
	@$(PYTHON) scripts/check_python.py
	@$(PYTHON) -m venv --clear $(VENV)
