# `make test` and `make demo` need only Python (3.11 or newer), git and make.

PYTHON ?= python3
VENV ?= .venv
RUN := $(VENV)/bin/python

.PHONY: test lint types demo bench docs site serve clean

test: lint types  ## everything that must hold: lint, types, tests
	$(RUN) -m pytest --numprocesses auto --dist worksteal

lint: $(VENV)/ready
	$(RUN) -m ruff check .

types: $(VENV)/ready
	$(RUN) -m mypy

demo: $(VENV)/ready  ## train a controller, evaluate it, write its pictures to out/pendulum
	$(RUN) -m demos pendulum

bench: $(VENV)/ready
	$(RUN) -m pip install --quiet --editable '.[bench]'
	$(RUN) -m benchmarks

docs serve: export NO_MKDOCS_2_WARNING = 1               # of what comes after the pinned versions

docs: $(VENV)/docs  ## write the site to build/site; no warning is tolerated
	$(RUN) -m mkdocs build
	$(RUN) docs/site/check.py build/site

site: docs  ## the same: its front door has the pages that run in a browser (docs/site/pages.py)

serve: $(VENV)/docs  ## the site at http://127.0.0.1:8000, built again whenever a page changes
	$(RUN) -m mkdocs serve

$(VENV)/docs: $(VENV)/ready
	$(RUN) -m pip install --quiet --editable '.[docs]'
	touch $@

browser:  ## what the tests of pages run in (Debian); without it they are skipped
	apt-get install --yes chromium nodejs

$(VENV)/ready: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --editable '.[demos,cluster,tests]'
	touch $@

clean:
	rm -rf $(VENV) out build/site
