"""Whom a tenant's contract is with, as far as attestation asks."""

from dataclasses import dataclass

#: Days after which the KYC record of a customer is too old to sign A or B by. Our judgement: no rule in force
#: in the USA names a time (FCC 26-27 proposes re-verification, FCC 26-32 a completed KYC before A or B), and
#: enforcement looks back two years. Regulation (EU) 2024/1624 article 26(2) asks for one to five years of
#: others who must know their customers.
MOST_AGE_D = 731
_DAY_S = 86_400
#: A day begins at UTC+14 first.
_EARLIEST_DAY_S = 14 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """The KYC record behind a tenant: which one, and when the customer was last verified by it."""

    #: Of the record where the provider keeps it; it stands in evidence, records and the signer's journal.
    reference: str
    #: Seconds since the epoch: the day's first in UTC.
    verified_s: int

    @property
    def since_s(self) -> int:
        """The first second at which that day has begun somewhere on earth."""
        return self.verified_s - _EARLIEST_DAY_S

    @property
    def until_s(self) -> int:
        """The first second at which it is too old."""
        return self.verified_s + MOST_AGE_D * _DAY_S
