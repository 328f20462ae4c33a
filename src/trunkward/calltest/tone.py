"""Tones: making one for a party to play, finding one in what the other party heard."""

import array
import cmath
import math
import sys
import wave
from dataclasses import dataclass
from pathlib import Path

SAMPLE_RATE_HZ = 8000
"""G.711's rate; user agent, tone and recording all use it, so nothing is resampled on the way."""
AMPLITUDE = 0.5
SHARE_WINDOW_HZ = 15.0
"""Energy this close to the peak counts as the tone."""
FFT_SAMPLES = 16384
"""2.048 s at 8 kHz: half a hertz per bin, and shorter than the shortest stretch of talk."""
SILENCE_RMS = 50.0
"""Below this (of 32767) there is no tone to speak of; A-law's own idle noise is at most 8."""


class RecordingError(ValueError):
    """A recording that cannot be judged: not a wav of the expected form, or too short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tone:
    """The strongest frequency of a sound, and the share (0..1) of all energy within 15 Hz of it."""

    frequency_hz: float
    share: float
    rms: float


def write_tone(path: Path, *, frequency_hz: float, duration_s: float) -> None:
    """Write a sine as 8 kHz mono signed 16 bit wav."""
    step = 2 * math.pi * frequency_hz / SAMPLE_RATE_HZ
    peak = AMPLITUDE * 32767
    count = round(duration_s * SAMPLE_RATE_HZ)
    samples = array.array("h", (round(peak * math.sin(step * n)) for n in range(count)))
    if sys.byteorder == "big":
        samples.byteswap()
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(SAMPLE_RATE_HZ)
        out.writeframes(samples.tobytes())


def read_samples(path: Path) -> list[int]:
    """Read a mono 8 kHz s16 recording. Raises RecordingError naming what is wrong with it."""
    try:
        with wave.open(str(path), "rb") as recording:
            form = (recording.getnchannels(), recording.getsampwidth(), recording.getframerate())
            frames = recording.readframes(recording.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        raise RecordingError(f"{path.name}: {error}") from error
    if form != (1, 2, SAMPLE_RATE_HZ):
        raise RecordingError(f"{path.name}: channels, bytes, rate are {form}, not (1, 2, {SAMPLE_RATE_HZ})")
    samples = array.array("h")
    samples.frombytes(frames[: len(frames) // 2 * 2])
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tolist()


def loudest_stretch(samples: list[int]) -> list[int]:
    """The stretch of FFT_SAMPLES with the most energy, in steps of 0.1 s: talk, not silence around it."""
    if len(samples) < FFT_SAMPLES:
        raise RecordingError(
            f"{len(samples) / SAMPLE_RATE_HZ:.2f} s of sound, {FFT_SAMPLES / SAMPLE_RATE_HZ:.2f} s are needed"
        )
    step = SAMPLE_RATE_HZ // 10
    energies = [sum(s * s for s in samples[at : at + step]) for at in range(0, len(samples), step)]
    steps = -(-FFT_SAMPLES // step)
    starts = range(0, max(1, len(samples) - FFT_SAMPLES + 1), step)
    best = max(starts, key=lambda at: sum(energies[at // step : at // step + steps]))
    return samples[best : best + FFT_SAMPLES]


def find_tone(samples: list[int]) -> Tone:
    """Find the dominant frequency by a Hann-windowed FFT. Raises RecordingError if too short or silent."""
    stretch = loudest_stretch(samples)
    rms = math.sqrt(sum(s * s for s in stretch) / len(stretch))
    if rms < SILENCE_RMS:
        raise RecordingError(f"silence (rms {rms:.1f} of 32767)")
    size = len(stretch)
    windowed = [complex(s * (0.5 - 0.5 * math.cos(2 * math.pi * n / size))) for n, s in enumerate(stretch)]
    power = [abs(value) ** 2 for value in _fft(windowed)[: size // 2]]
    bin_hz = SAMPLE_RATE_HZ / size
    power[0] = power[1] = 0.0  # a constant offset is no tone
    peak = max(range(len(power)), key=power.__getitem__)
    reach = round(SHARE_WINDOW_HZ / bin_hz)
    near = sum(power[max(0, peak - reach) : peak + reach + 1])
    return Tone(frequency_hz=peak * bin_hz, share=near / sum(power), rms=rms)


def _fft(values: list[complex]) -> list[complex]:
    """Radix-2 transform; the length is a power of two."""
    size = len(values)
    if size == 1:
        return values
    even, odd = _fft(values[0::2]), _fft(values[1::2])
    turned = [cmath.exp(-2j * math.pi * k / size) * odd[k] for k in range(size // 2)]
    return [even[k] + turned[k] for k in range(size // 2)] + [even[k] - turned[k] for k in range(size // 2)]
