"""Whether a North American number can be anybody's (rules of NANPA; ATIS-0300051, -0300115).

A number somebody calls from that nobody can have been given is made up.
"""

from trunkward.numbering.area_codes import AREA_CODES, SERVICE_CODES

_OF_REGIONS = frozenset(code for codes in AREA_CODES.values() for code in codes.split())
_OF_SERVICES = frozenset(code for codes in SERVICE_CODES.values() for code in codes.split())

#: Blocks of ten area codes set aside for what may need them together (NANPA).
_RESERVED_BLOCKS = ("37", "96")
#: Directory assistance: the only line left in an area code's exchange 555 (ATIS-0300115).
_DIRECTORY = "1212"
#: 555-0100 to 555-0199 are for fiction (ATIS-0300115), and so for laboratories.
_FICTIONAL = range(100, 200)


def why_invalid(number: str, *, fictional: bool = False) -> str:
    """Why a `+1` number (of valid form) is nobody's: one of these reasons; "" when nothing says so.

    area-code-n11, area-code-reserved, area-code-unassigned, exchange-n11, exchange-555, number-fictional.
    Numbers of other countries are none of our business: "". `fictional`: 555-01xx count as somebody's.
    """
    if not number.startswith("+1"):
        return ""
    area, exchange, line = number[2:5], number[5:8], number[8:12]
    if area.endswith("11"):
        return "area-code-n11"
    # N9X is kept for the day when area codes get longer (NANPA)
    if area.startswith(_RESERVED_BLOCKS) or area[1:2] == "9":
        return "area-code-reserved"
    if area in _OF_SERVICES:
        return ""  # toll-free numbers do have exchanges 411 or 555
    if area not in _OF_REGIONS:
        return "area-code-unassigned"
    if exchange.endswith("11"):
        return "exchange-n11"  # not assignable (ATIS-0300051)
    if exchange == "555" and line != _DIRECTORY:
        if int(line) not in _FICTIONAL:
            return "exchange-555"
        return "" if fictional else "number-fictional"
    return ""
