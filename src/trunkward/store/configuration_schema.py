"""The tables of the configuration database: `configuration_migrations/` makes them, this names them."""

import sqlalchemy as sa

metadata = sa.MetaData()

#: A text that was in force more than once (a rollback, a renewal) is kept once.
node_files = sa.Table(
    "node_files",
    metadata,
    sa.Column("sha256", sa.String(64), primary_key=True),
    # zlib over UTF-8: a file of 10,000 trunks has megabytes and repeats itself
    sa.Column("text", sa.LargeBinary, nullable=False),
    # the same over JSON, by the schema of `schema_id`
    sa.Column("objects", sa.LargeBinary, nullable=False),
    sa.Column("schema_id", sa.String(16), nullable=False),
)

versions = sa.Table(
    "versions",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("actor", sa.String(255), nullable=False),
    sa.Column("actor_uid", sa.BigInteger, nullable=False),
    sa.Column("command", sa.String(64), nullable=False),
    sa.Column("summary", sa.Text, nullable=False),
    sa.Column("text_sha256", sa.String(64), sa.ForeignKey("node_files.sha256"), nullable=False),
)

secrets = sa.Table(
    "secrets",
    metadata,
    # of the version that made it
    sa.Column("id", sa.BigInteger, sa.ForeignKey("versions.number"), primary_key=True, autoincrement=False),
    sa.Column("trunk", sa.String(63), nullable=False),
    sa.Column("username", sa.String(64), nullable=False),
    sa.Column("realm", sa.String(253), nullable=False),
    sa.Column("key_id", sa.String(16), nullable=False),
    # encrypted; the second one empty where there is none
    sa.Column("sha256", sa.LargeBinary, nullable=False),
    sa.Column("md5", sa.LargeBinary, nullable=False),
    sa.Column("until", sa.Double, nullable=True),
)

verified_numbers = sa.Table(
    "verified_numbers",
    metadata,
    # of the version that wrote it down
    sa.Column(
        "version", sa.BigInteger, sa.ForeignKey("versions.number"), primary_key=True, autoincrement=False
    ),
    sa.Column("number", sa.String(16), nullable=False),
    sa.Column("trunk", sa.String(63), nullable=False),
    sa.Column("tenant", sa.String(63), nullable=False),
    sa.Column("evidence", sa.Text, nullable=False),
    sa.Column("file_sha256", sa.String(64), nullable=False),
    sa.Column("until", sa.Double, nullable=False),
    # the version that took it back, 0 for none
    sa.Column("withdrawn", sa.BigInteger, nullable=False),
    # null for those of versions before
    sa.Column("salt", sa.String(32), nullable=True),
)

#: A deck that says the same again is kept once.
deck_texts = sa.Table(
    "deck_texts",
    metadata,
    sa.Column("sha256", sa.String(64), primary_key=True),
    # zlib over UTF-8 (`spend.deck.written`): of 250,000 prefixes some 3 MB
    sa.Column("packed", sa.LargeBinary, nullable=False),
)

decks = sa.Table(
    "decks",
    metadata,
    # of the version that took it in
    sa.Column(
        "version", sa.BigInteger, sa.ForeignKey("versions.number"), primary_key=True, autoincrement=False
    ),
    sa.Column("name", sa.String(63), nullable=False),
    sa.Column("currency", sa.String(3), nullable=False),
    sa.Column("sha256", sa.String(64), sa.ForeignKey("deck_texts.sha256"), nullable=False),
    sa.Column("rates", sa.BigInteger, nullable=False),
    sa.Column("file_sha256", sa.String(64), nullable=False),
    # the version that took its place, 0 for none
    sa.Column("ended", sa.BigInteger, nullable=False),
)

holds = sa.Table(
    "holds",
    metadata,
    # of the version that made it
    sa.Column(
        "version", sa.BigInteger, sa.ForeignKey("versions.number"), primary_key=True, autoincrement=False
    ),
    sa.Column("owner", sa.String(80), nullable=False),
    sa.Column("scope", sa.String(16), nullable=False),
    sa.Column("cut", sa.Boolean, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    # the version that released it, or took its place, 0 for none
    sa.Column("ended", sa.BigInteger, nullable=False),
)

raises = sa.Table(
    "raises",
    metadata,
    # of the version that made it
    sa.Column(
        "version", sa.BigInteger, sa.ForeignKey("versions.number"), primary_key=True, autoincrement=False
    ),
    sa.Column("owner", sa.String(80), nullable=False),
    sa.Column("window", sa.String(8), nullable=False),
    sa.Column("to_micro", sa.BigInteger, nullable=False),
    sa.Column("until", sa.Double, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    # the version that ended it early, or took its place, 0 for none
    sa.Column("ended", sa.BigInteger, nullable=False),
)

evidence = sa.Table(
    "evidence",
    metadata,
    # of the version that entered it
    sa.Column(
        "version", sa.BigInteger, sa.ForeignKey("versions.number"), primary_key=True, autoincrement=False
    ),
    sa.Column("trunk", sa.String(63), nullable=False),
    sa.Column("tenant", sa.String(63), nullable=False),
    sa.Column("customer", sa.String(64), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("first", sa.String(16), nullable=False),
    sa.Column("last", sa.String(16), nullable=False),
    sa.Column("file_name", sa.String(120), nullable=False),
    sa.Column("file_sha256", sa.String(64), sa.ForeignKey("evidence_files.sha256"), nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("until", sa.Double, nullable=False),
    # of another customer, in whose place it is; 0 for none
    sa.Column("replaces", sa.BigInteger, nullable=False),
    # of a delegate certificate: what was signed with its key
    sa.Column("proof", sa.Text, nullable=False),
    # the version that accepted or rejected it, 0 for none
    sa.Column("reviewed", sa.BigInteger, nullable=False),
    sa.Column("accepted", sa.Boolean, nullable=False),
    sa.Column("review_why", sa.Text, nullable=False),
    # the version that revoked it, 0 for none
    sa.Column("revoked", sa.BigInteger, nullable=False),
    sa.Column("revoke_why", sa.Text, nullable=False),
    sa.Column("salt", sa.String(32), nullable=False),
    # of a block, contract or port: whose certificate it speaks for; "" of all others
    sa.Column("identity", sa.String(63), nullable=False),
    # the service provider code that identity had when it was entered; "" of all others
    sa.Column("spc", sa.String(4), nullable=False),
)

#: A document that was entered more than once is kept once.
evidence_files = sa.Table(
    "evidence_files",
    metadata,
    sa.Column("sha256", sa.String(64), primary_key=True),
    # zlib; at most `control.evidence.MOST_BYTES` before
    sa.Column("packed", sa.LargeBinary, nullable=False),
)

journal = sa.Table(
    "journal",
    metadata,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("entry", sa.Text, nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
)
