"""Whose KYC record is missing, too old or soon will be: calls of such tenants are signed C."""

from datetime import UTC, datetime

from trunkward.trunks.customer import MOST_AGE_D
from trunkward.trunks.model import Declared

#: Seconds before it is too old from which on a record is told of: to verify a customer anew takes weeks.
SOON_S = 60 * 86_400


def wanting(declared: Declared, now: float) -> list[tuple[str, str]]:
    """Tenants somebody has to see to, and why: name, and a sentence with what to do.

    `now` in seconds since the epoch. Tenants without trunks, and those whose calls are other providers', have
    nothing to be verified for.
    """
    customers = {trunk.tenant: trunk.customer for trunk in declared.trunks if not trunk.in_transit}
    found = []
    for tenant in declared.tenants:
        if tenant not in customers:
            continue
        customer = customers[tenant]
        if customer is None:
            said = "no KYC record is named: its calls are signed C; write its customer into the node file"
        elif now < customer.since_s:
            said = f"{customer.reference} is of a day to come: until then its calls are signed C"
        elif now >= customer.until_s:
            said = (
                f"{customer.reference} is older than {MOST_AGE_D} days: its calls are signed C; verify the "
                "customer anew, and write the day into the node file"
            )
        elif customer.until_s - now < SOON_S:
            last = datetime.fromtimestamp(customer.until_s, UTC)
            said = f"{customer.reference} is too old from {last:%Y-%m-%d} on: verify the customer anew before"
        else:
            continue
        found.append((tenant, said))
    return found
