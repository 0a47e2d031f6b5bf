# Lodge. `make demo` to look at it, `make test` before you send a change.

PYTHON ?= python3
HOST   ?= 127.0.0.1
PORT   ?= 8000
JOBS   ?= 4

BIN := .venv/bin
NPM := .venv/node/node_modules/.bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
PO  := $(wildcard server/translations/*/LC_MESSAGES/messages.po)
MO  := $(PO:.po=.mo)

NODE_PACKAGES := @eslint/js@9.39.5 eslint@9.39.5 globals@17.14.0 idb@8.0.4 prettier@3.10.1 stylelint@16.26.1 \
                 stylelint-config-recommended@17.0.0 typescript@6.0.3

UPGRADE    ?=
UV_COMPILE := .venv/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header $(UPGRADE)

export PATH := $(CURDIR)/$(BIN):$(PATH)
# where it is set, each of the many processes of the tests compiles Lodge anew
export PYTHONDONTWRITEBYTECODE :=

.PHONY: install demo test soak check bench pictures words lock sbom clean
.DEFAULT_GOAL := install

install: .venv/installed $(MO)  ## .venv with the lodge command

demo: install  ## the demo estate on http://localhost:8000
	@$(BIN)/lodge demo --host $(HOST) --port $(PORT)

test: check .venv/caddy .venv/chromium .venv/postgresql .venv/strace  ## everything
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal

soak: export LODGE_SOAK := 1
soak: .venv/tested .venv/caddy .venv/chromium .venv/postgresql .venv/strace install  ## before a release: the tests with random input, for hours; see tests/soak.py
	$(BIN)/python -m pytest -n $(JOBS) --durations=0 $(wildcard tests/chaos tests/model tests/sim tests/server/test_fuzzed_requests.py tests/server/auth/test_access.py tests/server/desk tests/server/sync_api/test_openapi.py tests/server/oplog/test_forged_ops.py tests/server/oplog/test_hash_chain.py tests/sync/work/test_time_zones.py tests/browser/test_compiled_templates.py tests/browser/test_every_form.py)

check: .venv/tested .venv/node install  ## all gates but the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports --no-cache
	$(BIN)/djlint templates --lint --quiet
	$(NPM)/tsc --project static/jsconfig.json
	$(NPM)/eslint --config static/.eslint.config.mjs --max-warnings 0 static
	$(NPM)/stylelint --config static/.stylelintrc.json --config-basedir .venv/node 'static/css/*.css'
	$(NPM)/prettier --log-level warn --check static '!static/vendor/**'

bench: .venv/tested .venv/chromium install  ## timings as ratios to a baseline measured in the same run
	$(BIN)/python -m tests.bench

pictures: .venv/tested .venv/chromium install  ## the pictures of docs/img, from the large demo
	$(BIN)/python -m tests.pictures

words: .venv/tested  ## collect translatable texts into the catalogues
	$(BIN)/pybabel --quiet extract -F pyproject.toml --ignore-dirs='.*' -k _l -k _lp:1c,2 -k lazy_gettext -k lazy_pgettext:1c,2 --no-location --sort-output -w 100 -o .venv/messages.pot server sync templates static
	$(BIN)/pybabel --quiet update -w 100 -i .venv/messages.pot -d server/translations --no-fuzzy-matching

lock: .venv/uv/bin/uv  ## pin every package and its hashes anew; UPGRADE=--upgrade takes newer ones
	$(UV_COMPILE) --extra build --extra test --output-file requirements-test.lock pyproject.toml
	$(UV_COMPILE) --extra build --extra pdf --constraint requirements-test.lock --output-file requirements.lock pyproject.toml

sbom: install  ## the bill of materials of a release, CycloneDX
	@$(BIN)/python .ci/sbom.py

clean:  ## remove everything that can be rebuilt; keeps ./var
	rm -rf .venv .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info $(MO)

%.mo: %.po | .venv/installed
	$(BIN)/pybabel --quiet compile -i $< -o $@

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Lodge needs Python 3.11 or newer. Name one: make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv .venv \
	  || { rm -rf .venv; echo "Install what makes environments, then try again: apt install python3-venv"; exit 1; }

.venv/uv/bin/uv: | .venv/bin/python
	@$(PYTHON) -m venv .venv/uv
	@.venv/uv/bin/python -m pip --quiet --disable-pip-version-check install 'uv>=0.9,<1'

.venv/installed: pyproject.toml requirements.lock | .venv/bin/python
	$(PIP) install --require-hashes --requirement requirements.lock
	$(PIP) install --no-build-isolation --editable .
	@touch $@

.venv/tested: pyproject.toml requirements-test.lock | .venv/bin/python
	$(PIP) install --require-hashes --requirement requirements-test.lock
	$(PIP) install --no-build-isolation --editable '.[test]'
	@touch .venv/installed $@

.venv/node: Makefile .ci/needs | .venv/bin/python
	@bash .ci/needs node
	@npm install --prefix $@ --no-save --no-audit --no-fund --loglevel=error $(NODE_PACKAGES) \
	  || { rm -rf $@; exit 1; }
	@touch $@

.venv/caddy .venv/chromium .venv/postgresql .venv/strace: .venv/%: .ci/needs | .venv/tested
	@bash .ci/needs $*
	@touch $@
