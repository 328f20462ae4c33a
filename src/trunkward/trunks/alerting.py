"""Who is told when much of a cap is spent."""

from dataclasses import dataclass
from enum import StrEnum


class MailTls(StrEnum):
    """How a connection to a mail server is protected; there is none without."""

    #: RFC 3207: begins in clear, and goes no further than that without TLS.
    STARTTLS = "starttls"
    #: RFC 8314 section 3.3: TLS from the first byte.
    TLS = "tls"


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A URL that is told by a signed POST."""

    url: str
    #: File with the secret it is signed with.
    secret_file: str
    #: PEM its certificate must lead to; "": the system's authorities.
    ca_file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A server that takes mail from us."""

    host: str
    port: int
    sender: str
    to: tuple[str, ...]
    tls: MailTls = MailTls.STARTTLS
    ca_file: str = ""
    #: "": it takes mail without.
    username: str = ""
    password_file: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerting:
    """Everybody who is told; the log always is."""

    webhooks: tuple[Webhook, ...] = ()
    mail: Mail | None = None


#: Of a node whose file says nothing.
LOG_ALONE = Alerting()
