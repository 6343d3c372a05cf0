# The back office on one machine: Python 3.12 or later and make are all it needs.

.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON := .venv/bin/python
PORT ?= 8000
ARGS ?=

help:  ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /\1  /p' $(MAKEFILE_LIST) | awk '{ printf "  make %-7s", $$1; $$1 = ""; print $$0 }'

up: .venv/local.stamp  ## Run everything on this machine; Ctrl-C stops it (PORT=8080, ARGS="--no-demo")
	@exec $(PYTHON) manage.py up --port $(PORT) $(ARGS)

test: .venv/test.stamp  ## Run all tests (ARGS="tests/jobs -k cancel" for some)
	@$(PYTHON) -m pytest -n 2 --dist loadfile $(ARGS)

check: .venv/test.stamp  ## Format, lint, types, imports, dependencies, migrations, untranslated text, pins
	.venv/bin/ruff format --check --quiet
	.venv/bin/ruff check --quiet
	.venv/bin/mypy
	.venv/bin/lint-imports --no-cache
	.venv/bin/deptry . --no-ansi
	$(PYTHON) manage.py makemigrations --check --dry-run
	$(PYTHON) manage.py messages --check
	$(PYTHON) -m backoffice.local.pins requirements*.txt

bench: .venv/test.stamp  ## Measure the goals, both sides in one run (ARGS="uploads")
	@$(PYTHON) -m benchmarks $(ARGS)

lock: .venv/test.stamp  ## Compile the requirement files anew; needs uv
	uv pip compile pyproject.toml --extra local --extra test $(COMPILE) -o requirements-test.txt
	uv pip compile pyproject.toml --extra local $(COMPILE) -c requirements-test.txt -o requirements-local.txt
	uv pip compile pyproject.toml $(COMPILE) -c requirements-test.txt -o requirements.txt

COMPILE := --universal --generate-hashes --no-header --python-version 3.12 --quiet

.venv/local.stamp: requirements-local.txt
	@sh .ci/install local

.venv/test.stamp: requirements-test.txt requirements-local.txt
	@sh .ci/install test

.PHONY: help up test check bench lock
