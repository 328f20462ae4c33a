"""Signed heads: a chain of minutes that only the holder of the key can go on with."""

from base64 import urlsafe_b64encode
from itertools import count

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from trunkward.journal.chain import ChainBroken, Entry
from trunkward.journal.heads import (
    NO_GAP,
    Gap,
    Head,
    Minute,
    only,
    read_line,
    read_minute,
    read_minutes,
    signed_minute,
)

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_numbers = count()


def salt() -> bytes:
    return next(_numbers).to_bytes(16)


def minutes(count: int, key: Ed25519PrivateKey = KEY) -> list[str]:
    last: Entry | None = None
    lines = []
    for number in range(count):
        gap = Gap(count=2, first=1.5, last=2.5, cause="no space") if number == 1 else NO_GAP
        heads = [Head(journal="node", seq=number, hash=f"{number:064x}", gap=gap)]
        last, line = signed_minute(last, heads, 60.0 * number, key, salt)
        lines.append(line)
    return lines


def read(lines: list[str]) -> list[Minute]:
    return list(read_minutes(lines, KEY.public_key()))


def test_what_is_signed_is_read() -> None:
    found = read(minutes(3))
    assert [(one.seq, one.at, one.heads[0].seq) for one in found] == [(1, 0, 0), (2, 60, 1), (3, 120, 2)]
    assert found[1].heads[0].gap == Gap(count=2, first=1.5, last=2.5, cause="no space")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda lines: lines.pop(1), "line 3 of the heads does not follow"),
        (lambda lines: lines.pop(0), "line 2 of the heads does not follow"),
        (lambda lines: lines.insert(1, lines[1]), "line 2 of the heads does not follow"),
        (lambda lines: lines.__setitem__(1, lines[1].replace('"at":60', '"at":61')), "line 2 .* not signed"),
        (
            lambda lines: lines.__setitem__(1, lines[0].split()[0] + lines[1][lines[1].index(" ") :]),
            "not signed",
        ),
        (
            lambda lines: lines.__setitem__(2, minutes(3, Ed25519PrivateKey.generate())[2]),
            "line 3 .* not signed",
        ),
        (lambda lines: lines.__setitem__(2, "nonsense"), "cannot be read"),
        (
            lambda lines: lines.__setitem__(2, lines[2].replace('"seq":2', '"seq":3')),
            "line 3 .* node was changed",
        ),
        (lambda lines: lines.__setitem__(2, lines[2].replace("node", "n0de")), "line 3 .* n0de was changed"),
        (lambda lines: lines.__setitem__(2, lines[2].rpartition(" ")[0] + " []"), "line 3 .* taken out"),
        (lambda lines: lines.__setitem__(2, lines[2].rpartition(" ")[0]), "line 3 .* cannot be read"),
        (lambda lines: lines.__setitem__(2, lines[2].replace("-heads-", "-other-")), "line 3 .* not signed"),
    ],
)
def test_a_file_of_heads_that_was_changed(change: object, said: str) -> None:
    lines = minutes(4)
    change(lines)  # type: ignore[operator]
    with pytest.raises(ChainBroken, match=said):
        read(lines)


def test_a_line_says_of_one_journal_what_it_says_and_of_others_nothing() -> None:
    heads = [
        Head(journal=name, seq=seq) for name, seq in (("node", 7), ("reseller-b", 4711), ("configuration", 3))
    ]
    _, line = signed_minute(None, heads, 60.0, KEY, salt)
    alone = only(line, "node")
    assert read_minute(alone, KEY.public_key()).heads == heads[:1]
    assert "reseller" not in alone
    assert '"seq":4711' not in alone
    assert "configuration" not in alone
    assert read_minute(only(line, "nobody"), KEY.public_key()).heads == []
    with pytest.raises(ChainBroken, match="of node was changed"):
        read_minute(alone.replace('"seq":7', '"seq":8'), KEY.public_key())


def test_whoever_knows_what_a_head_may_be_cannot_try_it() -> None:
    first, again = (signed_minute(None, [Head(journal="node", seq=7)], 60.0, KEY, salt)[0] for _ in range(2))
    assert first.text != again.text


def test_what_was_signed_for_another_purpose_is_no_line() -> None:
    entry, line = signed_minute(None, [], 60.0, KEY, salt)
    other = entry.text.replace("trunkward-heads-1", "trunkward-manifest-1")
    signature = urlsafe_b64encode(KEY.sign(other.encode())).decode()
    assert read_minute(line, KEY.public_key()).heads == []
    with pytest.raises(ChainBroken, match="cannot be read"):
        read_minute(f"{signature} {other} []", KEY.public_key())


def test_a_line_is_found_to_be_the_last_without_its_signature() -> None:
    line = minutes(2)[1]
    entry = read_line(line, None)
    after, _ = signed_minute(entry, [], 200.0, KEY, salt)
    assert (entry.seq, after.seq) == (2, 3)


def test_gaps_add_up() -> None:
    gap = NO_GAP.and_([5.0, 7.0], "no space").and_([9.0], "gone")
    assert gap == Gap(count=3, first=5.0, last=9.0, cause="no space")
    assert NO_GAP.plus(gap) == gap.plus(NO_GAP) == gap
