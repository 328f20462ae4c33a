"""Chains on disk. Property 19: they survive a restart, and none is used beyond its end."""

from pathlib import Path

import msgspec

from trunkward.fetcher.kept import PER_CERTIFICATE, KeptChains
from trunkward.live.kept_chain import Kept, key_of, read, written

NOW = 1_790_000_000.0


def kept(number: int = 1, until: float = NOW + 86_400) -> Kept:
    return Kept(url=f"https://c.example.net/{number}.pem", chain=f"chain {number}", until=until)


def test_a_chain_is_there_after_a_restart(tmp_path: Path) -> None:
    KeptChains(tmp_path).put(kept(), NOW)
    again = KeptChains(tmp_path)
    assert again.get(kept().url, NOW) == kept()
    assert again.get(kept(2).url, NOW) is None


def test_none_is_used_beyond_its_end(tmp_path: Path) -> None:
    chains = KeptChains(tmp_path)
    chains.put(kept(until=NOW + 10), NOW)
    assert chains.get(kept().url, NOW + 9) is not None
    assert chains.get(kept().url, NOW + 10) is None


def test_what_is_damaged_or_of_another_is_none(tmp_path: Path) -> None:
    chains = KeptChains(tmp_path)
    chains.put(kept(), NOW)
    [path] = tmp_path.iterdir()
    assert path.name == f"{key_of(kept().url)}.json"
    for wrong in (written(kept(2)), written(kept())[:-5]):
        chains.put(kept(), NOW)
        path.write_bytes(wrong)
        assert chains.get(kept().url, NOW) is None
        assert not path.exists(), "nobody reads it again"
    assert read(b"\xff", kept().url, NOW) is None
    assert read(msgspec.json.encode({"url": kept().url}), kept().url, NOW) is None


def test_there_are_never_more_than_there_is_room_for(tmp_path: Path) -> None:
    """The one goes that was longest not asked for, and no other file is looked at."""
    chains = KeptChains(tmp_path, most=3)
    for number in range(3):
        chains.put(kept(number), NOW)
    assert chains.get(kept(0).url, NOW) is not None
    chains.put(kept(9), NOW)
    there = [chains.get(kept(number).url, NOW) is not None for number in (0, 1, 2, 9)]
    assert there == [True, False, True, True]
    again = KeptChains(tmp_path, most=3)
    again.put(kept(10), NOW)
    assert len(list(tmp_path.glob("*.json"))) == 3
    assert again.get(kept(10).url, NOW) is not None


def test_one_certificate_is_kept_of_few_urls(tmp_path: Path) -> None:
    """Chains are public: whoever publishes another's at a thousand places drives nobody's out."""
    chains = KeptChains(tmp_path, most=10)
    chains.put(kept(0), NOW)
    for number in range(1, 1000):
        chains.put(Kept(url=kept(number).url, chain="another's", until=NOW + 500), NOW)
    chains.put(Kept(url=kept(999).url, chain="another's", until=NOW + 500), NOW)
    assert chains.get(kept(0).url, NOW) is not None
    assert len(list(tmp_path.iterdir())) == 1 + PER_CERTIFICATE
    assert chains.get(kept(999).url, NOW) is not None


def test_what_is_over_is_swept_up(tmp_path: Path) -> None:
    """Also what was there at the start, of which nothing was read."""
    KeptChains(tmp_path).put(kept(1, until=NOW + 10), NOW)
    chains = KeptChains(tmp_path)
    chains.put(kept(2, until=NOW + 10), NOW)
    chains.put(kept(3, until=NOW + 11), NOW)
    chains.sweep(NOW + 10)
    assert [path.stem for path in tmp_path.iterdir()] == [key_of(kept(3).url)]


def test_a_sweep_does_not_hold_answers_up(tmp_path: Path) -> None:
    chains = KeptChains(tmp_path)
    for number in range(201):
        chains.put(kept(number, until=NOW + 10), NOW)
    chains.sweep(NOW + 10)
    assert len(list(tmp_path.iterdir())) == 1


def test_what_a_killed_process_had_begun_is_swept_up(tmp_path: Path) -> None:
    (tmp_path / "x.part").write_text("half")
    (tmp_path / f"{key_of(kept(2).url)}.json").write_text("half")
    chains = KeptChains(tmp_path)
    chains.put(kept(), NOW)
    assert chains.get(kept(2).url, NOW) is None
    assert [path.name for path in tmp_path.iterdir()] == [f"{key_of(kept().url)}.json"]
