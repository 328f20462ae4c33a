"""One row a call instead of two tables, with what calls are looked up by; the messages of calls."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_LOOKED_UP = ("tenant", "trunk", "carrier", "calling_number", "called_number")


def _name(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    """Makes the tables, moves every record, and drops the two before.

    A migration only adds (docs/upgrading.md); this one is older than that rule. The two were in no release,
    so none can be gone back to that would read them.
    """
    calls = op.create_table(
        "calls",
        sa.Column("id", _number, primary_key=True),
        sa.Column("record_id", _name(64), nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("verdict", _name(16), nullable=False),
        sa.Column("reason", _name(64), nullable=False),
        *(sa.Column(name, _name(64), nullable=False) for name in _LOOKED_UP[:3]),
        *(sa.Column(name, _name(32), nullable=False) for name in _LOOKED_UP[3:]),
        sa.Column("ending", _name(16), nullable=True),
        sa.Column("duration_s", sa.Float, nullable=True),
        sa.Column("decision", sa.Text, nullable=True),
        sa.Column("outcome", sa.Text, nullable=True),
    )
    _move(calls)
    op.drop_table("outcomes")
    op.drop_table("decisions")
    op.create_index("ix_calls_record_id", "calls", ["record_id"], unique=True)
    op.create_index("ix_calls_call_id", "calls", ["call_id"])
    op.create_index("ix_calls_at", "calls", ["at", "id", "verdict", "reason", "ending", "duration_s"])
    for name in _LOOKED_UP:
        op.create_index(f"ix_calls_{name}", "calls", [name, "at"])
    op.create_table(
        "ladders",
        sa.Column("id", _number, primary_key=True),
        sa.Column("record_id", _name(64), nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("messages", sa.Text, nullable=False),
    )
    op.create_index("ix_ladders_record_id", "ladders", ["record_id", "at"], unique=True)
    op.create_index("ix_ladders_at", "ladders", ["at"])


def _move(calls: sa.Table) -> None:
    columns = {"record_id": sa.String, "at": sa.Float, "call_id": sa.String, "verdict": sa.String}
    columns |= {"reason": sa.String, "trunk": sa.String, "record": sa.Text}
    d = sa.table("decisions", *(sa.column(name, kind) for name, kind in columns.items()))
    o = sa.table("outcomes", *(sa.column(name) for name in ("record_id", "at", "ending", "record")))
    answered, ended = _fact(o.c.record, "answered_at", sa.Float), _fact(o.c.record, "ended_at", sa.Float)
    lasted = sa.case((sa.and_(answered > 0, ended > 0), ended - answered), else_=None)
    none = sa.literal("")
    peer = sa.func.coalesce(_fact(o.c.record, "peer"), none)
    carrier = sa.case(
        (_fact(d.c.record, "direction") == "outbound", peer), else_=_fact(d.c.record, "source_name")
    )

    def number(name: str) -> sa.ColumnElement[str]:
        return sa.func.coalesce(_fact(d.c.record, name), none)

    op.execute(
        calls.insert().from_select(
            [column.name for column in calls.columns if column.name != "id"],
            sa.select(
                *(d.c.record_id, d.c.at, d.c.call_id, d.c.verdict, d.c.reason, none, d.c.trunk),
                *(sa.func.coalesce(carrier, none), number("calling_number"), number("called_number")),
                *(o.c.ending, lasted, d.c.record, o.c.record),
            )
            .select_from(d.outerjoin(o, d.c.record_id == o.c.record_id))
            .order_by(d.c.at),
        )
    )
    alone = [
        "record_id",
        "at",
        "call_id",
        "verdict",
        "reason",
        *_LOOKED_UP,
        "ending",
        "duration_s",
        "outcome",
    ]
    op.execute(
        calls.insert().from_select(
            alone,
            sa.select(
                *(
                    o.c.record_id,
                    o.c.at,
                    _fact(o.c.record, "call_id"),
                    none,
                    none,
                    none,
                    none,
                    peer,
                    none,
                    none,
                ),
                *(o.c.ending, lasted, o.c.record),
            )
            .select_from(o.outerjoin(d, d.c.record_id == o.c.record_id))
            .where(d.c.record_id.is_(None)),
        )
    )


def _fact(record: sa.ColumnElement[Any], name: str, kind: Any = sa.String) -> sa.ColumnElement[Any]:
    """A field of a record that is kept as JSON."""
    if op.get_bind().dialect.name == "sqlite":
        return sa.cast(sa.func.json_extract(record, f"$.{name}"), kind)
    return sa.cast(sa.cast(record, sa.JSON)[name].as_string(), kind)


def downgrade() -> None:
    """The two tables again, with what the rows hold of them; the messages are lost."""
    op.drop_table("ladders")
    for name, times in (("decisions", ("at", "call_id", "trunk")), ("outcomes", ("at",))):
        own = ("call_id", "verdict", "reason", "trunk") if name == "decisions" else ("ending",)
        op.create_table(
            name,
            sa.Column("record_id", sa.String(64), primary_key=True),
            sa.Column("at", sa.Float, nullable=False),
            *(sa.Column(column, sa.String(255), nullable=False) for column in own),
            sa.Column("record", sa.Text, nullable=False),
        )
        record = "decision" if name == "decisions" else "outcome"
        kept = ", ".join(("record_id", "at", *own))
        op.execute(
            f"INSERT INTO {name} ({kept}, record) "  # noqa: S608  # names of ours alone
            f"SELECT {kept}, {record} FROM calls WHERE {record} IS NOT NULL"
        )
        for column in times:
            op.create_index(f"ix_{name}_{column}", name, [column])
    op.drop_table("calls")
