"""Real clients: baresip registers with its certificate, is called, and talks."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sipkit import sdp
from trunkward.calltest.baresip import Baresip
from trunkward.calltest.baresip_config import PartyRole, write_config
from trunkward.calltest.parties import LabParty, Media, PartyKind, Transport
from trunkward.calltest.tone import write_tone
from wire.conftest import Node, start_node, stop_node
from wire.media.legs import open_leg
from wire.node.parties import ACME_NUMBER, SBC, SBC_PLAIN, run, south_agent, udp_carrier, until
from wire.node.test_restart import answers_again
from wire.registration.pbx import CONFIG, USERNAME, called_until


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    running = start_node(CONFIG)
    yield running
    stop_node(running)


def baresip(node: Node, directory: Path) -> Baresip:
    """The customer's PBX; it registers."""
    tone = directory / "tone.wav"
    write_tone(tone, frequency_hz=440, duration_s=10)
    credential = node.credential("acme-hq")
    party = LabParty(
        kind=PartyKind.CUSTOMER, name="acme-hq", sip_host="127.0.0.21", sip_port=15061, transport=Transport.TLS,
        media=Media.SDES, numbers=(ACME_NUMBER,), sbc_host=SBC.host, sbc_port=SBC.port,
        certificate=credential.certificate, private_key=credential.key, ca=node.authority,
    )  # fmt: skip
    role = PartyRole(number=USERNAME, answers=True, media=Media.SDES, tone=tone)
    return Baresip(party, role, directory / "baresip")


@pytest.fixture(autouse=True)
def by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The call test's baresip registers nowhere; this one does so at its start, and every minute."""

    def write(directory: Path, **more: Any) -> None:
        write_config(directory, **more)
        accounts = directory / "accounts"
        line = accounts.read_text()
        assert "regint=600;prio=1" in line
        accounts.write_text(line.replace("regint=600;prio=1", "regint=60"))

    monkeypatch.setattr("trunkward.calltest.baresip.write_config", write)


def _is_registered(node: Node, after: float) -> bool:
    told = node.trunkward("registrations", "--json").stdout
    return any(one["since"] > after for line in told.splitlines() for one in json.loads(line)["bindings"])


def test_baresip_registers_and_is_called(node: Node, tmp_path: Path) -> None:
    """Summary: REGISTER, a call on that connection, audio both ways; again after Kamailio was killed."""

    async def scenario() -> None:
        async with (
            baresip(node, tmp_path) as pbx,
            open_leg("carrier", 42000, (), 2, sdp.Profile.PLAIN) as outer,
        ):
            carrier = south_agent(session=outer.session)
            async with udp_carrier(carrier) as endpoint:
                away = carrier.own(endpoint.flow(SBC_PLAIN))
                for again in (False, True):
                    began = 0.0
                    if again:
                        began = time.time()
                        was = node.pid("kamailio")
                        node.signal("kamailio", signal.SIGKILL)
                        await answers_again(was, node)
                    await until(partial(_is_registered, node, began), "it to be registered", 75)
                    pbx.forget_events()
                    call = await called_until(200, carrier, away)
                    await pbx.wait_event("CALL_ESTABLISHED", deadline_s=20)
                    outer.agree(call.remote_sdp)
                    outer.rtp.arrived.clear()
                    pbx.forget_events()
                    await outer.talk(50)
                    await until(lambda: len(outer.rtp.arrived) > 25, "baresip's audio", 20)
                    await call.bye()

    try:
        run(node, scenario)
    finally:
        print((tmp_path / "baresip" / "log").read_text(errors="replace")[-6000:])
