"""`node.alerts`, as a person may write it: who is told when much of a cap is spent."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from trunkward.control.addresses import host_and_port
from trunkward.control.certificate_keys import MailAddress
from trunkward.control.keys import File, Part, Wrong, twice_in
from trunkward.trunks.alerting import Alerting, Mail, MailTls, Webhook
from trunkward.trunks.model import Host

_URL = re.compile(
    r"https://(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::(?P<port>[0-9]{1,5}))?/[!-~]{0,1024}",
    re.ASCII,
)
_MOST_WEBHOOKS, _MOST_TO = 8, 20


# ---- what may be written -------------------------------------------------------------------------


def _url(text: str) -> str:
    found = _URL.fullmatch(text)
    if not found or not 0 < int(found["port"] or 443) < 65_536:
        raise ValueError("write an https URL with its path, such as https://hooks.example.com/trunkward")
    return text


def _server(value: Any) -> Host:
    try:
        return host_and_port(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError("write the mail server and its port, such as mail.example.com:587") from None


def _tls(text: str) -> str:
    if text not in MailTls:
        raise ValueError(f"choose from {', '.join(MailTls)}: mail is never sent in clear")
    return text


class WebhookPart(Part):
    """`node.alerts.webhooks`."""

    url: Annotated[str, AfterValidator(_url)]
    secret_file: File
    ca: File | None = None


class MailPart(Part):
    """`node.alerts.mail`."""

    server: Annotated[Any, BeforeValidator(_server)]
    sender: MailAddress
    to: Annotated[list[MailAddress], Field(min_length=1, max_length=_MOST_TO)]
    tls: Annotated[str, AfterValidator(_tls)] = MailTls.STARTTLS.value
    ca: File | None = None
    username: str | None = None
    password_file: File | None = None


class AlertsPart(Part):
    """`node.alerts`."""

    webhooks: list[WebhookPart] = Field(default_factory=list)
    mail: MailPart | None = None


# ---- what does not go together -------------------------------------------------------------------


def wrong_in_alerts(alerts: AlertsPart) -> Wrong:
    """A URL twice, too many of them, and a name without its password."""
    path = ("node", "alerts")
    yield from twice_in((*path, "webhooks"), [one.url for one in alerts.webhooks], "this stands here already")
    if len(alerts.webhooks) > _MOST_WEBHOOKS:
        yield (*path, "webhooks", _MOST_WEBHOOKS), f"there are {_MOST_WEBHOOKS} at most"
    mail = alerts.mail
    if mail is not None and (mail.username is None) != (mail.password_file is None):
        missing = "password_file" if mail.password_file is None else "username"
        yield (*path, "mail"), f"username and password_file go together; {missing} is missing"


# ---- what is declared ----------------------------------------------------------------------------


def alerting_of(alerts: AlertsPart) -> Alerting:
    """Who is told."""
    mail = alerts.mail
    return Alerting(
        webhooks=tuple(
            Webhook(url=one.url, secret_file=one.secret_file, ca_file=one.ca or "") for one in alerts.webhooks
        ),
        mail=Mail(
            host=mail.server.host,
            port=mail.server.port,
            sender=mail.sender,
            to=tuple(mail.to),
            tls=MailTls(mail.tls),
            ca_file=mail.ca or "",
            username=mail.username or "",
            password_file=mail.password_file or "",
        )
        if mail
        else None,
    )
