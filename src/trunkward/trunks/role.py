"""What a trunk is to the calls it brings."""

from enum import StrEnum


class Role(StrEnum):
    """What we are for the calls of a trunk (47 CFR 64.6300)."""

    #: Our customer's calls begin here: we put them on the IP network.
    ORIGINATING = "originating"
    #: Another provider's calls from inside the country, which it should have signed.
    INTERMEDIATE = "intermediate"
    #: Another provider's calls from abroad, which enter the country here.
    GATEWAY = "gateway"
