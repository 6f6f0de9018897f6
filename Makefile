# Regulars: one command each. Everything lives in .venv/ and var/; `make clean` removes both.

PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.made-$(shell cksum < requirements.lock | cut -d' ' -f1)
RUN := $(VENV)/bin/python
export OPENBLAS_NUM_THREADS := 1
export PYTHONUNBUFFERED := 1

.PHONY: demo test lint bench drill pictures setup browser lock messages clean

setup: $(STAMP)

$(STAMP): requirements.lock
	@echo "Setting up .venv: about 2 minutes and 1.6 GB of disk, once."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; this is " + sys.version)'
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	@$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $(STAMP)

messages-compiled: setup
	@$(RUN) manage.py messages --compile

demo: setup messages-compiled
	@REGULARS_MODE=demo $(RUN) manage.py demo

browser: setup
	@$(RUN) -m tests.browser

test: setup messages-compiled browser
	@REGULARS_MODE=test $(RUN) -m pytest -n auto --dist loadgroup

lint: setup
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(VENV)/bin/lint-imports --no-cache
	@$(VENV)/bin/mypy
	@$(VENV)/bin/djlint --quiet --lint $$(git ls-files '*.html')
	@REGULARS_MODE=test $(RUN) manage.py makemigrations --check --dry-run
	@REGULARS_MODE=test $(RUN) manage.py messages --check

bench: setup
	@REGULARS_MODE=test $(RUN) -m bench $(ONLY)

drill: setup messages-compiled browser
	@REGULARS_MODE=test $(RUN) -m drills $(ONLY)

pictures: setup messages-compiled browser
	@REGULARS_MODE=test $(RUN) -m tests.pictures $(ONLY)

lock:
	@$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --all-extras \
	  --no-emit-index-url --no-emit-find-links --no-header --no-annotate pyproject.toml -o requirements.lock

messages: setup
	@$(RUN) manage.py messages

clean:
	@test ! -x $(RUN) || $(RUN) -m config.embedded clean
	@rm -rf var .venv
