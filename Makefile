# make demo    a spoken conversation from recordings, on any machine      make chat    talk with it, on the sound card or the keyboard
# make test    all tests                                                  make check   lint, types, arrows between the rooms
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo chat test check setup lock bench clean

demo: setup
	@$(BIN)/voice-app demo --out demo-out

chat: sound
	@$(BIN)/voice-app chat

test: setup
	@$(BIN)/python -m pytest

check: setup
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

setup:
	@$(PYTHON) voice_app/bootstrap.py

.PHONY: sound
sound:
	@$(PYTHON) voice_app/bootstrap.py --sound

.PHONY: pictures
pictures: setup # the README's, from real runs; needs Chromium
	@$(BIN)/python -m tests.bench.pictures

lock: # needs uv
	uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-annotate --no-header -o requirements.lock

clean:
	rm -rf .venv demo-out
