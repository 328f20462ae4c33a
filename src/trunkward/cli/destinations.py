"""`trunkward destinations`: the table that says where numbers lead."""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from trunkward.cli.changing import node_file_in_use, read_config
from trunkward.cli.host_paths import hint
from trunkward.cli.said import complain, in_words, say
from trunkward.cli.status import read_in_force
from trunkward.control.destinations import (
    Document,
    NotAsked,
    about_country,
    about_number,
    about_table,
    with_overrides,
)
from trunkward.control.trunk_destinations import NoSuchTrunk, about_call, about_entry, about_trunk
from trunkward.engines.destinations_file import DestinationsUnreadable, destinations_text, destinations_with
from trunkward.engines.number_plans import shipped_destinations
from trunkward.numbering.destinations import Destination
from trunkward.numbering.e164 import E164, NotANumber, is_prefix
from trunkward.numbering.overrides import Override, OverridesRefused, read_overrides
from trunkward.settings import Paths
from trunkward.trunks.model import Declared


def run_trunk(paths: Paths, file: Path | None, trunk: str, number: str, *, as_json: bool) -> int:
    """Prints what a trunk may call by what is in force, or by a node file; or whether it may call a number.

    0; 3 when it may not; 2 when there is no such trunk or number, or nothing is in force.
    """
    try:
        asked = _in_force(paths) if file is None else _of_file(file)
        if asked is None:
            return 2
        declared, lines = asked
        places = destinations_with(lines)
        document, text = _about(declared, trunk, number, places)
    except (NoSuchTrunk, NotAsked, DestinationsUnreadable) as why:
        complain(str(why))
        return 2
    if as_json:
        print(json.dumps(document, indent=1))
    else:
        for line in text(document):
            say(line)
    return 3 if document.get("reason") or not document.get("may_call", [True]) else 0


def _about(
    declared: Declared, trunk: str, asked: str, places: Mapping[str, Destination]
) -> tuple[Document, Callable[[Document], list[str]]]:
    if not asked:
        return about_trunk(declared, trunk, places), _of_trunk
    try:
        return about_call(declared, trunk, str(E164(asked)), places, time.time()), _of_call
    except NotANumber as why:
        if asked.startswith("+") and not is_prefix(asked):
            raise NotAsked(f"{asked}: {why}; write it as +442079460123, or a country: GB") from None
    country, slash, kind = asked.partition("/")
    return about_entry(declared, trunk, f"{country.upper()}{slash}{kind.lower()}", places), _of_entry


def _of_file(file: Path) -> tuple[Declared, str]:
    declared = read_config(file).declared
    return declared, destinations_text(declared.node.destinations_file)


def _in_force(paths: Paths) -> tuple[Declared, str] | None:
    """What calls are judged by, with the lines over the table; a file that says other is only mentioned."""
    in_force = read_in_force(paths)
    if in_force is None:
        return None
    declared = in_force.declared()
    file, lines = node_file_in_use(paths, running=True), declared.node.destinations_file
    other = [
        str(name)
        for name, text in ((file, in_force.node_file), (Path(lines), in_force.destinations))
        if name != Path() and _text(name) != text
    ]
    for name in other:
        complain(
            f"{name} is not what is in force (version {in_force.version}): ./trunkward plan says what differs"
        )
    return declared, in_force.destinations


def _text(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def run(asked: str, overrides: Path | None, *, as_json: bool) -> int:
    """Prints what is asked for: 0, 2 when the file is wrong or the question names nothing."""
    try:
        lines = _read(overrides) if overrides else ()
        table = shipped_destinations()
        prefixes = with_overrides(table, lines)
        if not asked:
            document, text = about_table(table, prefixes), _of_table
        elif asked.isalpha():
            document, text = about_country(prefixes, asked.upper()), _of_country
        else:
            document, text = about_number(prefixes, asked), _of_number
    except OverridesRefused as refused:
        complain("\n".join(f"{overrides}: {one}" for one in refused.wrong))
        return 2
    except NotAsked as why:
        complain(str(why))
        return 2
    except OSError as problem:
        complain(f"cannot be read: {in_words(problem)}{hint(overrides) if overrides else ''}")
        return 2
    except UnicodeDecodeError as problem:
        complain(f"{overrides}: cannot be read: {in_words(problem)}")
        return 2
    if as_json:
        print(json.dumps(document, indent=1))
    else:
        for line in text(document):
            say(line)
    return 0


def _read(path: Path) -> tuple[Override, ...]:
    return read_overrides(path.read_text(encoding="utf-8"))


def _of_call(document: Document) -> list[str]:
    where = f"{document['trunk']} to {document['number']} ({document['place']})"
    if not document["reason"]:
        return [f"{where}: may be called now"]
    return [f"{where}: {document['reason']}: {document['detail']}", f"  to let it pass: {document['remedy']}"]


def _of_entry(document: Document) -> list[str]:
    opens = ", ".join(document["may_call"]) or "nothing of it"
    return [f"{document['trunk']} and {document['asked']}: may call {opens}", *_of_closed(document)]


def _of_closed(document: Document) -> list[str]:
    return [f"not {one['what']}: {one['why']}; to let it pass: {one['remedy']}" for one in document["closed"]]


def _of_trunk(document: Document) -> list[str]:
    of = f" of reseller {document['reseller']}" if document["reseller"] else ""
    lines = [f"trunk {document['trunk']} of tenant {document['tenant']}{of}"]
    for level in document["levels"]:
        said = []
        if level["allow"] is not None:
            said.append(f"allow [{', '.join(level['allow'])}]")
        if level["max_rate"] is not None:
            said.append(f"max_rate {level['max_rate']}")
        if level["hours"] is not None:
            hours = level["hours"]
            said.append(f"{', '.join(hours['open'])} ({hours['zone']}), outside: {hours['outside']}")
        lines.append(f"  {level['level']} {level['name']}: {'; '.join(said)}")
    if not any(level["allow"] is not None for level in document["levels"]):
        lines.append(f"  no level has a list: ordinary numbers at home ({document['at_home']})")
    lines.append(f"may call {', '.join(document['may_call']) or 'nothing'}")
    return lines + _of_closed(document)


def _of_table(document: Document) -> list[str]:
    classes = ", ".join(f"{kind} {count}" for kind, count in document["by_class"].items())
    return [
        f"destinations of {document['date']}",
        *(f"  {source}" for source in document["sources"]),
        f"{document['prefixes']} prefixes, {document['countries']} countries",
        f"{document['destinations']} classes of countries, {document['with_rate']} with a price: {classes}",
        "what no prefix fits is unknown: no price, high risk",
    ]


def _of_number(document: Document) -> list[str]:
    prefix = document["prefix"] or "no prefix fits"
    return [f"{document['number']}: {document['country'] or 'no country'}, {_words(document)} ({prefix})"]


def _of_country(document: Document) -> list[str]:
    return [
        f"{document['country']} {_words(one)}: {' '.join(one['first'])}"
        + (f" and {more} more" if (more := one["prefixes"] - len(one["first"])) else "")
        for one in document["classes"]
    ]


def _words(document: Document) -> str:
    price = f"{document['rate']} a minute" if document["rate"] is not None else "no price known"
    return f"{document['class']}, {document['risk']} risk, {price}"
