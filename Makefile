# Each target sets up all it needs: a Python from 3.11 to 3.13, make and a
# package registry are enough. A second call installs nothing.
.DEFAULT_GOAL := help
SUPPORTED := import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	"$$p" -c "$(SUPPORTED)" 2>/dev/null && echo "$$p" && break; done)
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/.ready
JOBS ?= 2

$(READY): requirements.txt pyproject.toml
	@test -n "$(PYTHON)" || { echo "No Python 3.11, 3.12 or 3.13 with venv was found. Install one \
	(Debian, Ubuntu: python3-venv) or name it: make PYTHON=/path/to/python3.12"; exit 1; }
	"$(PYTHON)" -m venv $(VENV)
	$(RUN) -m pip install --disable-pip-version-check --quiet --requirement requirements.txt
	$(RUN) -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	$(RUN) book/tools/runner.py
	@touch $(READY)

.PHONY: help install book test test-all notebooks lesson study studies jupyter lab pdf colab links serve assignments collect formgrader challenges bench mutants lock format clean
help: ## Say what each target does
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile | expand -t 20

install: $(READY) ## Set up .venv (every other target does it by itself)

book: $(READY) ## Build the website into _build/html
	$(RUN) book/tools/site_build.py

test: $(READY) ## Run the tests; every notebook is executed and compared (20 minutes)
	$(RUN) -m pytest

test-all: $(READY) ## Run the weekly tests, too: other machines, hostile submissions, a hub, paper
	$(RUN) -m pytest tests book

notebooks: $(READY) ## Execute every notebook again and store it
	$(RUN) book/tools/notebooks.py --jobs $(JOBS)

lesson: $(READY) ## Check one lesson in two minutes: make lesson NAME=dropout
	@test -n "$(NAME)" || { echo "Name the lesson: make lesson NAME=vanishing_gradients"; exit 1; }
	$(RUN) book/tools/lesson.py $(NAME)

study: $(READY) ## Measure one stored comparison again: make study NAME=...
	@test -n "$(NAME)" || { echo "Name the study: make study NAME=..."; ls book/studies; exit 1; }
	$(RUN) book/tools/studies.py $(NAME)

studies: $(READY) ## Measure every stored comparison again (up to 15 minutes each)
	$(RUN) book/tools/studies.py

jupyter: $(READY) ## Open the lessons in JupyterLab, as Binder does
	$(RUN) book/tools/jupyter_edition.py --output _build/jupyter
	JUPYTER_CONFIG_PATH="$(CURDIR)/book/hub/readers" $(RUN) -m jupyterlab _build/jupyter

lab: $(READY) ## Execute every lesson in JupyterLab, in a browser, within 2 GiB (half an hour)
	$(RUN) -m pytest tests/weekly/every_lesson.py --numprocesses=0 -rP

pdf: $(READY) ## Print the whole book into one PDF (needs Chromium or Chrome)
	$(RUN) book/tools/pdf.py

colab: $(READY) ## Make the edition for Colab (needs GITHUB_REPOSITORY=owner/name)
	$(RUN) book/tools/colab.py --output _build/colab

links: $(READY) ## Ask every other site that the book links whether the page is there
	$(RUN) book/tools/site_build.py --builder linkcheck

serve: book ## Build the website and show it at http://localhost:8000
	$(RUN) -m http.server --directory _build/html 8000

challenges: $(READY) ## Grade what students hand in from the Lab: make challenges FOLDER=...
	@test -d "$(FOLDER)" || { echo "Name the folder: make challenges FOLDER=hand_ins"; exit 1; }
	$(RUN) book/tools/challenges.py "$(FOLDER)"

assignments: $(READY) ## Release the graded assignments without their solutions
	$(RUN) book/tools/assignments.py

collect: $(READY) ## Sort in what students hand in: make collect NAME=schedules CLASS=class.csv
	@test -n "$(NAME)" || { echo "Name the assignment: make collect NAME=schedules"; exit 1; }
	cd book/assignments && ../../$(RUN) grading/grading_collect.py "$(NAME)" \
	  $(if $(CLASS),--class-list "$(abspath $(CLASS))")

formgrader: $(READY) ## Open JupyterLab to grade: nothing of a submission runs in its formgrader
	cd book/assignments && JUPYTER_CONFIG_PATH="$(CURDIR)/book/assignments" ../../$(RUN) -m jupyterlab

bench: $(READY) ## Measure time, memory and size of everything (an hour and a half)
	$(RUN) tests/benchmarks/run.py

mutants: $(READY) ## Break ch11lib in 84 places and see who notices (half an hour)
	$(RUN) tests/mutations/run.py

lock: ## Compile requirements.txt, and Binder's, from pyproject.toml (needs uv)
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --no-emit-index-url \
	  --no-annotate --custom-compile-command "make lock" \
	  --group book --group test pyproject.toml --output-file requirements.txt
	uv pip compile --quiet --python-version 3.11 --python-platform linux --no-emit-index-url \
	  --no-annotate --custom-compile-command "make lock" --constraint requirements.txt \
	  --group run pyproject.toml --output-file .binder/requirements.txt

format: $(READY) ## Format and lint the code
	$(RUN) -m ruff format . && $(RUN) -m ruff check --fix .

clean: ## Remove everything that was made, .venv included
	rm -rf $(VENV) _build build *.egg-info .pytest_cache .mypy_cache .ruff_cache
