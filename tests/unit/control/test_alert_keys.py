"""`node.alerts`: who is told, and what of it is refused."""

from pathlib import Path

import pytest

from trunkward.control.node_file import NodeFileRefused, read_node_file
from trunkward.trunks.alerting import LOG_ALONE, Alerting, Mail, MailTls, Webhook

EXAMPLE = (Path(__file__).parents[3] / "examples" / "node.yaml").read_text(encoding="utf-8")


def read(alerts: str) -> Alerting:
    text = EXAMPLE.replace("  gates: 2\n", f"  gates: 2\n  alerts: {alerts}\n")
    return read_node_file(text, "node.yaml").node.alerts


def test_without_a_word_the_log_alone() -> None:
    assert read_node_file(EXAMPLE, "node.yaml").node.alerts == LOG_ALONE


def test_all_of_it() -> None:
    found = read(
        "{webhooks: [{url: 'https://hooks.example.com/a?b=c', secret_file: /etc/trunkward/hook}],"
        " mail: {server: 'mail.example.com:465', sender: sbc@example.com, to: [noc@example.com], tls: tls,"
        " ca: /etc/ca.pem, username: sbc, password_file: /etc/trunkward/mail}}"
    )
    assert found == Alerting(
        webhooks=(Webhook(url="https://hooks.example.com/a?b=c", secret_file="/etc/trunkward/hook"),),
        mail=Mail(
            host="mail.example.com",
            port=465,
            sender="sbc@example.com",
            to=("noc@example.com",),
            tls=MailTls.TLS,
            ca_file="/etc/ca.pem",
            username="sbc",
            password_file="/etc/trunkward/mail",
        ),
    )


MAIL = "{server: 'mail.example.com:587', sender: sbc@example.com, to: [noc@example.com]"


@pytest.mark.parametrize(
    ("alerts", "why"),
    [
        ("{webhooks: [{url: 'http://hooks.example.com/a', secret_file: /a}]}", "write an https URL"),
        ("{webhooks: [{url: 'https://u:p@hooks.example.com/a', secret_file: /a}]}", "write an https URL"),
        ("{webhooks: [{url: 'https://hooks.example.com:0/a', secret_file: /a}]}", "write an https URL"),
        ("{webhooks: [{url: 'https://hooks.example.com/a'}]}", "secret_file: missing"),
        ("{webhooks: [{url: 'https://hooks.example.com/a', secret_file: a}]}", "absolute path"),
        (
            "{webhooks: [" + ", ".join(["{url: 'https://hooks.example.com/a', secret_file: /a}"] * 2) + "]}",
            "this stands here already",
        ),
        (
            "{webhooks: ["
            + ", ".join(f"{{url: 'https://hooks.example.com/{n}', secret_file: /a}}" for n in range(9))
            + "]}",
            "there are 8 at most",
        ),
        (f"{{mail: {MAIL}, tls: none}}}}", "mail is never sent in clear"),
        (f"{{mail: {MAIL}, username: sbc}}}}", "password_file is missing"),
        (f"{{mail: {MAIL}, password_file: /a}}}}", "username is missing"),
        ("{mail: {server: mail.example.com, sender: a@example.com, to: [b@example.com]}}", "and its port"),
        ("{mail: {server: 'mail.example.com:25', sender: a, to: [b@example.com]}}", "one mail address"),
        ("{mail: {server: 'mail.example.com:25', sender: a@example.com, to: []}}", "must not be empty"),
    ],
)
def test_what_is_refused(alerts: str, why: str) -> None:
    with pytest.raises(NodeFileRefused, match=why):
        read(alerts)
