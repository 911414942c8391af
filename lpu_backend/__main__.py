"""`python -m lpu_backend`: the chip alone, with numbers for tokens. `voice-app lpu` is the same, with text."""

from __future__ import annotations

import os
import sys

from lpu_backend.errors import LpuError
from lpu_backend.lpu_command import run_command


def main() -> int:
    """Run a command of the terminal; return its exit status."""
    try:
        print(run_command(sys.argv[1:]), flush=True)  # noqa: T201 - the program's output
    except BrokenPipeError:  # the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except LpuError as error:
        print(error, file=sys.stderr)  # noqa: T201 - its complaint
        return 6
    return 0


if __name__ == "__main__":
    sys.exit(main())
