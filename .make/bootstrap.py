"""Makes the environment: locked packages, llama.cpp built for this machine, and proof that it runs.

Runs before anything is installed, so the standard library is all it uses. Does nothing when all is in place.
`run` installs what the program needs, `dev` also what its developers do: everything in the lock.
"""

from __future__ import annotations

import argparse
import ctypes.util
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements.lock"
RUN = ROOT / ".make" / "run.txt"
"""The names of those packages of the lock that running the program takes, models included; `make lock` writes both."""
STAMP = VENV / ".installed"
DOWNLOADS = {"run": "about 470 MB", "dev": "about 640 MB"}
BUILT = "llama-cpp-python"
"""The one package that is compiled here."""

WITHOUT = "-DMTMD_BUILD=OFF -DLLAVA_BUILD=OFF"
# Some virtual machines announce AMX and then fault on its first instruction; decoding gains nothing from it.
NO_AMX = "-mno-amx-tile -mno-amx-int8 -mno-amx-bf16"
NATIVE = f"-DGGML_NATIVE=ON {WITHOUT}"
PORTABLE = f"-DGGML_NATIVE=OFF {WITHOUT}"


class SetupFailed(Exception):
    """Says in one line what is missing and which command mends it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the environment; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("purpose", choices=("run", "dev"), help="what the environment is for")
    parser.add_argument("--sound", action="store_true", help="PortAudio is needed too")
    options = parser.parse_args(arguments)
    try:
        if options.sound and not ctypes.util.find_library("portaudio"):
            provide(["libportaudio2", "libasound2-plugins"], "PortAudio, for the sound card,")
        if STAMP.is_file() and STAMP.read_text() in (stamp("dev"), stamp(options.purpose)):
            return 0
        check_tools()
        make_environment()
        install(options.purpose)
        STAMP.write_text(stamp(options.purpose))
    except SetupFailed as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    return 0


def stamp(purpose: str) -> str:
    """Return what the stamp says when this checkout is installed for a purpose; `dev` serves `run` too."""
    digest = hashlib.sha256()
    for file in (LOCK, RUN, ROOT / "pyproject.toml", Path(__file__)):
        digest.update(file.read_bytes())
    return f"{purpose} {digest.hexdigest()} {ROOT} {sys.version_info[:2]}"


def check_tools() -> None:
    """Raise SetupFailed, or install what is missing where that is allowed."""
    if sys.version_info < (3, 11):  # noqa: UP036 - whatever Python is there runs this file
        raise SetupFailed(
            f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}: make PYTHON=python3.12 …"
        )
    try:
        import ensurepip  # noqa: F401
    except ImportError:
        provide(["python3-venv"], "Python's venv module")
    if not any(map(shutil.which, ("c++", "g++", "clang++"))):
        provide(["g++"], "A C++ compiler")
    if not shutil.which("cmake"):
        provide(["cmake"], "CMake")


def provide(packages: list[str], what: str) -> None:
    """Install Debian packages when this is root on a machine with apt-get; else say the line that does it."""
    line = f"apt-get install -y {' '.join(packages)}"
    if not shutil.which("apt-get") or os.geteuid() != 0:
        raise SetupFailed(f"{what} is missing. Install it with:  sudo {line}")
    print(f"setup: {what} is missing: {line}")
    steps = ["apt-get update -qq", f"{line} -qq"]
    if any(subprocess.run(step.split(), stdout=subprocess.DEVNULL).returncode for step in steps):
        raise SetupFailed(f"{what} could not be installed. Try:  {line}")


def make_environment() -> None:
    """Create the virtual environment unless a whole one is there."""
    if not (PYTHON.is_file() and run_quietly([PYTHON, "-m", "pip", "--version"])):
        print(f"setup: creating {VENV.name}")
        subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)


def install(purpose: str) -> None:
    """Install what the lock names for a purpose, each file checked against its hash; what is there already stays."""
    packages = locked_packages(LOCK.read_text())
    names = set(packages) if purpose == "dev" else set(RUN.read_text().split())
    others = [text for name, text in packages.items() if name in names - {BUILT}]
    print(f"setup: installing {len(others)} packages ({DOWNLOADS[purpose]}, models included)", flush=True)
    pip_install(others)
    build(packages[BUILT], NATIVE)
    pip("install", "--quiet", "--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    if not proven():
        print("setup: llama.cpp built for this very processor does not run on it; building a portable one")
        build(packages[BUILT], PORTABLE, again=True)
        if not proven():
            raise SetupFailed("llama.cpp was built but does not run; see .venv/build.log")


def locked_packages(lock: str) -> dict[str, str]:
    """Return a lock file's text by package name; a package may have an entry for each version of Python."""
    packages: dict[str, str] = {}
    for entry in re.split(r"^(?=[a-zA-Z0-9])", lock, flags=re.MULTILINE):
        if "==" in entry:
            name = entry.split("==")[0]
            packages[name] = packages.get(name, "") + entry
    return packages


def pip(*arguments: str) -> None:
    """Run the environment's pip; raise SetupFailed when it fails."""
    if subprocess.run([PYTHON, "-m", "pip", "--disable-pip-version-check", *arguments]).returncode:
        raise SetupFailed(f"pip {arguments[0]} failed; is a Python package index reachable?")


def pip_install(entries: list[str]) -> None:
    """Install lock entries with hashes required."""
    part = VENV / "part.lock"
    part.write_text("".join(entries))
    pip("install", "--quiet", "--progress-bar=on", "--no-deps", "--require-hashes", "-r", str(part))


def build(entry: str, flags: str, *, again: bool = False) -> None:
    """Compile llama.cpp, showing how far it is. pip keeps the wheel, so that the next environment is quick."""
    part, log = VENV / "part.lock", VENV / "build.log"
    part.write_text(entry)
    environment = dict(os.environ, CMAKE_ARGS=f"{flags} {os.environ.get('CMAKE_ARGS', '')}")
    if " x86_64" in f" {os.uname().machine}":
        for language in ("CFLAGS", "CXXFLAGS"):
            environment[language] = f"{os.environ.get(language, '')} {NO_AMX}".strip()
    command: list[str | Path] = [
        PYTHON,
        "-m",
        "pip",
        "install",
        "-v",
        "--no-deps",
        "--require-hashes",
        "-r",
        part,
    ]
    if again:
        command += ["--no-cache-dir", "--force-reinstall"]
    print("setup: llama.cpp (compiled once, 3 to 10 minutes; from pip's cache after that)", flush=True)
    with (
        log.open("w") as copy,
        subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            copy.write(line)
            if step := re.match(r"\s*\[(\d+)/(\d+)\]", line):
                show_progress(int(step[1]), int(step[2]))
    if process.returncode:
        raise SetupFailed(f"llama.cpp could not be built; the last lines of {log} say why")


def show_progress(done: int, total: int) -> None:
    """Draw a bar in a terminal; print a line now and then elsewhere."""
    if sys.stdout.isatty():
        filled = 30 * done // total
        print(
            f"\r  [{'#' * filled}{'.' * (30 - filled)}] {done}/{total}",
            end="\n" if done == total else "",
            flush=True,
        )
    elif done % 20 == 0 or done == total:
        print(f"  {done}/{total}", flush=True)


def proven() -> bool:
    """Return whether llama.cpp decodes a token here; a wrong instruction set kills that process, not this one."""
    return run_quietly([PYTHON, "-m", "inference.llm.selftest"])


def run_quietly(command: Sequence[str | Path]) -> bool:
    return (
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT).returncode
        == 0
    )


if __name__ == "__main__":
    sys.exit(main())
