# Everything a person or CI runs. `make check` never writes; `make fix` does.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
SCENARIO ?= happy_path
WORKERS ?= 4
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PYTHONPATH := $(CURDIR)
export JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION := 1
CODE := app.py stacks lambdas client rehearsal bench tests

.PHONY: help setup check fix test synth rehearse lab lab-down

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' Makefile

setup: .venv/.ready .venv-account/.ready .venv-runtime/.ready build/node/.ready ## three environments and the CDK CLI; does nothing when they are there

.venv/.ready: requirements.txt requirements-dev.txt
	$(call environment,.venv,requirements-dev.txt)

.venv-account/.ready: rehearsal/requirements-account.txt
	$(call environment,.venv-account,rehearsal/requirements-account.txt)

.venv-runtime/.ready: rehearsal/requirements-runtime.txt
	$(call environment,.venv-runtime,rehearsal/requirements-runtime.txt)

build/node/.ready: .venv/.ready rehearsal/package.json
	@mkdir -p build/node && cp rehearsal/package.json build/node/
	npm install --prefix build/node --no-audit --no-fund --silent
	@touch $@

# A half-made environment has no .ready and is completed by the next call.
define environment
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Crossfade needs Python 3.11 or newer; set PYTHON=/path/to/python3.")'
	@test -x $(1)/bin/pip || $(PYTHON) -m venv $(1) || { rm -rf $(1); \
	  if [ "$$(id -u)" = 0 ]; then apt-get update -qq && apt-get install -y -qq python3-venv && $(PYTHON) -m venv $(1); \
	  else echo "Python has no venv module: ask root for 'apt-get install python3-venv'."; exit 1; fi; }
	@echo "installing $(2) into $(1)"
	@$(1)/bin/pip install --quiet --disable-pip-version-check -r $(2)
	@touch $@
endef

check: setup ## style, types, templates, state machine: reads only
	ruff check $(CODE)
	ruff format --check --quiet $(CODE)
	mypy $(CODE)
	python -m bench.validate

fix: setup ## format, and mend what ruff can mend
	ruff check --fix $(CODE)
	ruff format $(CODE)

test: setup ## every test, WORKERS=4 processes at once
	python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

synth: setup ## the CloudFormation template, offline, into cdk.out
	node build/node/node_modules/aws-cdk/bin/cdk synth --quiet

rehearse: setup ## a whole migration on this machine, with a verdict (SCENARIO=happy_path|all|sweep|…, SEEDS=100, SEED=)
	python -m rehearsal run $(SCENARIO) $(if $(SEEDS),--seeds $(SEEDS)) $(if $(SEED),--seed $(SEED))

lab: setup ## the same account, left running for your own commands
	python -m rehearsal lab

lab-down: ## end the lab
	python -m rehearsal lab-down
