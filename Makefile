# The commands people type. `make` alone lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PORT ?= $(or $(ZUSAGE_PORT),8080)
export ZUSAGE_PORT := $(PORT)
export ZUSAGE_DATA_DIR ?= var

PY := .venv/bin/python
ENGINE := .venv-engine/bin/python

.PHONY: help
help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: setup
setup: ## Build both environments and train the assistant
	@deploy/setup

.PHONY: demo
demo: export ZUSAGE_TELEGRAM_PLAYGROUND ?= $(if $(filter fake,$(TELEGRAM)),true,false)
demo: setup ## Start everything with a demo shop (PORT=..., ZUSAGE_DATA_DIR=..., TELEGRAM=fake)
	@exec .venv/bin/zusage up --demo

.PHONY: test
test: setup ## Run all checks and tests in both environments
	@deploy/test

.PHONY: bench
bench: setup ## Measure speed and memory (a table, no assertion)
	@$(PY) -m bench

.PHONY: format
format: setup ## Format the code
	@.venv/bin/ruff format bot engine actions tests bench
	@.venv/bin/ruff check --fix bot engine actions tests bench

.PHONY: lock
lock: ## Resolve the dependencies anew into the hashed requirement files
	@deploy/lock

.PHONY: clean
clean: ## Remove environments, assistant and demo data
	rm -rf .venv .venv-engine .uv models/*.tar.gz var
