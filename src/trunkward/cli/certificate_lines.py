"""What `status` and `certs` say of certificates: those peers see, and the node's own."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from rich.text import Text

from trunkward.control.certificate_troubles import FROM_ELSEWHERE
from trunkward.control.health_facts import CertificateFacts, CertificateOf, Facts
from trunkward.control.pki import RENEW_BEFORE
from trunkward.engines.certificates import Shown

#: Certificates that are shown one a line.
_MOST_CERTIFICATES = 40


def own_lines(facts: Facts) -> Iterator[Text]:
    """The node's own and those that end soon; the rest in one line, when there are many."""
    now = datetime.fromtimestamp(facts.now, UTC)
    few = len(facts.certificates) <= _MOST_CERTIFICATES
    later = []
    for each in facts.certificates:
        if each.of in FROM_ELSEWHERE:
            continue  # and more of it
        soon = each.until is None or each.until - now < RENEW_BEFORE
        if few or soon or each.of not in (CertificateOf.PEER, CertificateOf.CARRIER_AUTHORITY):
            yield _lasts(each, now)
        else:
            later.append(each.until)
    if later:
        first = min(until for until in later if until is not None)
        yield Text(f"  {'peers and carriers':<28} {len(later)} more, the first ends {first:%Y-%m-%d}")


def _lasts(certificate: CertificateFacts, now: datetime) -> Text:
    if certificate.until is None:
        words = ("cannot be read; the next up makes it anew", "red")
        if certificate.of is CertificateOf.CARRIER_AUTHORITY:
            words = ("cannot be read", "red")
        return Text.assemble(f"  {certificate.name:<28} ", words)
    days = (certificate.until - now).days
    style = "yellow" if days < RENEW_BEFORE.days else ""
    words = (f"{days} days left, until {certificate.until:%Y-%m-%d}", style)
    return Text.assemble(f"  {certificate.name:<28} ", words)


def shown_lines(one: Shown, now: datetime) -> list[Text]:
    """What is said of a certificate that peers see."""
    who = "certificate shown" if one.name == "server" else f"shown to {one.name.removeprefix('client-')}"
    if one.lifetime is None:
        state = Text("none yet; the own authority's is shown meanwhile", "red")
    else:
        left = one.lifetime.ends - now
        style = "red" if left <= timedelta() else "yellow" if one.is_worrying(now) else ""
        state = Text(f"{_left(left)}, until {one.lifetime.ends:%Y-%m-%d %H:%M} UTC", style)
    lines = [Text.assemble(f"  {who:<28} {one.source}: ", state)]
    if one.problem:
        lines.append(Text(f"    {one.problem}", "red"))
    if one.next_attempt is not None:
        renewal = "asked for again" if one.problem else "renewal" if one.lifetime else "asked for"
        lines.append(Text(f"    {renewal} at {one.next_attempt:%Y-%m-%d %H:%M:%S} UTC"))
    return lines


def _left(left: timedelta) -> str:
    # a short-lived certificate has hours
    if left <= timedelta():
        return "ended"
    if left >= timedelta(days=3):
        return f"{left.days} days left"
    hours, rest = divmod(int(left.total_seconds()), 3600)
    return f"{hours} hours left" if hours else f"{rest // 60} min left"


def shown_document(one: Shown) -> dict[str, object]:
    """The same for programs."""
    return {
        "source": one.source,
        "until": one.lifetime and one.lifetime.ends.isoformat(),
        "days_left": one.lifetime and (one.lifetime.ends - datetime.now(UTC)) / timedelta(days=1),
        "next_attempt": one.next_attempt and one.next_attempt.isoformat(),
        "problem": one.problem,
    }
