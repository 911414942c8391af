"""The data that estimates rest on, read from TOML: shapes, GPUs, published figures."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from lpu_backend.errors import EstimateError

LARGEST_BYTES = 1 << 20
_ROOM = Path(__file__).parent.parent


def asset_folder() -> Path:
    """Return the folder of the data: `lpu_backend/_assets` of a wheel, `assets/lpu` of a checkout."""
    for folder in (_ROOM / "_assets", _ROOM.parent / "assets" / "lpu"):
        if folder.is_dir():
            return folder
    raise EstimateError("the installation lacks its folder assets/lpu; install voice-app again")


def read_toml(path: Path) -> dict[str, Any]:
    """Return a small TOML file as a table. Raises EstimateError in one line for what can't be read or parsed."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise EstimateError(f"{path}: larger than {LARGEST_BYTES:,} bytes; name a file of shapes")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise EstimateError(f"{path}: can't be read ({error.strerror}); name a file that is there") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        said = " ".join(str(error).split())[:120]
        raise EstimateError(f"{path}: is no TOML ({said}); correct it") from error
