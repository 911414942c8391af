"""Threads of the numerical libraries: one that spins after its call takes a core from the model whose turn is next."""

from __future__ import annotations

import os

SPIN_COUNT = "5000"
"""How long OpenMP's threads spin before they sleep; read once, when the OpenMP library is loaded. By default they spin
on while another program has the core of the thread they wait for: 4 tokens a second instead of 67 beside busy programs
with 1000 (measured). 5000 decodes a twentieth faster than 1000 on a quiet machine, and as fast beside busy programs."""


def shorten_spinning() -> None:
    """Set OpenMP's spin count, unless the user has; call it before a model is imported."""
    os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)


def single_thread_blas() -> None:
    """Keep numpy's products of matrices in the thread that asks for them.

    OpenBLAS's threads spin for some 30 ms after each: llama.cpp's prefill of 16 tokens right after the log-mel
    spectrogram of Whisper took 82 ms with them, and 47 ms without (measured).
    """
    from threadpoolctl import threadpool_limits

    threadpool_limits(1, user_api="blas")
