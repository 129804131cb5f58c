# `make demo` and `make test` need nothing but Python 3.10–3.13 and a package registry.
PYTHON ?= python3
# Any torch from 2.2 on serves both commands, for instance: make demo TORCH="torch>=2.2"
TORCH ?= torch==2.13.0
BIN = .venv/bin

.PHONY: demo test lint screenshots clean

demo: .venv/installed
	$(BIN)/ldct-denoise demo demo --overwrite

test: .venv/installed lint
	$(BIN)/python -m pytest

# The pictures of the README: the real panel on Slicer's core, on the demo's head CT
screenshots: .venv/installed
	for scenario in three wipe variants measure regions batch; do \
	    $(BIN)/python -m Testing.host screenshot Resources/Screenshots/$$scenario.png --scenario $$scenario \
	        --width 1400 --height 800 --scale 1.5; \
	done

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# torch first and by name: asked for by another package, pip would take whatever build is newest
.venv/installed: pyproject.toml Makefile
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "$(TORCH)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[networks,filters,pictures,demo,test,test-slicer]"
	touch $@

clean:
	rm -rf .venv demo build *.egg-info LDCTDenoise/*.egg-info
