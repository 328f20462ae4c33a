"""The name a customer calls under, after somebody has looked at it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerName:
    """What is signed of a trunk's users beside their number (RFC 9795 section 5).

    Nothing that would have to be fetched: no picture, no card.
    """

    #: `nam`, and `crn` (section 5.3); "": no reason is signed.
    name: str
    reason: str = ""
    #: When somebody last found that the customer is called so, ISO 8601; "" where that does not matter.
    reviewed: str = ""
