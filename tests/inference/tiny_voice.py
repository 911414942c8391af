"""A tiny voice of the same construction as Piper's, and what tests of voices share."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
from hypothesis import settings

from inference.protocols import TextToSpeech
from inference.types import SpeechChunk, Voice

RATE_HZ = 22_050
untimed = settings(deadline=None)
"""The machine may be busy."""
PLAIN = Voice()
SENTENCES = (
    "The capital of France is Paris.",
    "The rest of the day is in the book of the year.",
    "I am 42 years old, and it's $3.50 for state-of-the-art tickets.",
    "The museum opens at nine in the morning, and the last tour of the old harbour leaves at half past four!",
)


def spoken(engine: TextToSpeech, text: str, voice: Voice = PLAIN) -> list[SpeechChunk]:
    """Return all chunks of `text`."""
    return list(engine.stream(text, voice, Event()))


def phoneme_ids(voice: Path, text: str) -> list[int]:
    """Return the ids piper gives to one sentence."""
    from piper import PiperConfig, PiperVoice

    config = PiperConfig.from_dict(json.loads(voice.with_name(voice.name + ".json").read_text("utf-8")))
    piper = PiperVoice(session=None, config=config)
    return [int(i) for i in piper.phonemes_to_ids(piper.phonemize(text)[0])]


def tiny_voice(kernel: int = 5, dilation: int = 1, *, change: str = "", gain: float = 1.0) -> bytes:
    """Return a VITS-like graph: 4 channels, 2 frames an id, 8 samples a frame.

    `change` adds a speaker, or breaks what a cut relies on.
    """
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    first = "first.weight" if change == "renamed" else "dec.conv_pre.weight"
    arrays: dict[str, Any] = {
        "flow.weight": rng.standard_normal((4, 4, kernel)),
        first: rng.standard_normal((4, 4, 3)),
        "dec.up.weight": gain * rng.standard_normal((4, 1, 16)),
        "two": np.full((1, 1), 2.0),
        "four": np.ones((1, 4, 1)),
    }
    shapes = {"last_axis": [2], "row": [1, 1, -1], "zero": [0]}
    value = helper.make_tensor_value_info
    given_ = [value("input", TensorProto.INT64, [1, "n"]), value("input_lengths", TensorProto.INT64, [1])]
    given_ += [value("scales", TensorProto.FLOAT, [3])]
    given_ += [value("sid", TensorProto.INT64, [1])] if change == "speaker" else []
    graph = helper.make_graph(
        _steps(first, dilation, dilation * (kernel - 1) // 2, change),
        "tiny",
        given_,
        [value("output", TensorProto.FLOAT, [1, 1, "samples"])],
        [numpy_helper.from_array(a.astype(np.float32), name) for name, a in arrays.items()]
        + [numpy_helper.from_array(np.array(a, np.int64), name) for name, a in shapes.items()],
        value_info=[value(n, TensorProto.FLOAT, None) for n in ("prior", "mask", "latent", "durations")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    return bytes(model.SerializeToString())


def _steps(first: str, dilation: int, pad: int, change: str) -> list[Any]:
    """Return the nodes of the graph; `first` is the weight that its decoder begins with."""
    from onnx import TensorProto, helper

    node, flowed = helper.make_node, "flowed"
    steps = [
        node("Cast", ["input"], ["ids"], to=TensorProto.FLOAT),
        node("Sub", ["ids", "ids"], ["nothing"]),
        node("Add", ["nothing", "two"], ["width"]),
        node("Ceil", ["width"], ["durations"]),
        node("Unsqueeze", ["ids", "last_axis"], ["column"]),
        node("Concat", ["column", "column"], ["twice"], axis=2),
        node("Reshape", ["twice", "row"], ["frames"]),
        node("Mul", ["frames", "four"], ["mean"]),
        node("Equal", ["frames", "frames"], ["real"]),
        node("Cast", ["real"], ["mask"], to=TensorProto.FLOAT),
        node("RandomNormalLike", ["mean"], ["noise"]),
        node("Gather", ["scales", "zero"], ["noise_scale"]),
        node("Mul", ["noise", "noise_scale"], ["scaled"]),
        node("Add", ["mean", "scaled"], ["prior"]),
        node("Sin", ["prior"], ["bounded"]),
        node("Conv", ["bounded", "flow.weight"], ["flowed"], dilations=[dilation], pads=[pad, pad]),
    ]
    if change == "global":
        steps += [
            node("ReduceMean", ["flowed"], ["average"], axes=[2]),
            node("Sub", ["flowed", "average"], ["level"]),
        ]
        flowed = "level"
    if change == "speaker":
        steps += [
            node("Cast", ["sid"], ["voice"], to=TensorProto.FLOAT),
            node("Add", ["flowed", "voice"], ["told"]),
        ]
        flowed = "told"
    steps += [
        node("Neg", [flowed], ["latent"])
        if change == "unmasked"
        else node("Mul", [flowed, "mask"], ["latent"]),
        node("Conv", ["latent", first], ["pre"], pads=[1, 1]),
        node("ConvTranspose", ["pre", "dec.up.weight"], ["up"], strides=[8], pads=[4, 4]),
        node("Tanh", ["up"], ["output"]),
    ]
    return steps


def install(folder: Path, model: bytes, **changes: object) -> Path:
    """Write `model` and a configuration with `changes` to `folder`; return the voice."""
    from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP

    config = {
        "audio": {"sample_rate": RATE_HZ},
        "espeak": {"voice": "en-us"},
        "num_symbols": 256,
        "num_speakers": 1,
        "phoneme_id_map": DEFAULT_PHONEME_ID_MAP,
    }
    folder.mkdir(parents=True, exist_ok=True)
    voice = folder / "tiny.onnx"
    voice.write_bytes(model)
    voice.with_name("tiny.onnx.json").write_text(json.dumps(config | changes))
    return voice
