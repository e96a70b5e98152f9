# What people type. Everything is installed into .venv from requirements.lock on first use.
SHELL := bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA_DIR := $(abspath $(or $(HUBSCAPE_DATA_DIR),data))
DBT_SOURCES := $(shell find dbt_project -not -path '*/target/*' -not -path '*/logs/*' \( -name '*.sql' -o -name '*.yml' -o -name '*.csv' -o -name '*.md' \))
MANIFEST := dbt_project/target/hubscape/manifest.json
# One process for each core; at their end Python warns of a semaphore that sqlfluff leaves to it.
SQLFLUFF := PYTHONWARNINGS=ignore:resource_tracker $(BIN)/sqlfluff
SQL_OPTIONS := --disable-progress-bar --processes 0 dbt_project/models dbt_project/tests dbt_project/analyses
# On two cores, a file in one process: its tests share what takes long to make. Those of whole runs come first.
PYTEST := $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder
export DO_NOT_TRACK := 1
export SQL

.PHONY: help install run test test-all lint format ui docs query figures screenshots documents bench clean

help:  ## Lists the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(VENV)/.installed $(MANIFEST)  ## Installs what is missing into .venv and has dbt write its manifest

$(VENV)/.installed: requirements.lock pyproject.toml
	@echo "Installing into $(VENV) (a few minutes the first time) ..."
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' \
		|| { echo "Python 3.11 or 3.12 is needed: make PYTHON=python3.12"; exit 2; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(MANIFEST): $(VENV)/.installed $(DBT_SOURCES)
	@rm -f $@ && $(BIN)/python -m orchestration.dbt
	@touch $@

run: install  ## Pulls, transforms, checks, publishes and reads back one snapshot (of a sandbox Hub by default)
	@$(BIN)/hubscape run

test: install  ## Runs the tests, and says how many slow proofs it leaves out
	$(PYTEST) -m "not slow"

test-all: install  ## Runs all tests, the slow proofs too: half an hour
	$(PYTEST)

lint: install  ## Checks style of Python and SQL, and that the definitions load
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(SQLFLUFF) lint $(SQL_OPTIONS)
	$(BIN)/dagster definitions validate -w workspace.yaml

format: install  ## Formats Python and SQL
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	$(SQLFLUFF) fix $(SQL_OPTIONS)

ui: install  ## Opens the Dagster UI on http://127.0.0.1:3000 with the history of `make run`
	@mkdir -p $(DATA_DIR)/dagster && cp dagster.yaml $(DATA_DIR)/dagster/
	DAGSTER_HOME=$(DATA_DIR)/dagster $(BIN)/dagster dev -w workspace.yaml

docs: install  ## Writes the dbt docs as one page, and the lineage of columns as another
	@$(BIN)/hubscape docs

query: install  ## Opens a prompt over the latest release, or answers: make query SQL='select ...'
	@$(BIN)/hubscape query $${SQL:+"$$SQL"}

figures: install  ## Prints numbers of the latest release that can be checked by hand
	@$(BIN)/hubscape figures

screenshots: install  ## Takes the pictures of README.md anew: takes Chromium and three minutes
	@$(BIN)/python -m tests.browser.screenshots

documents: install  ## Writes anew what README.md and docs take from the code: tables, commands, variables
	@$(BIN)/cog -r README.md docs/*.md

bench: install  ## Measures Hubscape beside its peers on a made-up Hub: make bench, or make bench SCALE=0.05
	@$(BIN)/python -m benchmarks $(if $(SCALE),--scale $(SCALE))

clean:  ## Removes what was built; data and .venv stay
	rm -rf dbt_project/target dbt_project/logs .pytest_cache .ruff_cache build *.egg-info
