# One command for each thing one does here. `make help` lists them. `make run` needs only Python 3.11 and a network.

PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
BOOTSTRAP = $(or $(PYTHON),$(error Python 3.11 or newer is needed, and none was found as python3 on the PATH)) bootstrap.py
BIN = .venv/bin
# Nothing in these is quick, and reading them alone takes a while.
LEFT_FOR_LATER = $(addprefix --ignore=tests/,accounts attacks governance joining journeys proxies web/federated web/practice)

.DEFAULT_GOAL := help
.PHONY: help run story test quick prove lint format bench settings conformance migration clean environment environment-dev

help:  ## say what there is
	@sed -n 's/^\([a-z]*\):.*  ## /  make \1\t/p' Makefile | expand -t 20

run: environment  ## serve the demonstration here, with a synthetic neighbourhood (PORT=8081 for another port)
	@exec $(BIN)/broker demo $(if $(PORT),--port $(PORT))

story: environment  ## tell the main job in the terminal, then stop
	@exec $(BIN)/broker demo --story

test: environment-dev lint  ## everything that can be tested on this machine; says at the end what was not
	$(BIN)/python -m pytest -n 2 --dist worksteal

quick: environment-dev  ## the inner loop: about a minute
	$(BIN)/ruff check --quiet
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow and not needs" -q -x $(LEFT_FOR_LATER)

prove: environment-dev  ## the policy against its model, its engines and its mutants, a hundred thousand times
	$(BIN)/python -m benchmarks.prove

lint: environment-dev  ## style, types, and who imports whom
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache

format: environment-dev  ## put the code in the house style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

bench: environment-dev  ## measure again the numbers in the README
	$(BIN)/python -m benchmarks

settings: environment  ## write docs/settings.md from the settings themselves
	$(BIN)/python -m tests.house.settings_page > docs/settings.md

conformance: environment-dev  ## run what the standards ask, and write CONFORMANCE.md
	$(BIN)/python -m tests.conformance > CONFORMANCE.md

migration: environment-dev  ## write the next database step: make migration name="add a boundary"
	@$(BIN)/python -m broker.migrations "$(name)"

clean:  ## remove what was made here: the environment, the demonstration's data, and caches
	rm -rf .venv var build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

environment:
	@$(BOOTSTRAP) run

environment-dev:
	@$(BOOTSTRAP) dev
