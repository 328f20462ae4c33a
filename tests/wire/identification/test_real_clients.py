"""PBXs' own software by digest with SHA-256: SIPp and linphone."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from wire.identification.conftest import Site, number_of
from wire.node.parties import NORTH_NUMBER, SBC, carrier_agent, run, tls_carrier
from wire.way_out import way_out

KEY = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH"
SCENARIO = """<?xml version="1.0" encoding="ISO-8859-1"?>
<scenario name="by digest">
  <send retrans="500"><![CDATA[
    INVITE sip:[service]@sbc.example.com SIP/2.0
    Via: SIP/2.0/TLS [local_ip]:[local_port];branch=[branch];rport
    Max-Forwards: 70
    From: <sip:{number}@[local_ip]>;tag=[pid]t[call_number]
    To: <sip:[service]@sbc.example.com>
    Call-ID: [call_id]
    CSeq: 1 INVITE
    Contact: <sip:pbx@[local_ip]:[local_port];transport=tls>
    Content-Type: application/sdp
    Content-Length: [len]

    {sdp}
  ]]></send>
  <recv response="100" optional="true"/>
  <recv response="407" auth="true"/>
  <send><![CDATA[
    ACK sip:[service]@sbc.example.com SIP/2.0
    Via: SIP/2.0/TLS [local_ip]:[local_port];branch=[branch-4];rport
    Max-Forwards: 70
    From: <sip:{number}@[local_ip]>;tag=[pid]t[call_number]
    [last_To:]
    Call-ID: [call_id]
    CSeq: 1 ACK
    Content-Length: 0

  ]]></send>
  <send retrans="500"><![CDATA[
    INVITE sip:[service]@sbc.example.com SIP/2.0
    Via: SIP/2.0/TLS [local_ip]:[local_port];branch=[branch];rport
    Max-Forwards: 70
    From: <sip:{number}@[local_ip]>;tag=[pid]t[call_number]
    To: <sip:[service]@sbc.example.com>
    Call-ID: [call_id]
    CSeq: 2 INVITE
    Contact: <sip:pbx@[local_ip]:[local_port];transport=tls>
    [authentication username={username} password={password}]
    Content-Type: application/sdp
    Content-Length: [len]

    {sdp}
  ]]></send>
  <recv response="100" optional="true"/>
  <recv response="180" optional="true"/>
  <recv response="{answer}" rrs="true"/>
  {rest}
</scenario>
"""
#: After a 200, and after a 403.
TALKS = """<send><![CDATA[
    ACK [next_url] SIP/2.0
    Via: SIP/2.0/TLS [local_ip]:[local_port];branch=[branch];rport
    [routes]
    Max-Forwards: 70
    From: <sip:{number}@[local_ip]>;tag=[pid]t[call_number]
    [last_To:]
    Call-ID: [call_id]
    CSeq: 2 ACK
    Content-Length: 0

  ]]></send>
  <pause milliseconds="300"/>
  <send retrans="500"><![CDATA[
    BYE [next_url] SIP/2.0
    Via: SIP/2.0/TLS [local_ip]:[local_port];branch=[branch];rport
    [routes]
    Max-Forwards: 70
    From: <sip:{number}@[local_ip]>;tag=[pid]t[call_number]
    [last_To:]
    Call-ID: [call_id]
    CSeq: 3 BYE
    Content-Length: 0

  ]]></send>
  <recv response="200"/>"""
REFUSED = """<send><![CDATA[
    ACK sip:[service]@sbc.example.com SIP/2.0
    Via: SIP/2.0/TLS [local_ip]:[local_port];branch=[branch-1];rport
    Max-Forwards: 70
    From: <sip:{number}@[local_ip]>;tag=[pid]t[call_number]
    [last_To:]
    Call-ID: [call_id]
    CSeq: 2 ACK
    Content-Length: 0

  ]]></send>"""
SDP = (
    """v=0
    o=- 1 1 IN IP4 127.0.0.1
    s=-
    c=IN IP4 127.0.0.1
    t=0 0
    m=audio 17000 RTP/SAVP 8
    a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"""
    + KEY
)


@asynccontextmanager
async def relay(site: Site) -> AsyncIterator[int]:
    """A port where TCP is carried on over TLS: SIPp's own TLS 1.3 hangs on session tickets."""
    tls = ssl.create_default_context(cafile=str(site.node.authority))
    tls.check_hostname = False
    tasks: set[asyncio.Task[None]] = set()
    writers: list[asyncio.StreamWriter] = []

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, onward = await asyncio.open_connection(
            SBC.host, SBC.port, ssl=tls, local_addr=("127.0.9.4", 0)
        )
        writers.extend((onward, writer))
        for pair in ((reader, onward), (there, writer)):
            task = asyncio.create_task(carry(*pair))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in writers:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in writers), return_exceptions=True)


@pytest.mark.parametrize("right", [True, False])
def test_sipp_with_sha_256(site: Site, tmp_path: Path, right: bool) -> None:
    """Summary: SIPp 3.7 is challenged, answers with SHA-256, talks and hangs up; with a wrong password it is refused."""
    said = {
        "number": number_of("by-digest"),
        "username": "west-digest",
        "password": site.passwords["by-digest"] if right else "wrong",
        "answer": "200" if right else "403",
        "sdp": SDP,
    }
    rest = (TALKS if right else REFUSED).format(**said)
    scenario_file = tmp_path / "digest.xml"
    scenario_file.write_text(SCENARIO.format(rest=rest, **said), encoding="ascii")

    async def scenario() -> None:
        carrier = carrier_agent()
        async with tls_carrier(site.node, carrier), relay(site) as port:
            sipp = await asyncio.create_subprocess_exec(
                *("sipp", "-sf", str(scenario_file), "-m", "1", "-t", "t1", "-s", NORTH_NUMBER),
                *("-auth_uri", f"{NORTH_NUMBER}@sbc.example.com", "-nostdin", "-timeout", "20s"),
                *("-trace_msg", "-message_file", str(tmp_path / "messages"), f"127.0.0.1:{port}"),
                cwd=tmp_path,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            out, _ = await sipp.communicate()
            messages = (tmp_path / "messages").read_text(errors="replace")
            assert sipp.returncode == 0, messages + out.decode(errors="replace")[-2000:]
            assert "algorithm=SHA-256" in messages.partition("Proxy-Authorization")[2]

    run(site.node, scenario)


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
username={number}
userid={username}
passwd={password}
realm=sbc.example.com
domain=sbc.example.com

[proxy_0]
reg_proxy=<sip:127.0.0.10:5061;transport=tls>
reg_route=<sip:127.0.0.10:5061;transport=tls>
reg_identity=<sip:{number}@sbc.example.com>
reg_sendregister=0
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


def test_linphone_with_sha_256(site: Site, tmp_path: Path) -> None:
    """Summary: linphone over TLS is challenged and answers with SHA-256; its call reaches the carrier."""
    (tmp_path / ".local/share/linphone").mkdir(parents=True)
    file = tmp_path / "linphonerc"
    file.write_text(
        LINPHONE.format(
            authority=site.node.authority,
            username="west-digest",
            password=site.passwords["by-digest"],
            number=number_of("by-digest"),
        ),
        encoding="ascii",
    )

    async def scenario() -> None:
        carrier = carrier_agent()
        async with tls_carrier(site.node, carrier):
            linphone = await asyncio.create_subprocess_exec(
                *("linphonec", "-c", str(file), "-d", "6", "-l", str(tmp_path / "log")),
                cwd=tmp_path,
                env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            assert linphone.stdin is not None
            try:
                linphone.stdin.write(
                    f"soundcard use files\ncall sip:{NORTH_NUMBER}@sbc.example.com\n".encode()
                )
                await linphone.stdin.drain()
                there = await carrier.incoming(20)
                await there.confirmed()
                linphone.stdin.write(b"terminate\n")
                await linphone.stdin.drain()
                await there.ended(20)
            finally:
                # asked to quit, it takes ten seconds
                with suppress(ProcessLookupError):
                    linphone.kill()
                await linphone.wait()
                out = await linphone.stdout.read() if linphone.stdout else b""
                print(out.decode(errors="replace")[-3000:])
                with suppress(FileNotFoundError):
                    print((tmp_path / "log").read_text(errors="replace")[-30000:])

    with way_out():
        run(site.node, scenario)
