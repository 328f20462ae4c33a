"""What the headers of RFC 3323 and 3325 say of a caller, and what we say in them.

The trust domain (RFC 3325 section 2.3) is this node and its trusted carriers. Customers are outside of it.
"""

from collections.abc import Iterator

from trunkward.calls.attempt import CallAttempt
from trunkward.numbering.e164 import E164, NotANumber
from trunkward.numbering.plan import DialPlan
from trunkward.shaken.verify import Verstat
from trunkward.sip.address import read_addresses
from trunkward.sip.uri import MalformedUri, SipUri, parse_uri

#: RFC 3323 section 4.1.1.3.
ANONYMOUS = "sip:anonymous@anonymous.invalid"
ANONYMOUS_HOST = "anonymous.invalid"
#: Values of Privacy that keep the caller from the called side (RFC 3323 section 4.2, 3325 section 9.3).
_HIDING = frozenset({"id", "user", "header"})


def is_anonymous(shown_from: SipUri) -> bool:
    """Whether a From names nobody on purpose."""
    return shown_from.user.partition(";")[0].lower() == "anonymous" or shown_from.host == ANONYMOUS_HOST


def asks_privacy(attempt: CallAttempt) -> bool:
    """Whether the caller's identity is to be kept from the called side."""
    values = attempt.headers.get("privacy")
    return values is not None and not _HIDING.isdisjoint(_privacy(values))


def asks_history_privacy(attempt: CallAttempt) -> bool:
    """Whether it is not to be told who has diverted the call (RFC 7044 section 10.1)."""
    values = attempt.headers.get("privacy")
    return values is not None and "history" in _privacy(values)


def numbers_in(attempt: CallAttempt, header: str, plan: DialPlan) -> Iterator[E164]:
    """The numbers in P-Asserted-Identity or P-Preferred-Identity (lower-case), in their order."""
    values = attempt.headers.get(header)
    for address in read_addresses(values) if values else ():
        try:
            yield plan.read(parse_uri(address.uri).user)
        except (MalformedUri, NotANumber):
            continue


def asserted(number: E164, node: str, verstat: Verstat | None = None) -> tuple[str, str]:
    """The header in which we assert a number, and say what verification has found of it."""
    return "P-Asserted-Identity", f"<{shown_uri(number, node, verstat)}>"


def shown_uri(number: E164, node: str, verstat: Verstat | None = None) -> str:
    """A number as a URI of ours; `verstat` is a parameter of the number (3GPP TS 24.229 section 7.2A.20)."""
    return f"sip:{number};verstat={verstat}@{node};user=phone" if verstat else f"sip:{number}@{node}"


#: RFC 3325 section 9.3: whoever leaves the trust domain with it takes the asserted identity off.
KEEP_PRIVATE = ("Privacy", "id")


def _privacy(values: list[str]) -> set[str]:
    # RFC 3323 section 4.2 separates by semicolons, and many stacks by commas
    return {part.strip().lower() for value in values for part in value.replace(",", ";").split(";")}
