"""A binding stands for as long as what was judged when it was made still tells the trunk."""

from typing import Any

import pytest

from trunkward.edge.standing import stands

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
    assert stands({"source": source, "fingerprint": fingerprint}, peer) is does
