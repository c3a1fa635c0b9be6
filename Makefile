# Every target is self-sufficient from a bare checkout: it makes .venv and installs what it needs.
PYTHON ?= python3
BIN := .venv/bin
OUT ?= report
BUDGET ?= quick
SEED ?= 0
NOTEBOOKS ?= notebooks
COUNT ?= 30
MODULES ?=
CLAIMS ?=
# The tests that reach most of what decides, estimates and judges; the others add 2% and take three times as long.
COVERAGE := verify_framework verify_command certificates elimination estimates thresholds_and_scaling sphere tickets trained_readout

.PHONY: help verify test slow coverage mutants seeds lint types bench docs readme notebooks clean

# This list, from the comment above each target.
help:
	@awk '/^# /{said=substr($$0,3)} /^[a-z]+:/{split($$1,name,":"); if(said!="")printf "  make %-10s %s\n",name[1],said} !/^#/{said=""}' Makefile

# Check every claim and its negative controls; writes report/index.html. BUDGET=quick|standard|full, SEED, OUT.
verify: .venv/.installed
	$(BIN)/ltjax verify --budget $(BUDGET) --seed $(SEED) --out $(OUT)

# The test suite but for what takes minutes.
test: .venv/.installed-dev
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

# Tests of minutes each: solvers against the exact reference, sweeps killed again and again.
slow: .venv/.installed-dev
	$(BIN)/python -m pytest -n 2 --dist worksteal -m slow

# How much of what decides and judges the tests run; pyproject.toml has the floor.
coverage: .venv/.installed-dev
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow" --cov --cov-report=term $(COVERAGE:%=tests/test_%.py)

# Small wrong changes to the library, drawn by SEED: do the tests notice? See tests/mutants.py.
mutants: .venv/.installed-dev
	$(BIN)/python tests/mutants.py --count $(COUNT) --seed $(SEED) $(MODULES)

# CLAIMS at COUNT seeds: how often is a true one refuted, or does a control stand? See tests/seeds.py.
seeds: .venv/.installed-dev
	$(BIN)/python tests/seeds.py --seeds $(COUNT) $(CLAIMS)

# Style: ruff, and its formatter.
lint: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# Types, by basedpyright.
types: .venv/.installed-dev
	$(BIN)/basedpyright

# The documentation site, into site/index.html; a broken link fails it.
docs: export NO_MKDOCS_2_WARNING := 1
docs: .venv/.installed-dev
	$(BIN)/mkdocs build --strict --quiet

# The README's table and figures, from a verification of now.
readme: verify
	$(BIN)/python -m ltjax.verify.report.readme $(OUT) README.md

# The notebooks with their results, from their scripts.
notebooks: .venv/.installed-dev
	$(BIN)/python notebooks/build.py --out $(NOTEBOOKS)

# Speed beside what one would otherwise pick: JSON, and the table of docs/speed.md. See benchmarks/README.md.
bench: .venv/.installed-bench
	$(BIN)/python -m benchmarks --json benchmarks/results.json --page docs/speed.md
	$(BIN)/python -m benchmarks.growth
	$(BIN)/python -m benchmarks.throughput

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.installed: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	touch $@

.venv/.installed-dev: .venv/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $@

.venv/.installed-bench: .venv/.installed-dev
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable ".[bench]"
	touch $@

# Remove what these made, the environment too.
clean:
	rm -rf .venv .coverage report site build dist *.egg-info
