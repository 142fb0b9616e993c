"""Sound as numbers: 24 kHz, mono, 16-bit samples; what ffmpeg does to it, and MP3."""

import asyncio
import math
import os
import re
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import imageio_ffmpeg
import lameenc
import numpy as np
from numpy.typing import NDArray

from agents_backend.domain.errors import UpstreamFailed

RATE = 24_000
Samples = NDArray[np.int16]
_QUIET = 120  # of 32,768: below it a recording is silent
_MARGIN = RATE * 30 // 1000
_FADE = RATE * 8 // 1000
_TIMEOUT_SECONDS = 300
_LOWEST_TEMPO = 0.5
_EVEN_RMS = 3_300  # of 32,768: -20 dB
_TRIALS = 3
_CLOSE = 0.4
_METER = "ebur128=framelog=quiet"


@cache
def ffmpeg_path() -> str:
    return str(imageio_ffmpeg.get_ffmpeg_exe())


async def ffmpeg(arguments: Sequence[str], data: bytes) -> tuple[bytes, str]:
    """Run ffmpeg over `data`; its output and what it said.

    Raises:
        UpstreamFailed: it failed, or took more than 5 minutes.
    """
    running = _Ffmpeg(arguments)
    try:
        return await asyncio.get_running_loop().run_in_executor(_threads(), running.over, data)
    finally:
        running.stop()


class _Ffmpeg:
    """A child of a thread, made by `vfork`: the event loop's own way forks the whole worker, which holds it for 40 ms a time."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self._command = [ffmpeg_path(), "-hide_banner", "-nostdin", *arguments]
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False

    def over(self, data: bytes) -> tuple[bytes, str]:
        pipe = subprocess.PIPE
        with subprocess.Popen(self._command, stdin=pipe, stdout=pipe, stderr=pipe) as self._process:  # noqa: S603  # ours
            try:
                if self._stopped:
                    raise UpstreamFailed("Nobody waits for the sound.")
                out, said = self._process.communicate(data, _TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                raise UpstreamFailed("The sound could not be converted in time.") from None
            finally:
                self._process.kill()
        if self._process.returncode:
            raise UpstreamFailed("The sound could not be decoded.", code="SOUND_INVALID")
        return out, said.decode(errors="replace")

    def stop(self) -> None:
        """Whoever waited is cancelled, or has its answer."""
        self._stopped = True
        if self._process is not None:
            self._process.kill()


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(2 * (os.cpu_count() or 1), thread_name_prefix="ffmpeg")


async def decode(data: bytes, *, tempo: float = 1, pitch: float = 1) -> Samples:
    """Any sound file as samples, its tempo and pitch changed by a factor.

    Raises:
        UpstreamFailed: it is no sound.
    """
    chain = filters(tempo, pitch)
    out, _ = await ffmpeg(
        ["-v", "error", "-i", "pipe:0", *chain, "-ar", str(RATE), "-ac", "1", "-f", "s16le", "-"], data
    )
    return np.frombuffer(out, np.int16)


async def bend(samples: Samples, *, tempo: float = 1, pitch: float = 1) -> Samples:
    """The same sound at another tempo and pitch."""
    chain = filters(tempo, pitch)
    if not chain:
        return samples
    raw = ["-f", "s16le", "-ar", str(RATE), "-ac", "1"]
    out, _ = await ffmpeg(["-v", "error", *raw, "-i", "pipe:0", *chain, *raw, "-"], samples.tobytes())
    return np.frombuffer(out, np.int16)


def filters(tempo: float, pitch: float) -> list[str]:
    chain = [f"rubberband=pitch={pitch}"] if pitch != 1 else []
    while tempo < _LOWEST_TEMPO:
        chain.append(f"atempo={_LOWEST_TEMPO}")
        tempo /= _LOWEST_TEMPO
    if abs(tempo - 1) > 1e-3:  # noqa: PLR2004  # nobody hears a thousandth
        chain.append(f"atempo={tempo:.4f}")
    return ["-af", ",".join(chain)] if chain else []


def trim(samples: Samples) -> Samples:
    """Without the silence at its ends, and faded there so that nothing clicks where it is joined."""
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > _QUIET)
    if not loud.size:
        return samples[:0]
    cut = samples[max(0, loud[0] - _MARGIN) : loud[-1] + _MARGIN].astype(np.float32)
    ramp = np.linspace(0, 1, min(_FADE, len(cut) // 2), dtype=np.float32)
    if ramp.size:
        cut[: ramp.size] *= ramp
        cut[-ramp.size :] *= ramp[::-1]
    return cut.astype(np.int16)


def silence(milliseconds: int) -> Samples:
    return np.zeros(RATE * milliseconds // 1000, np.int16)


def milliseconds(samples: Samples) -> int:
    return len(samples) * 1000 // RATE


def evened(samples: Samples) -> Samples:
    """A line as loud as the others: its spoken part at one root mean square, however loud its voice is by nature."""
    sound = samples.astype(np.float32)
    spoken = sound[np.abs(sound) > _QUIET]
    if not spoken.size:
        return samples
    gain = _EVEN_RMS / float(np.sqrt(np.mean(spoken**2)))
    louder: Samples = np.clip(sound * gain, -32_768, 32_767).astype(np.int16)
    return louder


async def loudness(samples: Samples, rate: int) -> float:
    """Integrated loudness in LUFS (EBU R 128); -70 for silence."""
    _, said = await ffmpeg([*_raw(rate), "-af", _METER, "-f", "null", "-"], samples.tobytes())
    return _lufs(said)


def _raw(rate: int) -> list[str]:
    return ["-f", "s16le", "-ar", str(rate), "-ac", "1", "-i", "pipe:0"]


def _lufs(said: str) -> float:
    found = re.findall(r"I:\s+(-?[\d.]+) LUFS", said)
    return float(found[-1]) if found else -70.0


async def levelled(samples: Samples, cuts: Sequence[int], *, target: float, rate: int) -> list[Samples]:
    """The stretches between the cuts, side by side, at another rate and together at a loudness in LUFS.

    Peaks are limited to -1.5 dB, and what the limiter takes is given back. A minute from all over the recording tells how loud
    it is about; the pass that makes it louder measures what came of it, and is repeated where that is not close enough.
    """
    gain = target - await loudness(_sample(samples), RATE)
    parts = np.split(samples, cuts)
    made: list[tuple[Samples, float]] = []
    for _ in range(_TRIALS):
        made = await asyncio.gather(*(_louder(part, gain, rate) for part in parts))
        missing = target - _together(made)
        if abs(missing) < _CLOSE:
            break
        gain += missing
    return [part for part, _ in made]


async def _louder(samples: Samples, gain: float, rate: int) -> tuple[Samples, float]:
    chain = f"volume={gain:.2f}dB,alimiter=limit=0.841:level=false:attack=5:release=60,{_METER},aresample={rate}"
    out, said = await ffmpeg([*_raw(RATE), "-af", chain, "-f", "s16le", "-ac", "1", "-"], samples.tobytes())
    return np.frombuffer(out, np.int16), _lufs(said)


def _together(made: Sequence[tuple[Samples, float]]) -> float:
    """The loudness of all, from each stretch's own and its length: what is gated as silence is about the same share of each."""
    energy = sum(len(part) * 10 ** (lufs / 10) for part, lufs in made)
    return 10 * math.log10(energy / sum(len(part) for part, _ in made))


def _sample(samples: Samples) -> Samples:
    """Twelve stretches of five seconds, evenly from all of it."""
    length, count = RATE * 5, 12
    if len(samples) <= length * count:
        return samples
    return np.concatenate([samples[at : at + length] for at in range(0, len(samples) - length, len(samples) // count)])


def encode_mp3_parts(parts: Sequence[Samples], *, rate: int, kilobits: int) -> bytes:
    """Several stretches at once, each a stream of its own, one after another; they are to begin and end in silence.

    A stream carries up to 0.08 s of the encoder's own silence, so a part should be minutes long.
    """
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return b"".join(pool.map(lambda part: encode_mp3(part, rate=rate, kilobits=kilobits), parts))


def encode_mp3(samples: Samples, *, rate: int = RATE, kilobits: int = 96) -> bytes:
    """Constant bit rate, mono."""
    encoder = lameenc.Encoder()
    encoder.set_bit_rate(kilobits)
    encoder.set_in_sample_rate(rate)
    encoder.set_channels(1)
    encoder.set_quality(7)  # speech of one channel has bits to spare; the better search takes twice as long
    encoder.silence()
    stretch = rate * 10  # a long call would keep the interpreter from everything else
    made = [bytes(encoder.encode(samples[at : at + stretch].tobytes())) for at in range(0, len(samples), stretch)]
    return b"".join([*made, bytes(encoder.flush())])
