"""A mail to a server a person wrote down: never in clear, and to nobody whose certificate is another's."""

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path

from trunkward.fetch.webhook import NotDelivered
from trunkward.trunks.alerting import Mail, MailTls

#: Seconds each step with the server may take.
_STEP_S = 10.0
_MOST_FILE = 4096


def send(mail: Mail, authorities: Path, message_id: str, subject: str, text: str, at: float) -> None:
    """Hands it to the server. Raises `NotDelivered`.

    `authorities`: PEM the server's certificate must lead to; `at`: when it was written, in seconds since the
    epoch. Sent again it has the same Message-ID (RFC 5322 section 3.6.4).
    """
    message = EmailMessage()
    message["From"] = mail.sender
    message["To"] = ", ".join(mail.to)
    message["Subject"] = subject
    message["Date"] = formatdate(at)
    message["Message-ID"] = f"<{message_id}@{mail.sender.partition('@')[2]}>"
    # RFC 3834 section 5: nobody's absence is answered to us
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    try:
        context = ssl.create_default_context(cafile=str(authorities))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if mail.tls is MailTls.TLS:
            server: smtplib.SMTP = smtplib.SMTP_SSL(mail.host, mail.port, timeout=_STEP_S, context=context)
        else:
            server = smtplib.SMTP(mail.host, mail.port, timeout=_STEP_S)
        with server:
            if mail.tls is MailTls.STARTTLS:
                server.starttls(context=context)
            if mail.username:
                server.login(mail.username, _password(Path(mail.password_file)))
            server.send_message(message)
    except smtplib.SMTPException as problem:
        raise NotDelivered(f"{mail.host}:{mail.port}: {problem}"[:300]) from None
    except OSError as problem:
        raise NotDelivered(f"{mail.host}:{mail.port}: {problem.strerror or problem}"[:300]) from None


def _password(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(_MOST_FILE).decode("utf-8", errors="replace").strip()
