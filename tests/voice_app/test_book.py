"""A book: its length, its steps, and that it is the same book however often its writing is stopped."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.types import ChatRequest
from tests.voice_app.book_model import TOPIC, ScriptedBookChat, plan, reply, sentence
from voice_app.cli.book_command import BookRequest, run_book
from voice_app.core.errors import BookError, OutputError
from voice_app.demos.books.book import Book, write_book
from voice_app.demos.books.book_markdown import book_as_markdown
from voice_app.demos.books.book_plan import chapters, checked_topic, outline_step
from voice_app.demos.books.guard import fault, is_known, sentences, word_count
from voice_app.demos.books.measures import distinct, quality
from voice_app.demos.books.work_folder import WorkFolder
from voice_app.demos.books.writer import Writer
from voice_app.runtime.settings import Settings

ROOT = Path(__file__).parents[2]


def written(folder: Path, model: ScriptedBookChat, pages: int = 4, **more: Callable[..., object]) -> Book:
    """Write a book, or go on with it."""
    wanted = plan(pages)
    return write_book(wanted, Writer(model), WorkFolder.open(folder, wanted, False), lambda _: None, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("pages", [1, 2, 5, 7, 23])
def test_a_book_has_exactly_the_pages_asked_for(pages: int, tmp_path: Path) -> None:
    """Each of 250 to 300 words, each with its heading."""
    book = written(tmp_path, ScriptedBookChat(), pages)

    assert len(book.pages) == pages
    assert all(250 <= word_count(page.paragraphs) <= 300 for page in book.pages)
    assert all(page.heading for page in book.pages)


@settings(deadline=None)
@given(st.integers(1, 300))
def test_pages_are_shared_out_among_the_chapters(pages: int) -> None:
    """No page is lost or shared, chapters differ by one page at most, and each has a facet of its own."""
    wanted = plan(pages)
    facets = outline_step(wanted).facets
    parts = chapters(wanted, [f"h{n}" for n in range(len(facets))])
    lengths = [part.pages for part in parts]

    assert sum(lengths) == pages
    assert max(lengths) - min(lengths) <= 1
    assert [part.first_page for part in parts] == [1 + sum(lengths[:n]) for n in range(len(parts))]
    assert len(set(facets)) == len(facets)


def test_pages_can_be_written_in_any_order(tmp_path: Path) -> None:
    """A page's input is decided before the first page: backwards gives the same bytes."""
    forwards = written(tmp_path / "a", ScriptedBookChat(), 7)
    backwards = written(tmp_path / "b", ScriptedBookChat(), 7, order=lambda steps: steps[::-1])

    assert book_as_markdown(forwards) == book_as_markdown(backwards)


def test_every_step_starts_with_an_empty_mind(tmp_path: Path) -> None:
    """The model forgets once a step, so that a step's text does not depend on the steps before."""
    model = ScriptedBookChat()
    written(tmp_path, model, 4)

    assert model.forgot == len(list(tmp_path.glob("*.json"))) - 1 == 6


class Stopped(Exception):
    """Stands for a death at this moment."""


def test_a_book_stopped_at_any_request_goes_on_to_the_same_book(tmp_path: Path) -> None:
    """Stopped at each of its requests in turn, it resumes with the steps that are done, and ends with equal bytes."""
    whole = ScriptedBookChat()
    expected = book_as_markdown(written(tmp_path / "whole", whole, 3))
    for last in range(len(whole.requests)):

        def stop(number: int, last: int = last) -> None:
            if number == last:
                raise Stopped

        folder = tmp_path / str(last)
        with pytest.raises(Stopped):
            written(folder, ScriptedBookChat(before=stop), 3)
        model = ScriptedBookChat()

        assert book_as_markdown(written(folder, model, 3)) == expected
        assert len(model.requests) <= len(whole.requests)
    assert len(model.requests) < len(whole.requests) / 2


@pytest.mark.slow
def test_a_book_survives_kill_9(tmp_path: Path) -> None:
    """Killed in the middle of a page, the next run keeps the pages that were done, and the book is the same."""
    code = (
        "import sys, time; from pathlib import Path\n"
        "from tests.voice_app.book_model import *; from voice_app.demos.books.book import write_book\n"
        "from voice_app.demos.books.work_folder import WorkFolder; from voice_app.demos.books.writer import Writer\n"
        "model = ScriptedBookChat(before=lambda _: time.sleep(0.02))\n"
        "write_book(plan(9), Writer(model), WorkFolder.open(Path(sys.argv[1]), plan(9), False), lambda _: None)\n"
    )
    folder = tmp_path / "steps"
    process = subprocess.Popen([sys.executable, "-c", code, str(folder)], cwd=ROOT)
    while process.poll() is None and len(list(folder.glob("page-*.json"))) < 3:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = len(list(folder.glob("page-*.json")))
    model = ScriptedBookChat()
    resumed = written(folder, model, 9)

    assert process.returncode == -signal.SIGKILL
    assert 3 <= done < 9
    assert model.forgot == 9 - done
    assert book_as_markdown(resumed) == book_as_markdown(written(tmp_path / "whole", ScriptedBookChat(), 9))


@pytest.mark.parametrize("damage", ["", "{", '{"input_sha256": 3}', "[]", '"x"', "\x00", '{"output": 1}'])
def test_a_damaged_step_is_done_again(damage: str, tmp_path: Path) -> None:
    """Whatever somebody did to a step's file, the book is the same."""
    expected = book_as_markdown(written(tmp_path, ScriptedBookChat()))
    digest = json.loads((tmp_path / "page-002.json").read_text())["input_sha256"]
    (tmp_path / "page-002.json").write_text(damage)
    (tmp_path / "page-003.json").write_text(json.dumps({"input_sha256": digest, "output": ["x"], "took": {}}))

    assert book_as_markdown(written(tmp_path, ScriptedBookChat())) == expected


def test_the_steps_of_another_book_are_not_touched(tmp_path: Path) -> None:
    """Another topic, length, seed or model: refused, unless the user wants to start anew."""
    written(tmp_path, ScriptedBookChat(), 2)
    with pytest.raises(BookError, match="another book \\(2 pages"):
        WorkFolder.open(tmp_path, plan(2, seed=2), False)
    fresh = WorkFolder.open(tmp_path, plan(2, seed=2), True)

    assert [file.name for file in fresh.path.iterdir()] == ["plan.json"]


def test_a_folder_of_something_else_is_not_touched(tmp_path: Path) -> None:
    """Not even with --fresh."""
    (tmp_path / "thesis.txt").write_text("mine")
    for fresh in (False, True):
        with pytest.raises(OutputError):
            WorkFolder.open(tmp_path, plan(), fresh)

    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_fresh_removes_a_books_own_files_alone(tmp_path: Path) -> None:
    """What else lies in the folder stays; a plan.json of another program is no leave to remove anything."""
    written(tmp_path, ScriptedBookChat(), 2)
    mine = [tmp_path / "thesis.txt", tmp_path / "page-one.json", tmp_path / "chapter-01.json.bak"]
    for file in mine:
        file.write_text("mine")
    WorkFolder.open(tmp_path, plan(2, seed=2), True)

    assert sorted(tmp_path.iterdir()) == sorted([*mine, tmp_path / "plan.json"])

    for foreign in ('{"tasks": []}', "[]", "no JSON"):
        (tmp_path / "plan.json").write_text(foreign)
        (tmp_path / "outline.json").write_text("mine")
        with pytest.raises(OutputError, match="no book's"):
            WorkFolder.open(tmp_path, plan(), True)
        assert (tmp_path / "plan.json").read_text() == foreign
        assert (tmp_path / "outline.json").exists()


def test_a_folder_that_cannot_be_emptied_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line, by the room's error."""

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    written(tmp_path, ScriptedBookChat(), 2)
    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(OutputError, match="Permission denied"):
        WorkFolder.open(tmp_path, plan(), True)


def test_the_command_reports_and_does_not_overwrite(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """JSON with the basis of every speed; a second run is refused, --force makes the same file out of the steps."""
    monkeypatch.setattr("voice_app.cli.book_command._identity", lambda _: "scripted")
    request = BookRequest(TOPIC, 3, tmp_path / "b.md", json=True, estimates=False)
    first = ScriptedBookChat(token_s=0.001)
    assert run_book(Settings(), request, lambda _: first) == 0
    report, content = json.loads(capsys.readouterr().out), request.out.read_bytes()
    with pytest.raises(OutputError, match="--force"):
        run_book(Settings(), request, lambda _: first)
    again = ScriptedBookChat()
    run_book(Settings(), BookRequest(TOPIC, 3, request.out, force=True, estimates=False), lambda _: again)

    assert report["pages"] == 3
    assert (report["speed"]["basis"], report["emulated"]["basis"]) == ("measured", "emulated")
    assert report["emulated"]["tokens_per_s"] == pytest.approx(1000)
    assert (again.requests, request.out.read_bytes()) == ([], content)
    assert "5 steps were there already" in capsys.readouterr().out


def test_ctrl_c_is_no_accident(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status 130, one line that says what is kept, no book yet; the same command goes on."""
    monkeypatch.setattr("voice_app.cli.book_command._identity", lambda _: "scripted")
    request = BookRequest(TOPIC, 3, tmp_path / "b.md", estimates=False)

    def stop(number: int) -> None:
        if list(request.steps.glob("page-*.json")):
            raise KeyboardInterrupt

    status = run_book(Settings(), request, lambda _: ScriptedBookChat(before=stop))

    assert status == 130
    assert "1 of 3 pages" in capsys.readouterr().err
    assert not request.out.exists()
    assert run_book(Settings(), request, lambda _: ScriptedBookChat()) == 0


@pytest.mark.parametrize(
    "talk",
    [
        "Bees are bees are bees are bees are bees are bees are bees.",
        "Sure! Here is a list: 1) bees 2) honey",
        "word " * 200,
        "\x00\x1b[31m <b>Bees</b> | - * # live. " * 5,
        "",
        "As an AI language model, I can't write about bees.",
    ],
    ids=["loop", "list", "endless", "markup", "silence", "itself"],
)
def test_a_model_that_writes_nothing_usable_is_given_up(talk: str, tmp_path: Path) -> None:
    """In bounded time, with one line that says what to do; plain headings take the place of its own."""
    model = ScriptedBookChat(lambda _: talk)
    with pytest.raises(BookError, match="--seed, or a larger --model"):
        written(tmp_path, model, 1)

    assert len(model.requests) < 100
    assert json.loads((tmp_path / "outline.json").read_text())["output"] == [
        "Keeping Bees in a City: beginnings"
    ]


def test_a_model_that_repeats_itself_now_and_then_fills_a_page(tmp_path: Path) -> None:
    """Sentences that are on the page already are left out, and those after them."""

    def often_the_same(request: ChatRequest) -> str:
        same = sentence(random.Random(7))
        return (
            f"{same} {reply(request)}"
            if request.sampling.seed % 3 and not request.grammar
            else reply(request)
        )

    book = written(tmp_path, ScriptedBookChat(often_the_same), 2)
    for page in book.pages:
        said = [one for paragraph in page.paragraphs for one in sentences(paragraph)]

        assert len(said) == len(set(said))
        assert all(fault(one, said[:place]) is None for place, one in enumerate(said))


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_cut_into_sentences_and_judged(text: str) -> None:
    """Without an error; what is good is printable, one line, and short enough."""
    for one in sentences(text):
        if fault(one, []) is None:
            assert one.isprintable()
            assert len(one.split()) <= 45


def test_what_is_known_is_told_from_what_is_new() -> None:
    """Two fifths of the runs of three words are too much."""
    before = ["The keeper opens the hive in the morning."]

    assert is_known("The keeper opens the hive in the evening.", before)
    assert not is_known("The keeper opens a window for the swarm.", before)


def test_the_figures_of_a_text() -> None:
    """Distinct-n, repeated sentences and words a page are what their definitions say."""
    pages = [["Bees fly. Bees fly.", "Bees sleep."], ["Cats sleep."]]
    found = quality(pages, "bees")

    assert distinct(["a b a b"], 1) == 0.5
    assert distinct(["a b a b"], 2) == pytest.approx(2 / 3)
    assert found["repeated_sentences"] == 0.25
    assert found["on_topic_paragraphs"] == pytest.approx(2 / 3, abs=1e-3)
    assert (found["least_words_a_page"], found["most_words_a_page"]) == (2, 6)


@pytest.mark.parametrize("topic", ["", " ", "...", "\x00", "x" * 121])
def test_a_topic_that_is_none_is_refused(topic: str) -> None:
    """With a line that says what a topic is."""
    with pytest.raises(BookError, match="topic"):
        checked_topic(topic)


def test_a_topic_is_one_line() -> None:
    """Control characters and the dot at its end are no part of it."""
    assert checked_topic(" the\nsea\x1b[0m. ") == "the sea [0m"


@pytest.mark.model
def test_the_real_model_writes_the_same_book_twice(tmp_path: Path) -> None:
    """Two processes, one page each: equal files, by the embedded model; the speed is measured."""
    reports = []
    for name in ("a", "b"):
        run = subprocess.run(
            [sys.executable, "-m", "voice_app", "demo", "book", TOPIC, "--pages", "1", "--json"]
            + ["--out", str(tmp_path / f"{name}.md")],
            capture_output=True,
            text=True,
            timeout=180,
            env=os.environ,
        )
        assert run.returncode == 0, run.stderr
        reports.append(json.loads(run.stdout))

    assert (tmp_path / "a.md").read_bytes() == (tmp_path / "b.md").read_bytes()
    assert reports[0]["quality"]["repeated_sentences"] == 0
    assert reports[0]["speed"]["pages_per_s"] > 0
    assert [rate["chips"] for rate in reports[0]["systems"]["rates"]][:1] == [1]
