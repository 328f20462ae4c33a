#!/usr/bin/env python3
"""Builds the numbering facts Trunkward ships, from `phonenumbers` and the tables beside this file.

    ./trunkward shell env PYTHONPATH=src /opt/trunkward/venv-test/bin/python -m tools.numbering.build

writes them, after `./trunkward test` has brought the tests' Python parts; with `--check` it says whether they
are what it would write.

The same `phonenumbers` and the same tables give the same files. Their date stays until something else in
them changes; then it is today's, or `--date`.

Exit code: 0 good, 1 a file is not what it would write, 2 wrong arguments.
"""

import argparse
import csv
import datetime
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneMetadata
from tools.numbering.automaton import DIGITS, Automaton
from tools.numbering.plans import Plan
from tools.numbering.prefixes import Rows

from trunkward.numbering.destinations import UNKNOWN, Destination, Kind, Risk, micro, money

HERE = Path(__file__).parent
PACKAGE = HERE.parents[1] / "src/trunkward"
DESTINATIONS = PACKAGE / "number_plans/destinations.txt"
COUNTRY_CODES = PACKAGE / "numbering/country_codes.py"
EMERGENCY = PACKAGE / "numbering/emergency_numbers.py"
AREA_CODES = PACKAGE / "numbering/area_codes.py"

SOURCES = (
    f"number plans: phonenumbers {phonenumbers.__version__} (Google's libphonenumber, Apache License 2.0)",
    "codes that are no country's: ITU-T E.164, list of assigned country codes (tools/numbering/ours.csv)",
    "prices: EUR, retail, indicative, 2015: interconn-isp/interconn.it (tools/numbering/rates.csv)",
    "risk: our judgement, from what was published on fraud (tools/numbering/risks.csv) and the prices",
)
#: From here on a call is worth a thief's while: Telnyx's default "max destination rate", and thrice that.
MEDIUM_FROM = 300_000
HIGH_FROM = 1_000_000
_NANP = 1
_RANGE = 100
_NANP_ORDINARY = frozenset({Kind.GEOGRAPHIC, Kind.MOBILE, Kind.FIXED_OR_MOBILE})
_TABLED = frozenset({Kind.PREMIUM, Kind.SHARED_COST, Kind.PERSONAL, Kind.SPECIAL})

type Rates = Mapping[tuple[str, str], int]


def built(date: str) -> dict[Path, str]:
    """Every file with its text."""
    return {
        DESTINATIONS: destinations_text(destinations(), date),
        COUNTRY_CODES: country_codes_text(date),
        EMERGENCY: emergency_text(date),
        AREA_CODES: area_codes_text(date),
    }


# ---------------------------------------------------------------- destinations


def destinations() -> dict[str, Destination]:
    """Every prefix with what it leads to."""
    rates, risks = rates_by_class(), risks_by_country()
    rows: dict[str, Destination] = {}
    for code in sorted(COUNTRY_CODE_TO_REGION_CODE):
        if COUNTRY_CODE_TO_REGION_CODE[code] == ("001",):
            continue
        plan = Rows(code)
        for prefix, label in plan.rows.items():
            rows[prefix] = (
                UNKNOWN
                if label is None
                else replace(_destination(*label, _rate(*label, rates), risks), longest=plan.longest[label])
            )
    for line in own_lines():
        rows = {prefix: row for prefix, row in rows.items() if not prefix.startswith(line["prefix"])}
        rate = micro(line["rate"]) if line["rate"] else None
        rows[line["prefix"]] = _destination(line["country"], Kind(line["class"]), rate, risks)
    return rows


def destinations_text(rows: Mapping[str, Destination], date: str) -> str:
    """The file of the destinations."""
    by_destination: dict[Destination, list[str]] = defaultdict(list)
    for prefix, destination in sorted(rows.items()):
        by_destination[destination].append(prefix)
    lines = [
        "# Where numbers lead, by their longest prefix. Written by tools/numbering/build.py; do not edit.",
        "# country class risk rate-per-minute digits-of-the-longest-numbers prefixes...",
        f"# date: {date}",
        *(f"# source: {source}" for source in SOURCES),
    ]
    for destination, prefixes in sorted(by_destination.items(), key=lambda item: item[1]):
        rate = "-" if destination.rate_micro is None else money(destination.rate_micro)
        words = (
            destination.country or "-",
            destination.kind,
            destination.risk,
            rate,
            str(destination.longest),
            *prefixes,
        )
        lines.append(" ".join(words))
    return "\n".join(lines) + "\n"


def _destination(country: str, kind: Kind, rate: int | None, risks: Mapping[str, Risk]) -> Destination:
    # what is no country's is for nobody's ordinary calls
    of_country = risks.get(country, Risk.LOW) if country else Risk.HIGH
    return Destination(country=country, kind=kind, risk=_risk(kind, rate, of_country), rate_micro=rate)


def _rate(country: str, kind: Kind, rates: Rates) -> int | None:
    """The price of a class: its own line, or the one that stands for it where a list has none."""
    if kind is Kind.TOLL_FREE:
        return 0  # the called party pays (in the number's own country; ITU-T E.169.1)
    if kind is Kind.FIXED_OR_MOBILE:
        both = [rates[key] for name in ("geographic", "mobile") if (key := (country, name)) in rates]
        return max(both, default=None)
    instead = "special" if kind in _TABLED else "geographic" if kind is Kind.VOIP else kind
    return rates.get((country, kind), rates.get((country, instead)))


def _risk(kind: Kind, rate: int | None, of_country: Risk) -> Risk:
    if kind is Kind.TOLL_FREE:
        return Risk.LOW
    if kind in {Kind.PREMIUM, Kind.SATELLITE} or of_country is Risk.HIGH:
        return Risk.HIGH
    if rate is not None and rate >= HIGH_FROM:
        return Risk.HIGH
    dear = rate is None or rate >= MEDIUM_FROM
    return Risk.MEDIUM if dear or kind in _TABLED else of_country


def rates_by_class() -> dict[tuple[str, str], int]:
    """The dearest line of each country and class."""
    found: dict[tuple[str, str], int] = {}
    for line in _table("rates.csv"):
        key = line["country"], line["class"]
        found[key] = max(found.get(key, 0), micro(line["rate"]))
    return found


def risks_by_country() -> dict[str, Risk]:
    """Countries that thieves prefer."""
    return {line["country"]: Risk(line["risk"]) for line in _table("risks.csv")}


def own_lines() -> list[dict[str, str]]:
    """What we say ourselves, shorter prefixes first."""
    return sorted(_table("ours.csv"), key=lambda line: len(line["prefix"]))


def _table(name: str) -> Iterator[dict[str, str]]:
    text = (HERE / name).read_text(encoding="utf-8").splitlines()
    return csv.DictReader(line for line in text if not line.startswith("#"))


# ---------------------------------------------------------------- emergency numbers


def emergency_numbers() -> dict[str, list[str]]:
    """By region, exact numbers only."""
    found: dict[str, list[str]] = {}
    for region in sorted(phonenumbers.SUPPORTED_REGIONS):
        metadata = PhoneMetadata.short_metadata_for_region(region)
        if metadata is None or metadata.emergency is None:
            continue
        automaton = Automaton()
        automaton.add("emergency", metadata.emergency.national_number_pattern or "")
        lengths = metadata.emergency.possible_length
        words = [number for number in _words(automaton, max(lengths)) if len(number) in lengths]
        blocks = Counter(number[:-2] for number in words)
        # a hundred neighbours are a range of services, as Gabon's 13xx: no number that everybody knows
        found[region] = [number for number in words if blocks[number[:-2]] < _RANGE]
    return found


def _words(automaton: Automaton, longest: int) -> list[str]:
    """Everything the automaton's patterns match, up to a length."""
    words, now = [], [("", automaton.start)]
    for _ in range(longest):
        now = [
            (text + d, after) for text, state in now for d in DIGITS if (after := automaton.step(state, d))
        ]
        words += [text for text, state in now if automaton.tags(state)]
    return sorted(words)


def emergency_text(date: str) -> str:
    """The module of the emergency numbers."""
    numbers = {region: " ".join(found) for region, found in emergency_numbers().items()}
    return _module(
        "Emergency numbers as dialled, by region (ISO 3166-1 alpha-2).", date, {"EMERGENCY_NUMBERS": numbers}
    )


# ---------------------------------------------------------------- country codes


def country_codes_text(date: str) -> str:
    """The module of the country codes."""
    regions = {
        str(code): " ".join(found)
        for code, found in sorted(COUNTRY_CODE_TO_REGION_CODE.items())
        if found != ("001",)
    }
    return _module(
        "The regions (ISO 3166-1 alpha-2) of each country code, the main one first.",
        date,
        {"REGIONS_OF_CODES": regions},
    )


# ---------------------------------------------------------------- area codes


def area_codes() -> tuple[dict[str, str], dict[str, str]]:
    """Assigned area codes of +1: of regions, and of services."""
    plan = Plan(_NANP)
    regions: dict[str, list[str]] = defaultdict(list)
    services: dict[str, list[str]] = defaultdict(list)
    for code in map(str, range(200, 1000)):
        labels = plan.labels_below(code)
        if of := {label.country for label in labels if label.kind in _NANP_ORDINARY}:
            (region,) = of
            regions[region].append(code)
        elif kinds := {label.kind for label in labels}:
            (kind,) = kinds
            services[kind].append(code)
    return _joined(regions), _joined(services)


def area_codes_text(date: str) -> str:
    """The module of the area codes."""
    regions, services = area_codes()
    return _module(
        "Assigned area codes of the North American Numbering Plan, of regions and of services.",
        date,
        {"AREA_CODES": regions, "SERVICE_CODES": services},
    )


def _joined(lists: Mapping[str, list[str]]) -> dict[str, str]:
    return {key: " ".join(found) for key, found in sorted(lists.items())}


# ---------------------------------------------------------------- files


def _module(what: str, date: str, tables: Mapping[str, Mapping[str, str]]) -> str:
    lines = [
        f'"""{what}',
        "",
        "Written by tools/numbering/build.py; do not edit.",
        f"date: {date}",
        f"source: {SOURCES[0]}",
        '"""',
    ]
    for name, table in tables.items():
        lines += ["", f"{name} = {{"]
        lines += [f'    "{key}": "{value}",' for key, value in table.items()]
        lines.append("}")
    return "\n".join(lines) + "\n"


def _date_of(text: str) -> str:
    found = re.search(r"date: ([0-9-]{10})", text)
    return found[1] if found else ""


def main(arguments: list[str]) -> int:
    """Writes or checks the files."""
    parser = argparse.ArgumentParser(description="Build the numbering facts that Trunkward ships.")
    parser.add_argument("--check", action="store_true", help="write nothing; say what would change")
    parser.add_argument("--date", default=datetime.date.today().isoformat(), help="YYYY-MM-DD")  # noqa: DTZ011
    options = parser.parse_args(arguments)
    stale = 0
    for path, text in built(options.date).items():
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        if text.replace(options.date, _date_of(old), 1) == old:
            continue
        stale = 1
        print(f"{path.name}: {'not what this would write' if options.check else 'written'}")
        if not options.check:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
    return stale if options.check else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
