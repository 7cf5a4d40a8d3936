"""The tables of the journal: what the plane is, its turns, its hash-chained facts, its snapshots."""

import sqlalchemy as sa

TABLES = sa.MetaData()
META = sa.Table("meta", TABLES, sa.Column("key", sa.String, primary_key=True), sa.Column("value", sa.String))
TURNS = sa.Table(
    "turns",
    TABLES,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("arrivals", sa.LargeBinary, nullable=False),
)
FACTS = sa.Table(
    "facts",
    TABLES,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("turn", sa.Integer, nullable=False, index=True),
    sa.Column("fact", sa.String, nullable=False),
    sa.Column("prev", sa.String, nullable=False),
    sa.Column("hash", sa.String, nullable=False),
)
SNAPSHOTS = sa.Table(
    "snapshots",
    TABLES,
    sa.Column("turn", sa.Integer, primary_key=True),
    sa.Column("world", sa.LargeBinary, nullable=False),
)
