"""The program. The only place that turns errors into one line and an exit status."""

from __future__ import annotations

import sys

from inference.errors import InferenceError
from voice_app.core.errors import VoiceAppError, exit_code


def main() -> None:
    """Run the command line."""
    from voice_app.cli.main import app

    try:
        app()
    except (VoiceAppError, InferenceError) as error:
        sys.stderr.write(f"voice-app: {error}\n")
        sys.exit(exit_code(error))
    except BrokenPipeError:  # whoever read our output has gone
        sys.stderr.close()
        sys.exit(0)


if __name__ == "__main__":
    main()
