"""Chains on disk. Property 19: they survive a restart, and none is used beyond its end."""

from pathlib import Path

import msgspec

from trunkward.fetcher.kept import Kept, KeptChains, key_of, read, written

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
    path.write_bytes(written(kept(2)))
    assert chains.get(kept().url, NOW) is None
    path.write_bytes(path.read_bytes()[:-5])
    assert chains.get(kept().url, NOW) is None
    assert read(b"\xff", kept().url, NOW) is None
    assert read(msgspec.json.encode({"url": kept().url}), kept().url, NOW) is None


def test_there_are_never_more_than_there_is_room_for(tmp_path: Path) -> None:
    chains = KeptChains(tmp_path, most=3)
    for number in range(3):
        chains.put(kept(number, until=NOW + (5 if number == 1 else 500)), NOW)
    chains.put(kept(9), NOW + 6)  # one is over by then, and makes room
    assert [chains.get(kept(number).url, NOW + 6) is not None for number in (0, 1, 2, 9)] == [
        *(True, False, True, True)
    ]
    chains.put(kept(10), NOW + 6)
    assert len(list(tmp_path.glob("*.json"))) == 3
    assert chains.get(kept(10).url, NOW + 6) is not None


def test_what_a_killed_process_had_begun_is_swept_up(tmp_path: Path) -> None:
    chains = KeptChains(tmp_path)
    (tmp_path / "x.part").write_text("half")
    (tmp_path / f"{'0' * 64}.json").write_text("half")
    chains.put(kept(), NOW)
    chains.sweep(NOW)
    assert [path.name for path in tmp_path.iterdir()] == [f"{key_of(kept().url)}.json"]
