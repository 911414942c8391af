"""Threads of the numerical libraries, which read these variables once, when they are loaded.

Three models take turns on two cores; a library whose threads go on spinning after its call takes a core from the next.
"""

from __future__ import annotations

import os

VARIABLES = {
    # Its threads spin for some 30 ms after a product of matrices: llama.cpp's prefill of 16 tokens right behind
    # the log-mel spectrogram of Whisper took 82 ms with them, and 47 ms without (measured).
    "OPENBLAS_NUM_THREADS": "1",
    # By default OpenMP's threads spin on while another program has the core of the thread they wait for: 4 tokens
    # a second instead of 67 beside busy programs with 1000 (measured). 5000 decodes a twentieth faster than 1000
    # on a quiet machine, and as fast beside busy programs.
    "GOMP_SPINCOUNT": "5000",
}


def quiet_threads() -> None:
    """Set the variables that the user has not set; call it before numpy is imported."""
    for name, value in VARIABLES.items():
        os.environ.setdefault(name, value)
