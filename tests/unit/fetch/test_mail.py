"""Mail, to a real server: never before TLS, to nobody with another certificate."""

from pathlib import Path
from typing import Any

import pytest

from sipkit.certificates import ThrowawayAuthority
from sipkit.hooks import Mails, smtp_server
from trunkward.fetch.mail import send
from trunkward.fetch.webhook import NotDelivered
from trunkward.trunks.alerting import Mail, MailTls


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> ThrowawayAuthority:
    return ThrowawayAuthority(tmp_path_factory.mktemp("authority"))


def mail(server: Mails, tls: MailTls, **more: Any) -> Mail:
    return Mail(
        host=server.host,
        port=server.port,
        sender="node@example.com",
        to=("noc@example.com", "money@example.net"),
        tls=tls,
        **more,
    )


@pytest.mark.parametrize("tls", MailTls)
def test_it_is_taken(tls: MailTls, authority: ThrowawayAuthority, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("open sesame\n")
    more = {"username": "node", "password_file": str(tmp_path / "password")}
    with smtp_server(authority.issue("127.0.0.1"), starttls=tls is MailTls.STARTTLS) as server:
        to = mail(server, tls, **more)
        send(to, authority.trust, "msg_1", "80 % of 30 €", "all of it\nand more", 1_800_000_000.0)
        (message,) = server.messages
        # in clear nothing was said but that it must end
        assert server.in_clear == (["ehlo", "STARTTLS"] if tls is MailTls.STARTTLS else [])
        assert server.logins == ["\0node\0open sesame"]
        assert [one.split(">")[0].lower() for one in server.senders] == ["mail from:<node@example.com"]
        assert [one.split(">")[0].lower() for one in server.recipients] == [
            "rcpt to:<noc@example.com",
            "rcpt to:<money@example.net",
        ]
    assert message["Message-ID"] == "<msg_1@example.com>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"] == "Fri, 15 Jan 2027 08:00:00 -0000"
    assert message["Subject"] == "80 % of 30 =?utf-8?b?4oKs?="
    assert message.get_payload(decode=True) == b"all of it\r\nand more\r\n"


def test_a_server_without_tls_is_told_nothing(authority: ThrowawayAuthority) -> None:
    with smtp_server(authority.issue("127.0.0.1"), starttls=True, offers_tls=False) as server:
        with pytest.raises(NotDelivered, match="STARTTLS"):
            send(mail(server, MailTls.STARTTLS), authority.trust, "m", "s", "t", 1.0)
        assert (server.senders, server.messages) == ([], [])


@pytest.mark.parametrize("tls", MailTls)
def test_another_certificate_is_told_nothing(tls: MailTls, authority: ThrowawayAuthority) -> None:
    with smtp_server(authority.issue("other.example.com"), starttls=tls is MailTls.STARTTLS) as server:
        with pytest.raises(NotDelivered, match="certificate"):
            send(mail(server, tls), authority.trust, "m", "s", "t", 1.0)
        assert (server.senders, server.messages) == ([], [])


def test_what_is_not_taken_is_said(authority: ThrowawayAuthority) -> None:
    with smtp_server(authority.issue("127.0.0.1"), starttls=False) as server:
        server.answers = ["451 later"]
        with pytest.raises(NotDelivered, match="451"):
            send(mail(server, MailTls.TLS), authority.trust, "m", "s", "t", 1.0)
        gone = mail(server, MailTls.TLS)
    with pytest.raises(NotDelivered, match="refused"):
        send(gone, authority.trust, "m", "s", "t", 1.0)
