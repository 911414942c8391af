"""Making the environment: reading the lock."""

from __future__ import annotations

from voice_app.bootstrap import BUILT, LOCK, locked_packages


def test_no_line_of_the_lock_is_lost() -> None:
    """All packages together are the lock, also those with one entry for each version of Python."""
    lock = LOCK.read_text()
    packages = locked_packages(lock)

    assert sorted("".join(packages.values()).splitlines()) == sorted(lock.splitlines())
    assert packages["numpy"].count("==2.") == 2
    assert BUILT in packages
