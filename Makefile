# make demo    a spoken conversation from recordings, on any machine      make chat    talk with it, on the sound card or the keyboard
#              both fetch a better language model once (1.1 GB); SMALL=1 declines it, SMALL=0 takes it again
# make quick   tests without models, sound card, browser and terminal     make test    all tests
# make check   lint, types, arrows between the rooms
PYTHON ?= python3
BIN := .venv/bin
REAL := model or card or terminal
PARALLEL := --numprocesses auto --dist loadfile --no-loadscope-reorder
COMPILE := uv pip compile pyproject.toml --universal --python-version 3.11 --no-emit-index-url --no-annotate --no-header

SMALL ?=
OFFER = $(BIN)/voice-app models offer $(if $(SMALL),$(if $(filter 0,$(SMALL)),--no-small,--small))
MODEL = $(if $(filter-out 0,$(SMALL)),--model smollm2-135m-instruct)

.PHONY: demo chat quick test check run dev pictures lock clean

demo: run
	@$(OFFER)
	@$(BIN)/voice-app demo --out demo-out $(MODEL)

chat:
	@$(PYTHON) .make/bootstrap.py run --sound
	@$(OFFER)
	@$(BIN)/voice-app chat $(MODEL)

quick: dev
	@$(BIN)/python -m pytest $(PARALLEL) -m "not ($(REAL) or browser or slow)"

test: dev # what loads models, plays sound or types runs alone: it listens to the clock
	@$(BIN)/python -m pytest $(PARALLEL) -m "not ($(REAL))"
	@$(BIN)/python -m pytest -m "$(REAL)"

check: dev
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/mypy .make/bootstrap.py && $(BIN)/lint-imports

run dev: # what the program needs; and what its developers do
	@$(PYTHON) .make/bootstrap.py $@

pictures: dev # the README's, from real runs; needs Chromium
	@$(BIN)/python -m tests.bench.pictures

lock: # needs uv; keeps the versions that the lock names already, unless they no longer fit
	$(COMPILE) --all-extras --group setup --group dev --generate-hashes -o requirements.lock
	$(COMPILE) --extra models --group setup --constraint requirements.lock | sed 's/[ =].*//' | sort -u > .make/run.txt

clean:
	rm -rf .venv demo-out
