"""Writing the directory a headless baresip 1.1 is started on."""

import os
from dataclasses import dataclass
from pathlib import Path

from trunkward.calltest.parties import LabParty, Media, PartyKind, Transport

MODULE_DIR = Path("/usr/lib/baresip/modules")
"""Where Debian's baresip-core puts its modules."""

RTP_PORTS = {PartyKind.CUSTOMER: (17000, 17098), PartyKind.CARRIER: (18000, 18098)}
"""Below Linux' ephemeral ports (32768 on) and rtpengine's range (30000 on): the port tells whose it is."""

MEDIA_HOST = "127.0.0.1"
"""Where the media of every party leaves from; checked is that SDP shows a party no address but the node's."""

MEDIA_ENCRYPTION = {Media.SDES: "srtp-mand", Media.DTLS_SRTP: "dtls_srtp", Media.PLAIN: ""}

_MODULES = ("g711", "aufile", "aubridge", "sndfile", "srtp", "dtls_srtp")
_TEMPORARY_MODULES = ("uuid", "account")
_APP_MODULES = ("menu", "ctrl_tcp", "debug_cmd")


@dataclass(frozen=True, slots=True, kw_only=True)
class PartyRole:
    """How a party behaves in one call: its number, whether it answers, its media protection, its tone."""

    number: str
    answers: bool
    media: Media
    tone: Path


def write_config(directory: Path, *, party: LabParty, role: PartyRole, ctrl_port: int) -> None:
    """Write `config`, `accounts` and the key file into `directory`, which the caller has made 0700."""
    recordings = directory / "rec"
    recordings.mkdir()
    low, high = RTP_PORTS[party.kind]
    # sip_listen names the UDP and TCP port; baresip puts TLS on the next one.
    listen_port = party.sip_port - 1 if party.transport is Transport.TLS else party.sip_port
    lines = [
        f"sip_listen {party.sip_host}:{listen_port}",
        # An address, not a name: `net_interface lo` is refused, and without it there is no address at all
        # when loopback is the only interface ("Cannot assign requested address"). It is what the SDP says, as
        # baresip's media sockets are bound to no address: on loopback their packets leave from this one, and
        # the node takes media from the address in the SDP only.
        f"net_interface {MEDIA_HOST}",
        f"ctrl_tcp_listen 127.0.0.1:{ctrl_port}",
        f"audio_source aufile,{role.tone}",
        # aufile as a player crashes on re-INVITE; a bridge nobody listens to does not, and sndfile records.
        "audio_player aubridge,nil",
        "audio_alert aubridge,nil",
        "ausrc_srate 8000",
        "auplay_srate 8000",
        "ausrc_format s16",
        "auplay_format s16",
        "ringback_disabled yes",
        f"snd_path {recordings}",
        f"rtp_ports {low}-{high}",
        f"module_path {MODULE_DIR}",
        *(f"module {name}.so" for name in _MODULES),
        *(f"module_tmp {name}.so" for name in _TEMPORARY_MODULES),
        *(f"module_app {name}.so" for name in _APP_MODULES),
    ]
    if party.transport is Transport.TLS and party.certificate and party.private_key and party.ca:
        pem = directory / "identity.pem"
        _write_private(pem, party.private_key.read_text() + party.certificate.read_text())
        lines += [f"sip_certificate {pem}", f"sip_cafile {party.ca}", "sip_verify_server yes"]
    (directory / "config").write_text("\n".join(lines) + "\n")
    (directory / "accounts").write_text(account_line(party, role) + "\n")


def account_line(party: LabParty, role: PartyRole) -> str:
    """The account: identity, the node as outbound proxy, no registration, one codec, media protection."""
    transport = party.transport.value
    encryption = MEDIA_ENCRYPTION[role.media]
    parameters = [
        f'outbound="sip:{party.sbc_host}:{party.sbc_port};transport={transport}"',
        # Registering, but not by itself (`prio`): only then baresip takes a call by its user part alone, and
        # not by its host, which would have to be MEDIA_HOST.
        "regint=600;prio=1" if role.answers else "regint=0",
        "audio_codecs=pcma",
        f"answermode={'auto' if role.answers else 'manual'}",
    ]
    if encryption:
        parameters.append(f"mediaenc={encryption}")
    return f"<sip:{role.number}@{party.sip_host};transport={transport}>;" + ";".join(parameters)


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as out:
        out.write(text)
