"""The files refused callers hear: found fit to be played before a configuration that names them is taken."""

import stat
import wave
from collections.abc import Iterator
from pathlib import Path

from trunkward.calls.reasons import REASONS

#: Seconds a caller is kept from the refusal at most.
LONGEST_S = 15
_RATE_HZ = 8000


def wrong_announcements(directory: Path) -> Iterator[str]:
    """Everything that is wrong with a directory of announcements, each with what to do."""
    try:
        files = sorted(directory.iterdir())
    except OSError as problem:
        yield f"{directory}: {(problem.strerror or str(problem)).lower()}"
        return
    for place in (directory, *directory.parents):
        if not place.stat().st_mode & stat.S_IXOTH:
            yield f"{place}: the node's processes, which are not root, must be able to pass: chmod o+x"
    known = [reason.value for reason, row in REASONS.items() if row.announced]
    for file in files:
        if file.suffix != ".wav" or file.stem not in known:
            names = ", ".join(f"{name}.wav" for name in known)
            yield f"{file}: no reason that is announced; there may be {names}"
        elif why := _wrong(file):
            yield f"{file}: {why}"


def _wrong(file: Path) -> str:
    try:
        mode = file.stat().st_mode
        if not stat.S_ISREG(mode):
            return "no regular file: rtpengine would wait for one that has no end"
        if not mode & stat.S_IROTH:
            return "the node's processes, which are not root, must be able to read it: chmod o+r"
        with wave.open(str(file), "rb") as sound:
            form = (sound.getnchannels(), sound.getsampwidth(), sound.getframerate())
            lasts_s = sound.getnframes() / sound.getframerate()
    except OSError as problem:
        return (problem.strerror or str(problem)).lower()
    except (wave.Error, EOFError, ZeroDivisionError) as problem:
        return f"no WAV file of PCM: {problem}"
    if form != (1, 2, _RATE_HZ):
        has = f"it has {form[1] * 8} bits, {form[2]} Hz, {form[0]}"
        return f"write PCM of 16 bits, {_RATE_HZ} Hz, one channel; {has}"
    if not 0 < lasts_s <= LONGEST_S:
        return f"lasts {lasts_s:.1f} s; write one of at most {LONGEST_S}"
    return ""
