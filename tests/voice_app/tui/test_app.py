"""What keys, mouse, pastes and the size of the terminal do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual import events as textual_events
from textual.pilot import Pilot

from tests.voice_app.tui import composed
from tests.voice_app.tui.shown import Asked, app_at, recorded, ticked
from voice_app.core import events
from voice_app.core.errors import VoiceAppError
from voice_app.tui.app import Chat, ChatApp
from voice_app.tui.composer import MOST_CHARS
from voice_app.tui.items import NoteItem
from voice_app.tui.modal_screens import Help, Welcome
from voice_app.tui.scene import Scene

Play = Callable[[Pilot[int]], Awaitable[object]]
CREATED = composed.created()


def play(app: ChatApp, *acts: Play, size: tuple[int, int] = (100, 30)) -> None:
    """Run an app, let it settle, act, and let it settle again."""

    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            await ticked(*acts)(pilot)

    asyncio.run(run())


def test_each_key_asks_the_session_for_what_the_help_says() -> None:
    """Function keys and their control keys; push-to-talk is two presses, and ends listening all the time."""
    asked = Asked(*CREATED)

    async def keys(pilot: Pilot[int]) -> None:
        await pilot.press("escape", "f2", "ctrl+g", "f3", "ctrl+t", "f4", "f5", "f8", "ctrl+q")

    play(ChatApp(Chat(asked, asked)), keys)

    assert asked.asked == [
        ("interrupt",),
        ("muted", True),
        ("muted", False),
        ("hands free", False),
        ("talk", True),
        ("talk", False),
        ("hands free", True),
        ("repeat",),
        ("retry",),
        ("end",),
    ]


def test_typed_text_is_sent_by_enter_and_called_up_by_an_arrow() -> None:
    """Ctrl+J breaks the line; an empty text is not sent; the arrow up brings back what was sent."""
    asked = Asked(*CREATED)

    async def keys(pilot: Pilot[int]) -> None:
        await pilot.press("enter", *"one", "ctrl+j", *"two", "enter", "up", "enter")

    play(ChatApp(Chat(asked, asked)), keys)

    assert asked.asked == [("submit", "one\ntwo"), ("submit", "one\ntwo")]


def test_what_is_typed_before_the_models_are_loaded_is_asked_afterwards() -> None:
    """Nothing typed is lost."""
    asked = Asked()

    async def type_early(pilot: Pilot[int]) -> None:
        await pilot.press(*"hi", "enter")
        await pilot.pause()
        assert asked.asked == []
        asked.log += CREATED

    play(ChatApp(Chat(asked, asked)), type_early)

    assert asked.asked == [("submit", "hi")]


def test_pasted_lines_stay_lines() -> None:
    """However a terminal sends their ends."""
    asked = Asked(*CREATED)
    app = ChatApp(Chat(asked, asked))
    pasted = list[str]()

    async def paste(pilot: Pilot[int]) -> None:
        app.chat_screen.composer.post_message(textual_events.Paste("my note\rsecond\r\nthird\nfourth"))
        await pilot.pause(0.3)
        pasted.append(app.chat_screen.composer.text)

    play(app, paste)

    assert pasted == ["my note\nsecond\nthird\nfourth"]


def test_a_paste_of_a_megabyte_keeps_its_beginning_and_what_was_typed() -> None:
    """What is cut off is reported with its size; escape sequences in it do nothing."""
    asked = Asked(*CREATED)
    app = ChatApp(Chat(asked, asked))

    async def paste(pilot: Pilot[int]) -> None:
        await pilot.press(*"ab")
        app.chat_screen.composer.post_message(textual_events.Paste("\x1b[31m" + "x" * (1 << 20)))

    async def send(pilot: Pilot[int]) -> None:
        await pilot.press("enter")

    play(app, paste, send)

    (kind, text), *rest = asked.asked
    assert (kind, len(str(text)), rest) == ("submit", MOST_CHARS, [])
    assert str(text).startswith("ab␛[31mxxx")
    notes = [item.text for item in app.scene.items.values() if isinstance(item, NoteItem)]
    assert [
        note for note in notes if "1,048,581 pasted characters" in note and "1,040,583 were cut off" in note
    ]


@pytest.mark.slow
def test_the_palette_offers_what_the_session_has_under_its_own_name() -> None:
    """A device named like markup is a device; choosing it asks the session for it."""
    asked = Asked(*CREATED)
    app = ChatApp(Chat(asked, asked))
    found = list[str]()

    async def choose(pilot: Pilot[int]) -> None:
        while app.choices is None:
            await pilot.pause()
        found.extend(command.title for command in app.get_system_commands(app.screen))
        await pilot.press("ctrl+p")
        await pilot.pause()
        await pilot.press(*"hw:1,0")
        await pilot.pause(0.5)
        await pilot.press("down", "enter")
        await pilot.pause(0.2)

    play(app, choose)

    assert {"Model: small", "Model: large", "Input: USB [hw:1,0]", "Input: HDA"} <= set(found)
    assert asked.asked == [("switch", {"input": "USB [hw:1,0]"})]


def test_the_first_start_greets_once_and_remembers_the_theme(tmp_path: Path) -> None:
    """The second start goes straight to the chat, in the theme that was chosen."""
    file = tmp_path / "state" / "chat.json"
    seen = list[tuple[bool, str]]()

    async def look(pilot: Pilot[int]) -> None:
        seen.append((isinstance(pilot.app.screen, Welcome), pilot.app.theme))
        pilot.app.theme = "nord"

    for _ in range(2):
        asked = Asked(*CREATED)
        play(ChatApp(Chat(asked, asked, preferences=file)), look)
    file.write_text("{damaged")
    asked = Asked(*CREATED)
    play(ChatApp(Chat(asked, asked, preferences=file)), look)

    assert seen == [(True, "textual-dark"), (False, "nord"), (True, "textual-dark")]


def test_the_greeting_shows_devices_models_and_what_was_measured() -> None:
    """Names as they are, the level, why this model, and the calibration."""
    asked = Asked(*CREATED)
    app = ChatApp(Chat(asked, asked, welcome=True))
    shown = list[str]()

    async def look(pilot: Pilot[int]) -> None:
        while app.choices is None:
            await pilot.pause()
        for _ in range(100):  # a busy machine draws later
            app.tick()
            await pilot.pause()
            shown.insert(0, app.export_screenshot(simplify=True).replace("&#160;", " "))
            if "USB [hw:1,0]" in shown[0]:
                break
        await pilot.press("enter")

    play(app, look)

    for words in ("USB [hw:1,0]", "none found", "smollm2-135m-instruct", "the largest", "46 ms", "-30 dB"):
        assert words in shown[0], words


def test_what_is_typed_over_the_greeting_is_the_first_message() -> None:
    """No letter is lost, be it one that closes other screens; so with what is pasted there."""
    asked = Asked(*CREATED)
    app = ChatApp(Chat(asked, asked, welcome=True))

    async def begin(pilot: Pilot[int]) -> None:
        while not isinstance(app.screen, Welcome):
            await pilot.pause()
        await pilot.press(*"quiz me")
        await pilot.pause(0.3)
        await pilot.press(*" now", "enter")

    play(app, begin)

    assert asked.asked == [("submit", "quiz me now")]


def test_pages_are_the_transcripts() -> None:
    """PageUp in the text field scrolls what was said, PageDown goes back to its end."""
    asked = Asked(*CREATED)
    app = ChatApp(Chat(asked, asked))
    places = list[float]()

    async def page(pilot: Pilot[int]) -> None:
        for number in range(60):
            app.scene.note("notice", f"line {number}")
        app.tick()
        await pilot.pause(0.2)
        for key in ("x", "pageup", "pagedown"):
            await pilot.press(key)
            await pilot.pause(0.2)
            places.append(app.chat_screen.transcript.scroll_y)

    play(app, page)

    assert places[1] < places[0] == places[2]


def test_help_is_closed_by_escape_without_stopping_anybody() -> None:
    """Escape closes the screen; only the next one interrupts."""
    asked = Asked(*CREATED)
    app = ChatApp(Chat(asked, asked))
    shown = list[bool]()

    async def look(pilot: Pilot[int]) -> None:
        await pilot.press("f1")
        shown.append(isinstance(app.screen, Help))
        await pilot.press("escape")
        shown.append(isinstance(app.screen, Help))

    play(app, look)

    assert (shown, asked.asked) == ([True, False], [])


def test_the_last_answer_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    """To the clipboard, as it was written; before there is an answer, the user is told so."""
    app = app_at(recorded(), 60.0)

    async def copy(pilot: Pilot[int]) -> None:
        await pilot.press("f9")

    play(app, copy)

    assert app.clipboard == "Bees make honey."


@pytest.mark.parametrize("kind", ["md", "json", "wav"])
def test_exports_never_overwrite(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second export of a session is a second file, and both are named on the screen."""
    monkeypatch.chdir(tmp_path)
    asked = Asked(*composed.with_table())
    app = ChatApp(Chat(asked, asked))

    async def export(pilot: Pilot[int]) -> None:
        for _ in range(2):
            app.action_export(kind)
            await app.workers.wait_for_complete()

    play(app, export)

    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"voice-app-2026-11-22_10-00-00-2.{kind}", f"voice-app-2026-11-22_10-00-00.{kind}"]
    if kind != "wav":  # which the session writes
        assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_an_export_is_of_the_moment_it_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The conversation goes on while the file is written."""
    asked = Asked(*composed.with_table())
    app = ChatApp(Chat(asked, asked))
    seen = list[str]()

    def written(scene: Scene, kind: str, folder: Path, control: object) -> Path:
        for key in scene.items:
            app.scene.put(f"{key}.later", NoteItem("notice", "said meanwhile"))
            seen.append(key)
        return folder / kind

    monkeypatch.setattr("voice_app.tui.app.write_export", written)

    async def export(pilot: Pilot[int]) -> None:
        app.action_export("md")
        await app.workers.wait_for_complete()

    play(app, export)

    assert seen
    assert {f"{key}.later" for key in seen} < app.scene.items.keys()


def test_an_export_to_a_folder_that_is_gone_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not end the chat."""
    gone = tmp_path / "gone"
    gone.mkdir()
    asked = Asked(*composed.with_table())
    app = ChatApp(Chat(asked, asked))

    async def export(pilot: Pilot[int]) -> None:
        monkeypatch.chdir(gone)
        gone.rmdir()
        app.action_export("md")
        await app.workers.wait_for_complete()
        monkeypatch.chdir(tmp_path)

    play(app, export)

    notes = [item.text for item in app.scene.items.values() if isinstance(item, NoteItem)]
    assert "can't be written" in notes[-1]


@pytest.mark.slow
def test_a_storm_of_sizes_leaves_the_screen_as_it_is() -> None:
    """Down to one cell and up again, while a reply is spoken."""
    app = app_at(composed.hostile(), 2.0)

    async def storm(pilot: Pilot[int]) -> None:
        for width, height in [(20, 5), (1, 1), (300, 90), (7, 2), (100, 3), (3, 100), (80, 24)] * 4:
            await pilot.resize_terminal(width, height)
            app.tick()
        await pilot.press(*"ok")

    play(app, storm)

    assert app.chat_screen.composer.text == "ok"
    assert len(app.scene.items) == 3


def test_a_session_that_fails_ends_the_chat_with_its_reason() -> None:
    """A model that can't be loaded is no frozen screen."""
    asked = Asked()
    app = ChatApp(Chat(asked, asked, failure=lambda: VoiceAppError("no such model")))

    async def wait(pilot: Pilot[int]) -> None:
        await pilot.pause()

    async def run() -> None:
        async with app.run_test() as pilot:
            await pilot.pause(0.3)

    asyncio.run(run())

    assert app.return_code == 0 or app._exit
    assert app.return_value == 1


@pytest.mark.slow
def test_the_latest_line_is_kept_in_sight_until_the_user_scrolls_up() -> None:
    """Reading what was said before is not disturbed by what is said now; at the end it follows again."""
    asked = Asked(*composed.long(20))
    app = ChatApp(Chat(asked, asked))
    seen = list[tuple[float, float]]()

    async def scroll(pilot: Pilot[int]) -> None:
        transcript = app.chat_screen.transcript
        for act in (lambda: None, transcript.action_page_up, lambda: None, transcript.action_scroll_end):
            act()
            asked.log += [events.Noticed(at_s=90.0, message="More.")]
            for _ in range(3):
                app.tick()
                await pilot.pause(0.3)
            seen.append((transcript.scroll_y, transcript.max_scroll_y))

    play(app, scroll, size=(80, 24))

    (first, end), (up, _), (still, more), (last, most) = seen
    assert first == end
    assert up < end
    assert (still, more) == (up, end + 4)
    assert last == most


def test_without_a_microphone_the_screen_says_so() -> None:
    """Where nobody can be heard, the status line says to type."""
    asked = Asked(*CREATED, events.Noticed(at_s=0.1, message="there is no microphone"))
    asked.microphone = False
    app = ChatApp(Chat(asked, asked))
    shown = list[str]()

    async def look(pilot: Pilot[int]) -> None:
        shown.append(app.export_screenshot(simplify=True).replace("&#160;", " "))

    play(app, look)

    assert "no microphone: type" in shown[0]
