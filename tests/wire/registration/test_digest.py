"""A trunk that is told by digest alone: it registers from anywhere, and is still asked at each call."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from sipkit import sdp
from sipkit.message import Message
from sipkit.transport import Flow
from trunkward.calltest.tone import write_tone
from wire.conftest import Node, start_node, stop_node
from wire.identification.digest_client import Answering, digest_call
from wire.media.legs import open_leg
from wire.node.parties import (
    ACME_NUMBER,
    NORTH_NUMBER,
    SBC_PLAIN,
    carrier_agent,
    connect,
    place,
    run,
    south_agent,
    tls_carrier,
    udp_carrier,
    until,
)
from wire.registration.pbx import CONFIG, Pbx, called_until, final_of_a_call, pbx_agent
from wire.way_out import way_out

DIGEST = CONFIG.replace(
    "        networks: [127.0.0.1/32, 127.0.0.21/32]\n", "        identified_by: [digest]\n"
).replace("        client_certificate: issued\n", "        username: acme\n", 1)
#: Of two secrets, in seconds.
OVERLAP_S = 4


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    assert "username: acme" in DIGEST
    running = start_node(DIGEST)
    yield running
    stop_node(running)


@pytest.fixture(scope="module")
def password(node: Node) -> str:
    """The trunk's secret, shown once."""
    file = Path(tempfile.mkdtemp(dir=node.home)) / "secret"
    done = node.trunkward("secret", "new", "acme-hq", "--output", str(file))
    assert done.returncode == 0, done.stderr
    return file.read_text().strip()


async def answered(pbx: Pbx, flow: Flow, answering: Answering, **more: object) -> Message:
    """Registers; asked for credentials, registers with them."""
    more = {"user": "acme", **more}
    first = await pbx.register(flow, **more)
    if first.status != 401:
        return first
    answering.take(first.get("WWW-Authenticate"))
    shown = ("Authorization", answering.header("REGISTER", "sip:sbc.example.com"))
    return await pbx.register(flow, **more, headers=[shown])


def test_it_registers_and_is_called(node: Node, password: str) -> None:
    """Summary: 401, then 200; a call comes; a second REGISTER with the same nonce and another count needs no 401."""

    async def scenario() -> None:
        party, carrier = pbx_agent(), south_agent()
        pbx, answering = Pbx(party, "<sip:acme@10.9.8.7:5066>"), Answering(username="acme", password=password)
        async with udp_carrier(carrier) as endpoint:
            outer = carrier.own(endpoint.flow(SBC_PLAIN))
            flow = await connect(node, party, "", "127.0.0.77")
            assert (await answered(pbx, flow, answering)).status == 200
            again = ("Authorization", answering.header("REGISTER", "sip:sbc.example.com"))
            assert (await pbx.register(flow, user="acme", headers=[again])).status == 200
            replayed = await pbx.register(flow, user="acme", headers=[again])
            assert replayed.status == 401
            assert "stale=true" in replayed.get("WWW-Authenticate")
            call = await place(carrier, outer, ACME_NUMBER)
            there = await party.incoming()
            assert (await call.final()).status == 200
            assert there.flow is flow
            assert there.invite.uri == f"sip:{ACME_NUMBER}@10.9.8.7:5066"
            # from both sides, on a connection that nothing but its registration tells
            assert (await call.reinvite(call.local_sdp)).status == 200
            assert (await there.reinvite(there.local_sdp)).status == 200
            assert (await there.bye()).status == 200
            assert (await answered(pbx, flow, answering, contact="*", expires=0)).status == 200
            assert (await final_of_a_call(carrier, outer)).status == 480

    run(node, scenario)


def test_wrong_credentials_sound_alike(node: Node, password: str) -> None:
    """Summary: a wrong password, an unknown user, a nonce of nobody's: 403 or 401, without a reason; nothing is bound."""

    async def scenario() -> None:
        said = []
        for username, secret in (("acme", "wrong"), ("nobody", password)):
            party = pbx_agent()
            flow = await connect(node, party, "", "127.0.0.77")
            answering = Answering(username=username, password=secret)
            answer = await answered(Pbx(party), flow, answering)
            said.append([answer.start_line, *(name for name, _ in answer.headers)])
        assert said[0] == said[1]
        assert said[0][0] == "SIP/2.0 403 Forbidden"
        assert not {"Reason", "Warning"} & set(said[0])
        assert '"bindings": []' in node.trunkward("registrations", "--json").stdout

    run(node, scenario)


def test_it_is_asked_at_each_call_but_an_emergency(node: Node, password: str) -> None:
    """Summary: a registration lets nobody call; 911 on its connection goes unasked, on another one is asked."""

    async def scenario() -> None:
        party, carrier = pbx_agent(), carrier_agent()
        pbx, answering = Pbx(party, "<sip:acme@10.9.8.7:5066>"), Answering(username="acme", password=password)
        async with tls_carrier(node, carrier):
            flow = await connect(node, party, "", "127.0.0.77")
            assert (await answered(pbx, flow, answering)).status == 200
            assert (await (await place(party, flow, NORTH_NUMBER)).final()).status == 407
            call = await place(party, flow, "911")
            assert (await call.final()).status == 200
            await call.bye()
            other = await connect(node, party, "", "127.0.0.78")
            assert (await (await place(party, other, "911")).final()).status == 407
            call, final = await digest_call(
                party, flow, NORTH_NUMBER, Answering(username="acme", password=password)
            )
            assert final.status == 200
            await call.bye()
            assert (await answered(pbx, flow, answering, contact="*", expires=0)).status == 200
            # what it was told by is its registration, which is gone
            assert (await (await place(party, flow, "911")).final()).status == 407

    run(node, scenario)


LINPHONE = """[sip]
sip_port=0
sip_tcp_port=0
sip_tls_port=17061
root_ca={authority}
verify_server_certs=1
verify_server_cn=1
media_encryption=srtp
media_encryption_mandatory=1
default_proxy=0

[auth_info_0]
username=acme
passwd={password}
realm=sbc.example.com
domain=sbc.example.com

[proxy_0]
reg_proxy=<sip:127.0.0.10:5061;transport=tls>
reg_route=<sip:127.0.0.10:5061;transport=tls>
reg_identity=<sip:acme@sbc.example.com>
reg_expires=120
reg_sendregister=1
publish=0

[sound]
playback_dev_id=
ringer_dev_id=
capture_dev_id=

[rtp]
audio_rtp_port=17200

[net]
mtu=1300
"""


def test_linphone_registers_and_is_called(node: Node, password: str, tmp_path: Path) -> None:
    """Summary: linphone registers with SHA-256, takes a call on that connection, and its audio comes."""
    (tmp_path / ".local/share/linphone").mkdir(parents=True)
    file = tmp_path / "linphonerc"
    file.write_text(LINPHONE.format(authority=node.authority, password=password), encoding="ascii")

    async def scenario() -> None:
        async with open_leg("carrier", 42000, (), 2, sdp.Profile.PLAIN) as outer:
            carrier = south_agent(session=outer.session)
            async with udp_carrier(carrier) as endpoint:
                linphone = await asyncio.create_subprocess_exec(
                    *("linphonec", "-a", "-c", str(file), "-d", "6", "-l", str(tmp_path / "log")),
                    cwd=tmp_path,
                    env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
                    stdin=asyncio.subprocess.PIPE,
                    stdout=asyncio.subprocess.DEVNULL,
                    stderr=asyncio.subprocess.STDOUT,
                )
                assert linphone.stdin is not None
                try:
                    tone = tmp_path / "tone.wav"
                    write_tone(tone, frequency_hz=440, duration_s=10)
                    linphone.stdin.write(f"soundcard use files\nplay {tone}\n".encode())
                    await linphone.stdin.drain()
                    await until(
                        lambda: "Linphonec/" in node.trunkward("registrations", "--json").stdout,
                        "linphone to register",
                        30,
                    )
                    call = await called_until(200, carrier, carrier.own(endpoint.flow(SBC_PLAIN)))
                    outer.agree(call.remote_sdp)
                    await outer.talk(50)
                    await until(lambda: len(outer.rtp.arrived) > 25, "linphone's audio", 20)
                    await call.bye()
                    linphone.stdin.write(b"quit\n")
                    await linphone.stdin.drain()
                finally:
                    linphone.stdin.close()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(linphone.wait(), 10)
                    if linphone.returncode is None:
                        linphone.kill()
                        await linphone.wait()
                    with suppress(FileNotFoundError):
                        print((tmp_path / "log").read_text(errors="replace")[-90000:])

    with way_out():
        run(node, scenario)


def test_a_secret_that_is_gone_ends_what_was_registered_with_it(
    node: Node, password: str, tmp_path: Path
) -> None:
    """Summary: after a rotation the binding stands until the end of the overlap and no longer; soon after a revocation calls find nobody, and 911 on the connection is asked."""

    async def scenario() -> None:
        party, carrier = pbx_agent(), south_agent()
        pbx, answering = Pbx(party, "<sip:acme@10.9.8.7:5066>"), Answering(username="acme", password=password)

        async with udp_carrier(carrier) as endpoint:
            outer = carrier.own(endpoint.flow(SBC_PLAIN))
            flow = await connect(node, party, "", "127.0.0.77")
            assert (await answered(pbx, flow, answering)).status == 200
            call = await place(carrier, outer, ACME_NUMBER)
            there = await party.incoming()
            assert (await call.final()).status == 200
            began = time.monotonic()
            overlap = ("--overlap", f"{OVERLAP_S}s", "--output", str(tmp_path / "b"))
            done = node.trunkward("secret", "rotate", "acme-hq", *overlap)
            assert done.returncode == 0, done.stderr
            await called_until(480, carrier, outer)
            assert time.monotonic() - began >= OVERLAP_S - 0.5
            # a running call goes on
            assert (await there.reinvite(there.local_sdp)).status == 200
            assert (await there.bye()).status == 200
            answering.password = (tmp_path / "b").read_text().strip()
            assert (await answered(pbx, flow, answering)).status == 200
            assert node.trunkward("secret", "revoke", "acme-hq").returncode == 0
            await called_until(480, carrier, outer)
            # one process of Kamailio has seen it: longer than any other goes on with what it had
            await asyncio.sleep(1.2)
            assert (await (await place(party, flow, "911")).final()).status == 407

    run(node, scenario)
