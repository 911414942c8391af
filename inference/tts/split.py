"""A Piper voice cut in three, so that the first sound needs only the start of the clause.

Piper voices are VITS graphs (Kim et al. 2021, arXiv:2106.06103):

    phoneme ids → text encoder, durations, noise → prior ┊ → flow → latent ┊ → decoder → sound

The text part runs once a clause and draws all randomness. Flow and decoder are convolutions: a frame of
their output hears a bounded number of frames to each side, their reach. Run over windows widened by that
reach, they give the sound of the whole clause, piece by piece. The cut is made once a voice and kept on disk.
"""

from __future__ import annotations

import hashlib
import json
import logging
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from inference.files import write_whole
from inference.onnx_session import open_session
from inference.types import Samples

Frames = npt.NDArray[np.float32]
"""Prior or latent, shape (1, channels, frames)."""
Scales = tuple[float, float, float]
"""Noise, length, noise of the durations: the `scales` input of every Piper voice."""

CUT_FORMAT = 1
"""Part of the name of every stored cut. Raise it when the parts or their layout change."""

FIRST_FRAMES = 20
"""First window: 0.23 s at 22 050 Hz, several times what the second one takes to compute; 32 frames start 5 ms later."""
LARGEST_FRAMES = 160
"""Windows double up to here: beyond, the margins cost little and a cancelled clause would run on."""
SMALLEST_LAST_FRAMES = 32
"""A shorter rest joins the window before it, so that the last window holds the closing silence."""
PROBED_FRAMES = 96
"""A part that hears further than this is not worth windows. HiFi-GAN hears 11, Piper's flow 32."""

_FIRST_WEIGHT = "dec.conv_pre.weight"
"""The decoder's first convolution, shape (features, latent channels, taps)."""

_LOG = logging.getLogger(__name__)


class NotDivisible(Exception):
    """The graph has no place where a cut would leave the sound as it is; `str()` says why."""


@dataclass(frozen=True, slots=True)
class Seams:
    """Names of the tensors at which a voice is cut."""

    prior: str
    mask: str
    latent: str
    durations: str


@dataclass(frozen=True, slots=True, repr=False)
class Cut:
    """The three parts as serialised ONNX graphs, and what it takes to run them over windows."""

    text: bytes
    """`input`, `input_lengths`, `scales` → prior, frames per phoneme id."""
    flow: bytes
    """Prior, mask (ones) → latent."""
    decoder: bytes
    """Latent → sound."""
    flow_reach: int
    """Frames on each side that a frame of latent hears."""
    decoder_reach: int
    """Frames on each side that the sound of a frame hears."""
    samples_per_frame: int


@dataclass(frozen=True, slots=True, eq=False)
class Spoken:
    """The sound of one run of a voice, computed while it is taken."""

    samples_per_id: npt.NDArray[np.float64]
    """Length of each phoneme id, shape (ids,)."""
    windows: Iterator[tuple[Samples, bool]]
    """Sound in order, without gaps; True with the last."""


def load_cut(voice: Path, cache: Path) -> Cut:
    """Return the cut of the .onnx file `voice`, from `cache` when it is there and whole.

    The name of the stored file holds the SHA-256 of the voice, so it never goes stale. When `cache` can't
    be written the cut is made every time. Raises NotDivisible, OSError for an unreadable voice.
    """
    with voice.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    stored = cache / f"{voice.stem}-{digest[:32]}.cut{CUT_FORMAT}"
    with suppress(OSError):
        if cut := unpack(stored.read_bytes()):
            return cut
    cut = cut_voice(voice.read_bytes())
    try:
        write_whole(stored, pack(cut), on_disk=True)
    except OSError as error:
        _LOG.warning("the cut of %s is not kept: %s", voice.name, error)
    return cut


def pack(cut: Cut) -> bytes:
    """Return `cut` as CRC-32 (4 bytes), a line of JSON, the three graphs."""
    parts = (cut.text, cut.flow, cut.decoder)
    head = [[len(part) for part in parts], cut.flow_reach, cut.decoder_reach, cut.samples_per_frame]
    body = b"".join((json.dumps(head).encode(), b"\n", *parts))
    return zlib.crc32(body).to_bytes(4, "big") + body


def unpack(packed: bytes) -> Cut | None:
    """Return what `pack` packed; None when a byte of it is missing or wrong."""
    body = memoryview(packed)[4:]
    if len(packed) < 5 or zlib.crc32(body).to_bytes(4, "big") != packed[:4]:
        return None
    head_end = packed.index(b"\n", 4) + 1
    sizes, flow_reach, decoder_reach, samples_per_frame = json.loads(packed[4:head_end])
    starts = np.cumsum([head_end, *sizes]).tolist()
    text, flow, decoder = (packed[start:end] for start, end in pairwise(starts))
    return Cut(text, flow, decoder, flow_reach, decoder_reach, samples_per_frame)


def find_seams(graph: Any) -> Seams:
    """Find where to cut an onnx.GraphProto. Raises NotDivisible.

    Only the decoder's first convolution goes by a name, that of its PyTorch parameter. The prior is the end
    of the Mul and Add that scale and shift the last noise drawn; the latent is that of the flow, masked.
    """
    producers = {name: node for node in graph.node for name in node.output}
    latents = [n.input[0] for n in graph.node if n.op_type == "Conv" and n.input[1] == _FIRST_WEIGHT]
    noises = [n.output[0] for n in graph.node if n.op_type == "RandomNormalLike"]
    ceils = [n.output[0] for n in graph.node if n.op_type == "Ceil"]
    if len(latents) != 1 or not noises or len(ceils) != 1:
        raise NotDivisible("its graph is not that of a VITS voice exported by Piper")
    prior = noises[-1]
    while len(users := [n for n in graph.node if prior in n.input]) == 1 and users[0].op_type in (
        "Mul",
        "Add",
    ):
        prior = users[0].output[0]
    masked = producers.get(latents[0])
    if masked is None or masked.op_type != "Mul":
        raise NotDivisible("its latent is not masked")
    masks = [name for name in masked.input if prior not in _ancestors(producers, name, set())]
    if len(masks) != 1:
        raise NotDivisible("its flow does not start at the prior")
    return Seams(prior, masks[0], latents[0], ceils[0])


def _ancestors(producers: dict[str, Any], name: str, stops: set[str]) -> set[str]:
    """Return the tensors that `name` is computed from, not looking past `stops`."""
    found: set[str] = set()
    open_names = [name]
    while open_names:
        name = open_names.pop()
        if name not in found:
            found.add(name)
            if name in producers and name not in stops:
                open_names.extend(producers[name].input)
    return found


def cut_voice(model: bytes) -> Cut:
    """Cut a serialised Piper voice. Raises NotDivisible."""
    import onnx
    from onnx.utils import Extractor

    try:
        whole = onnx.load_model_from_string(model)
    except Exception as error:  # protobuf's DecodeError, whose module is not a dependency of ours
        raise NotDivisible("it is not an ONNX file") from error
    seams = find_seams(whole.graph)
    producers = {name: node for node in whole.graph.node for name in node.output}
    graph_inputs = [value.name for value in whole.graph.input]
    extractor = Extractor(whole)

    def part(inputs: list[str], outputs: list[str]) -> bytes:
        reached = set().union(*(_ancestors(producers, name, set(inputs)) for name in outputs))
        given = [name for name in graph_inputs if name in reached and name not in inputs]
        if inputs and set(given) - {"sid"}:
            raise NotDivisible(f"{outputs[0]} also depends on {given[0]}")
        try:
            return bytes(extractor.extract_model([*inputs, *given], outputs).SerializeToString())
        except ValueError as error:
            raise NotDivisible(str(error)) from error

    text = part([], [seams.prior, seams.durations])
    flow = part([seams.prior, seams.mask], [seams.latent])
    decoder = part([seams.latent], [whole.graph.output[0].name])
    channels = next(w.dims[1] for w in whole.graph.initializer if w.name == _FIRST_WEIGHT)
    flow_reach, _ = reach(flow, channels)
    decoder_reach, samples_per_frame = reach(decoder, channels)
    return Cut(text, flow, decoder, flow_reach, decoder_reach, samples_per_frame)


def reach(part: bytes, channels: int) -> tuple[int, int]:
    """Return how many frames to each side `part` hears, and its values per frame; by trying.

    One frame of random input is changed, and the output compared. Raises NotDivisible for a part that
    hears more than PROBED_FRAMES.
    """
    run = _Part(part, threads=1)
    frames = 2 * PROBED_FRAMES + 1
    rng = np.random.default_rng(0)
    furthest = 0
    for _ in range(2):
        before = rng.standard_normal((1, channels, frames), dtype=np.float32)
        after = before.copy()
        after[:, :, PROBED_FRAMES] += 4 * rng.standard_normal(channels, dtype=np.float32)
        old, new = run(before), run(after)
        if old.shape[-1] % frames:
            raise NotDivisible("its sound is not a whole number of samples a frame")
        per_frame = old.shape[-1] // frames
        changed = np.flatnonzero((old != new).any(axis=(0, 1))) // per_frame
        furthest = max(furthest, *np.abs(changed - PROBED_FRAMES).tolist())
    if furthest >= PROBED_FRAMES:
        raise NotDivisible("a part of it hears the whole clause")
    return furthest, per_frame


class _Part:
    """Flow or decoder: (1, channels, frames) in, (1, channels or 1, n × frames) out."""

    def __init__(self, part: bytes, threads: int, speaker: int = 0) -> None:
        self._session = open_session(part, threads)
        names = [given.name for given in self._session.get_inputs()]
        self._speaker = {"sid": np.array([speaker], np.int64)} if "sid" in names else {}
        self._names = [name for name in names if name != "sid"]

    def __call__(self, frames: Frames) -> Frames:
        # A batch of one is never padded: its mask is ones.
        given = (frames, np.ones((1, 1, frames.shape[2]), np.float32))
        out = self._session.run(None, dict(zip(self._names, given, strict=False)) | self._speaker)[0]
        return np.asarray(out, np.float32).reshape(1, -1, out.shape[-1])


def windows(frames: int) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of the windows over `frames`: a small one first, then growing ones."""
    start, size = 0, FIRST_FRAMES
    while start < frames:
        end = start + size
        if frames - end < SMALLEST_LAST_FRAMES:
            end = frames
        yield start, end
        start, size = end, min(2 * size, LARGEST_FRAMES)


class SplitVoice:
    """A voice that runs over windows."""

    def __init__(self, cut: Cut, threads: int, speaker: int = 0) -> None:
        self._text = open_session(cut.text, threads)
        self._speaker = speaker
        self._flow = _Part(cut.flow, threads, speaker)
        self._decoder = _Part(cut.decoder, threads, speaker)
        self._reach = cut.flow_reach, cut.decoder_reach
        self._samples_per_frame = cut.samples_per_frame

    def speak(self, ids: Sequence[int], scales: Scales) -> Spoken:
        """Run the text part on phoneme `ids`; the rest runs as the windows are taken."""
        prior, durations = self.encode(ids, scales)
        return Spoken(durations * self._samples_per_frame, self.decode(prior))

    def encode(self, ids: Sequence[int], scales: Scales) -> tuple[Frames, npt.NDArray[np.float64]]:
        """Return the prior of a clause, its noise drawn, and the frames of each phoneme id."""
        prior, durations = self._text.run(None, text_inputs(self._text, ids, scales, self._speaker))
        return prior, np.asarray(durations, np.float64).reshape(-1)

    def decode(self, prior: Frames) -> Iterator[tuple[Samples, bool]]:
        """Yield the sound of `prior` window by window, with True for the last."""
        flow_reach, decoder_reach = self._reach
        frames = prior.shape[2]
        latent = np.empty_like(prior)
        known = 0
        for start, end in windows(frames):
            needed = min(end + decoder_reach, frames)
            if known < needed:
                first = max(known - flow_reach, 0)
                flowed = self._flow(prior[:, :, first : needed + flow_reach])
                latent[:, :, known:needed] = flowed[:, :, known - first : needed - first]
                known = needed
            first = max(start - decoder_reach, 0)
            sound = self._decoder(latent[:, :, first:needed])[0, 0]
            n = self._samples_per_frame
            yield sound[(start - first) * n : (end - first) * n], end == frames

    def decode_whole(self, prior: Frames) -> Samples:
        """Return the sound of `prior` in one run: what the windows must equal."""
        sound: Samples = self._decoder(self._flow(prior))[0, 0]
        return sound


class WholeVoice:
    """A voice that could not be cut: all sound at once, phoneme ids taken as equally long."""

    def __init__(self, voice: Path, threads: int, speaker: int = 0) -> None:
        self._session = open_session(voice, threads)
        self._speaker = speaker

    def speak(self, ids: Sequence[int], scales: Scales) -> Spoken:
        """Run the whole graph on phoneme `ids`."""
        out = self._session.run(None, text_inputs(self._session, ids, scales, self._speaker))[0]
        sound = np.asarray(out, np.float32).reshape(-1)
        return Spoken(np.full(len(ids), len(sound) / len(ids)), iter([(sound, True)]))


def text_inputs(session: Any, ids: Sequence[int], scales: Scales, speaker: int) -> dict[str, Any]:
    """Return the inputs of a Piper graph; `sid` only where it asks for a speaker."""
    given = {
        "input": np.array([ids], np.int64),
        "input_lengths": np.array([len(ids)], np.int64),
        "scales": np.array(scales, np.float32),
        "sid": np.array([speaker], np.int64),
    }
    return {value.name: given[value.name] for value in session.get_inputs()}
