"""`Reason: STIR` (RFC 9410): what was wrong with a call's Identity headers, for those upstream."""

from collections.abc import Sequence

from trunkward.shaken.causes import StirError


def reasons(errors: Sequence[StirError], *, with_ppi: bool = True) -> list[tuple[str, str]]:
    """One `Reason` header, (name, value), for each PASSporT that had an error, in their order.

    `with_ppi` points at the PASSporT it is about; not beyond the trust domain, it tells of the call.
    """
    raise NotImplementedError
