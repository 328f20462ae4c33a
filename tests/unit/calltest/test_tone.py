import random
from pathlib import Path

import pytest

from trunkward.calltest.tone import RecordingError, find_tone, read_samples, write_tone


@pytest.mark.parametrize("frequency_hz", [440.0, 880.0])
def test_a_written_tone_is_found_at_its_frequency(tmp_path: Path, frequency_hz: float) -> None:
    write_tone(tmp_path / "t.wav", frequency_hz=frequency_hz, duration_s=3)
    tone = find_tone(read_samples(tmp_path / "t.wav"))
    assert tone.frequency_hz == pytest.approx(frequency_hz, abs=0.5)
    assert tone.share > 0.999


def test_silence_around_the_talk_does_not_hide_the_tone(tmp_path: Path) -> None:
    write_tone(tmp_path / "t.wav", frequency_hz=880, duration_s=2.5)
    samples = [0] * 16000 + read_samples(tmp_path / "t.wav") + [0] * 16000
    assert find_tone(samples).share > 0.99


def test_noise_has_no_tone() -> None:
    noise = random.Random(1)
    tone = find_tone([noise.randint(-9000, 9000) for _ in range(20000)])
    assert tone.share < 0.1


@pytest.mark.parametrize(("samples", "why"), [([0] * 20000, "silence"), ([1000] * 8000, "1.00 s of sound")])
def test_what_cannot_be_judged_is_refused(samples: list[int], why: str) -> None:
    with pytest.raises(RecordingError, match=why):
        find_tone(samples)


def test_a_file_that_is_no_recording_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.wav").write_bytes(b"RIFF")
    with pytest.raises(RecordingError, match=r"t\.wav"):
        read_samples(tmp_path / "t.wav")
