"""Calls for help in every state a running node and its trunks can be in; a new state is a line of `STATES`."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial

import pytest

from sipkit.call import Call, HeaderLines
from wire.conftest import Node
from wire.node.parties import (
    ACME_NUMBER,
    NORTH_NUMBER,
    carrier_agent,
    connect,
    customer_agent,
    place,
    run,
    tls_carrier,
)
from wire.records.parties import eventually

#: Of no trunk's.
FOREIGN = "+12125550150"

type State = Callable[[Node], AbstractContextManager[None]]


@contextmanager
def disabled(node: Node) -> Iterator[None]:
    """The trunk has been switched off."""
    _apply(node, "enabled: false")
    try:
        yield
    finally:
        _apply(node, "")


@contextmanager
def nothing_opened(node: Node) -> Iterator[None]:
    """The trunk may call one other country."""
    _apply(node, "destinations: {allow: [FR]}")
    try:
        yield
    finally:
        _apply(node, "")


@contextmanager
def draining(node: Node) -> Iterator[None]:
    """The node takes no new calls."""
    assert node.trunkward("drain").returncode == 0
    try:
        yield
    finally:
        assert node.trunkward("undrain").returncode == 0


def without(*parts: str) -> State:
    """These are dead, and nobody starts them."""
    return partial(_without, parts)


@contextmanager
def _without(parts: tuple[str, ...], node: Node) -> Iterator[None]:
    try:
        with node.killed(*parts):
            yield
    finally:
        node.wait_ready()


def _apply(node: Node, key: str) -> None:
    """Applies the node's file with one more key of the first trunk; without one as it was."""
    file = node.home / "node.yaml"
    kept = file.with_suffix(".kept")
    if not kept.exists():
        kept.write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    text = kept.read_text(encoding="utf-8")
    if key:
        first = "      - name: acme-hq\n"
        assert text.count(first) == 1
        text = text.replace(first, f"{first}        {key}\n")
    file.write_text(text, encoding="utf-8")
    answered = node.trunkward("apply", "--restart", "--delete")
    assert answered.returncode == 0, answered.stdout + answered.stderr


#: What is otherwise than usual; whether another call is refused in it; what the caller sends.
STATES: dict[str, tuple[State, bool, str, HeaderLines, str]] = {
    "usual": (nullcontext, False, ACME_NUMBER, (), ""),  # type: ignore[dict-item]
    "disabled": (disabled, True, ACME_NUMBER, (), ""),
    "nothing opened": (nothing_opened, True, ACME_NUMBER, (), ""),
    "draining": (draining, True, ACME_NUMBER, (), ""),
    "no gate": (without("gate-0", "gate-1"), True, ACME_NUMBER, (), ""),
    "no signer": (without("signer"), False, ACME_NUMBER, (), ""),
    "no worker": (without("worker"), False, ACME_NUMBER, (), ""),
    "no Valkey": (without("valkey"), True, ACME_NUMBER, (), ""),
    "no rtpengine": (without("rtpengine"), True, ACME_NUMBER, (), ""),
    "nobody's number": (nullcontext, False, "+19112345678", (), ""),  # type: ignore[dict-item]
    "another's number": (nullcontext, False, FOREIGN, [("P-Asserted-Identity", f"<sip:{FOREIGN}@x>")], ""),  # type: ignore[dict-item]
    "another's number, no gate": (
        without("gate-0", "gate-1"),
        True,
        FOREIGN,
        [("P-Asserted-Identity", f"<sip:{FOREIGN}@x>")],
        "",
    ),
    "anonymous": (nullcontext, False, "anonymous", [("Privacy", "id")], ""),  # type: ignore[dict-item]
    "no offer": (nullcontext, True, ACME_NUMBER, (), "no offer"),  # type: ignore[dict-item]
}


async def called(
    node: Node, number: str, sender: str, headers: HeaderLines, how: str
) -> tuple[int, Call | None, str]:
    """A call to a number; its final status, the call as the carrier saw it, and its Call-ID."""
    customer, north = customer_agent(), carrier_agent()
    async with tls_carrier(node, north):
        flow = await connect(node, customer)
        session = "" if how == "no offer" else None
        call = await place(
            customer, flow, number, headers=headers, sender=f"<sip:{sender}@inner.acme>", session=session
        )
        final = await call.final()
        there = None
        if final.status == 200:
            there = await north.incoming()
            await there.confirmed()
            assert (await call.bye()).status == 200
        await flow.close()
    return final.status, there, call.invite.call_id


@pytest.mark.parametrize("name", STATES)
def test_a_call_for_help_goes(node: Node, name: str) -> None:
    """Summary: 911 reaches the carrier for emergencies in this state, with the number to call back; the log says so."""
    state, refuses, sender, headers, how = STATES[name]

    async def scenario() -> None:
        status, there, call_id = await called(node, "911", sender, headers, how)
        assert status == 200
        placed.append(call_id)
        assert there is not None
        assert there.invite.uri.startswith("sip:911@")
        assert f"sip:{sender}@" in there.invite.get("From")
        # nobody has help sent to where a foreign number is
        assert there.invite.get_all("P-Asserted-Identity") == (f"<sip:{ACME_NUMBER}@sbc.example.com>",)
        if refuses:
            assert (await called(node, NORTH_NUMBER, sender, headers, how))[0] >= 400

    placed: list[str] = []
    before = _alarms(node)
    with state(node):
        run(node, scenario)
    eventually(lambda: _alarms(node) > before, 20, "the alarm")
    assert _alarms(node) == before + 1
    record = node.record(placed[0])
    assert (record["emergency"], record["calling_number"]) == (True, ACME_NUMBER)
    if sender != ACME_NUMBER:
        said = next(found["detail"] for found in record["findings"] if found["check"] == "caller")
        assert f"asserted is {ACME_NUMBER}" in said
    calls = asyncio.run(asyncio.to_thread(node.trunkward, "calls", "--emergency", "--json"))
    assert calls.returncode == 0, calls.stderr
    assert '"emergency": true' in calls.stdout
    assert '"emergency": false' not in calls.stdout


def _alarms(node: Node) -> int:
    said = [line for part in ("gate-0", "gate-1", "kamailio") for line in node.log(part).splitlines()]
    return sum("emergency call" in line and "acme-hq" in line for line in said)
