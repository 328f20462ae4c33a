"""A binding stands for as long as what was judged when it was made still tells the trunk."""

from typing import Any

import pytest

from trunkward.edge.standing import stands

#: Seconds since the epoch: beyond any run.
FAR = 1e12
OLD, NEW = "ab" * 32, "cd" * 32


def told_by(certificates: tuple[str, ...] = (), networks: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"certificates": list(certificates), "networks": list(networks)}


@pytest.mark.parametrize(
    ("source", "fingerprint", "peer", "does"),
    [
        ("192.0.2.7:40001", OLD, told_by((OLD,), ("192.0.2.0/24",)), True),
        # while an old certificate is let in beside the new one
        ("192.0.2.7:40001", OLD, told_by((NEW, OLD)), True),
        ("192.0.2.7:40001", OLD, told_by((NEW,)), False),
        ("192.0.2.7:40001", "", told_by((NEW,)), False),
        ("192.0.2.7:40001", OLD, told_by((OLD,), ("198.51.100.0/24",)), False),
        ("192.0.2.7:40001", "", told_by((), ("198.51.100.0/24", "192.0.2.7/32")), True),
        ("[2001:db8::7]:40001", "", told_by((), ("2001:db8::/64",)), True),
        ("[2001:db8::7]:40001", "", told_by((), ("192.0.2.0/24",)), False),
        # digest alone: nothing of it can be seen
        ("192.0.2.7:40001", "", told_by(), True),
        # not declared any more
        ("192.0.2.7:40001", OLD, None, False),
    ],
)
def test_it_stands(source: str, fingerprint: str, peer: dict[str, Any] | None, *, does: bool) -> None:
    assert stands({"source": source, "fingerprint": fingerprint}, peer, None) is does


@pytest.mark.parametrize(
    ("proof", "proofs", "does"),
    [
        ("secret 3", [["secret 7", None], ["secret 3", None]], True),
        # taken back
        ("secret 3", [["secret 7", None]], False),
        ("secret 3", [], False),
        # until the end of its overlap
        ("secret 3", [["secret 3", FAR]], True),
        ("secret 3", [["secret 3", 1.0]], False),
        # another authority stands in the trunk's file
        ("pbx.example.com by aa", [["pbx.example.com by bb", None]], False),
        # nothing of the kind was asked for then
        ("", [["secret 3", None]], False),
        ("secret 3", None, True),
    ],
)
def test_it_stands_on_what_it_was_recognised_by(
    proof: str, proofs: list[tuple[str, float | None]] | None, *, does: bool
) -> None:
    binding = {"source": "192.0.2.7:40001", "fingerprint": "", "proof": proof}
    assert stands(binding, told_by(), proofs) is does
