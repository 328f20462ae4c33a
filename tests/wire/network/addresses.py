"""IPv6 addresses of the documentation range (RFC 3849), put on the loopback of the namespace the tests run in."""

import subprocess

from sipkit.transport import Address

SBC6 = Address(host="2001:db8::10", port=5061)
SBC6_PLAIN = Address(host="2001:db8::10", port=5060)
PBX6 = Address(host="2001:db8::21", port=15061)
CUSTOMER6 = "2001:db8::22"
SIX = Address(host="2001:db8::31", port=25061)
SIX_PLAIN = Address(host="2001:db8::41", port=35060)

_ALL = (SBC6.host, PBX6.host, CUSTOMER6, SIX.host, SIX_PLAIN.host)


def put_on_loopback() -> None:
    """Idempotent; the namespace is the tests' own and goes with them."""
    for address in _ALL:
        # nodad: usable at once, as there is nobody who could have it too
        subprocess.run(
            ["ip", "-6", "addr", "replace", f"{address}/128", "dev", "lo", "nodad"],
            check=True,
            capture_output=True,
        )
