"""The keys of a match: which answers are meant, by how they ended, whose they were and what they say of themselves."""

from collections.abc import Mapping

from focusplane.define.quantities import LINE, ROUTE, STATUS, TRUTH
from focusplane.define.shape import BROKEN, Broken, Field, Record, Values
from focusplane.define.shapes import ListOf, MapOf, Name, Scalar
from focusplane.define.sli import Match

MOST_KEYS, MOST_VALUES = 8, 50
"""Attributes of one match, and values of one of them: what is asked for is taken from every request."""
KEY = Name("attribute", r"[A-Za-z_][A-Za-z0-9_.-]{0,62}", "the key of an attribute such as app.crash")
VALUE = Scalar("a value such as true or ios", str, {"type": ["string", "number", "boolean"]}, most=128)

STATUSES = Field("status", ListOf(STATUS, single=True), "Status codes and classes: 503, 5xx.", ())
ERRORS = Field("errors", ListOf(LINE, single=True), "Values of error.type.", ())
ROUTES = Field("routes", ListOf(ROUTE, single=True), "Routes: POST /checkout, /refund/*.", ())
TENANTS = Field("tenants", ListOf(LINE, single=True), "Values of tenant.id.", ())
CLIENTS = Field("clients", ListOf(LINE, single=True), "Values of client.id.", ())
ATTRIBUTES = Field[Mapping[str, tuple[str, ...]]](
    "attributes",
    MapOf(KEY, ListOf(VALUE, least=1, single=True)),
    "Attributes of the request or its resource with the values that fit: {app.crash: true}.",
    {},
)
SYNTHETIC = Field[bool | None]("synthetic", TRUTH, "Whether it is marked as synthetic.", None)
RESEND = Field[bool | None]("resend", TRUTH, "Whether it is a repeated attempt.", None)


def _match(values: Values) -> Match | Broken:
    asked = values[ATTRIBUTES]
    if len(asked) > MOST_KEYS or any(len(each) > MOST_VALUES for each in asked.values()):
        what = f"more than {MOST_KEYS} attributes, or more than {MOST_VALUES} values of one"
        values.error(ATTRIBUTES, "D241", what, "each of them is taken from every request: ask for a few")
        return BROKEN
    if any(not value for each in asked.values() for value in each):
        values.error(
            ATTRIBUTES, "D241", "an attribute has an empty value", "an attribute that is empty is not there"
        )
        return BROKEN
    return Match(
        values[STATUSES],
        values[ERRORS],
        values[ROUTES],
        values[TENANTS],
        values[SYNTHETIC],
        values[RESEND],
        values[CLIENTS],
        tuple(sorted((key, tuple(sorted(set(each)))) for key, each in asked.items())),
    )


MATCH = Record("a match", (STATUSES, ERRORS, ROUTES, TENANTS, CLIENTS, ATTRIBUTES, SYNTHETIC, RESEND), _match)
FAILED = Match(status=("5xx",))
UNASKED = Match(synthetic=True)
