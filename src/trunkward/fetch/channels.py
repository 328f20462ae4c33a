"""The ways somebody is told: each webhook, and the mail, by the name they go by in `status`."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from trunkward.fetch import mail, webhook
from trunkward.trunks.alerting import Alerting, Mail, Webhook

#: Takes a message once: id, subject, body, and when it was written, in seconds since the epoch. Raises
#: `NotDelivered`.
type Way = Callable[[str, str, str, float], None]


def channels(alerting: Alerting, authorities: str) -> dict[str, Way]:
    """All there are. `authorities`: PEM a server's certificate must lead to that has none of its own."""
    found: dict[str, Way] = {one.url: partial(_post, one, authorities) for one in alerting.webhooks}
    if alerting.mail is not None:
        found[f"mail to {', '.join(alerting.mail.to)}"] = partial(_mail, alerting.mail, authorities)
    return found


def _post(to: Webhook, authorities: str, message_id: str, _subject: str, body: str, _at: float) -> None:
    key = webhook.read_key(Path(to.secret_file))
    webhook.post(to.url, key, Path(to.ca_file or authorities), message_id, int(time.time()), body.encode())


def _mail(to: Mail, authorities: str, message_id: str, subject: str, body: str, at: float) -> None:
    text = f"{subject}\n\n{body}\n"
    mail.send(to, Path(to.ca_file or authorities), message_id, subject, text, at)
