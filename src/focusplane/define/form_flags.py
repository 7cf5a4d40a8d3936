"""The keys of a flag."""

from collections.abc import Mapping
from dataclasses import replace

from focusplane.define.controls import Flag
from focusplane.define.flag_driver import FlagDriver
from focusplane.define.form_exposure import EXPOSURE
from focusplane.define.form_flag_drivers import FLAG_DRIVER
from focusplane.define.form_rollout import ROLLOUT
from focusplane.define.form_targeting import ATTRIBUTE, RULES, SCHEDULE
from focusplane.define.quantities import DATE, LINE, PERCENT
from focusplane.define.shape import Field, Record, Values
from focusplane.define.shapes import AnyJson, Either, ListOf, MapOf, Name, Reference, Scalar
from focusplane.define.targeting import TENANT, Crowd, Rule, Segment, Timed
from focusplane.kernel.ids import Json

KEY = r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
KEY_WORDS = "a name of letters, digits, dashes and underscores"

VARIANTS = Field[Mapping[str, Json]](
    "variants",
    MapOf(Name("variant", KEY, KEY_WORDS), AnyJson()),
    "The values that the flag can have, by name: all of one type.",
    required=True,
)
DEFAULT = Field("default", LINE, "The variant that is served.", required=True)
OFF = Field("off", LINE, "The variant that a kill serves, and whoever is not meant.", required=True)
NEVER = Field("never", LINE, "Why this flag stays for good.", required=True)
EXPIRES = Field[tuple[str, str]](
    "expires",
    Either(
        Scalar(DATE.words, lambda text: (DATE.parse(text), ""), DATE.json, "or {never: why it stays}"),
        Record("a flag that stays", (NEVER,), lambda values: ("", values[NEVER])),
    ),
    "After this date `focus check` fails; nothing flips by itself. Or {never: why}.",
    ("", ""),
)
FLAG_OWNER = Field(
    "owner", Reference("team"), "The team that must remove the flag; the focus's own if left out.", ""
)
PERCENTAGE = Field(
    "percentage", PERCENT, "So many tenants get `default`, the rest `off`.", PERCENT.parse("100%")
)
BY = Field("by", ATTRIBUTE, "The attribute that percentages stick to.", TENANT)
REQUIRES = Field[Mapping[str, tuple[str, ...]]](
    "requires",
    MapOf(
        Name("prerequisite", rf"([a-z0-9-]{{1,63}}/)?{KEY}", "a flag such as new-index or search/new-index"),
        ListOf(Name("required", KEY, KEY_WORDS), least=1, single=True),
    ),
    "Flags (`key` or `focus/key`) with the variants of them without which `off` is served.",
    default={},
)
RULES_OF = Field[tuple[Rule, ...]](
    "rules", RULES, "Who gets what before the percentage; the first that fits.", ()
)
SCHEDULE_OF = Field[tuple[Timed, ...]]("schedule", SCHEDULE, "Percentages from exact instants on.", ())
FLAG_ROLLOUT = Field(
    "rollout", ROLLOUT, "How a variant of it is rolled out; the default is as the focus says.", None
)

DRIVER = Field[FlagDriver | None](
    "driver", FLAG_DRIVER, "The flag of another service that is moved with it.", None
)


def _flag(values: Values) -> Flag:
    expires, permanent = values[EXPIRES]
    words = values[FLAG_ROLLOUT]
    return Flag(
        values.name,
        values[VARIANTS],
        values[DEFAULT],
        values[OFF],
        values[FLAG_OWNER],
        expires,
        values[PERCENTAGE],
        values[BY],
        values[REQUIRES],
        values[RULES_OF],
        values[SCHEDULE_OF],
        permanent,
        None if words is None else words.open(),
        exposure=values[EXPOSURE],
        driver=values[DRIVER],
    )


FLAG = Record(
    "a flag",
    (
        VARIANTS,
        DEFAULT,
        OFF,
        EXPIRES,
        FLAG_OWNER,
        PERCENTAGE,
        BY,
        REQUIRES,
        RULES_OF,
        SCHEDULE_OF,
        FLAG_ROLLOUT,
        EXPOSURE,
        DRIVER,
    ),
    _flag,
)


def with_segments(flag: Flag, segments: Mapping[str, Crowd]) -> Flag:
    """The flag with what its segments mean. One that nobody declares is told elsewhere."""
    return replace(flag, rules=tuple(_meant(rule, segments) for rule in flag.rules))


def _meant(rule: Rule, segments: Mapping[str, Crowd]) -> Rule:
    when = replace(
        rule.when,
        segments=_known(rule.when.segments, segments),
        outside=_known(rule.when.outside, segments),
    )
    return replace(rule, when=when)


def _known(named: tuple[Segment, ...], segments: Mapping[str, Crowd]) -> tuple[Segment, ...]:
    return tuple(Segment(one.name, segments.get(one.name, Crowd())) for one in named)
