"""The keys of a mitigation: `when`, `do`, and its limits."""

from fractions import Fraction

from focusplane.define.mitigation import (
    Approval,
    Mitigation,
    Mode,
    Move,
    OnBreaker,
    OnBurn,
    OnCanary,
    OnTenantShare,
    OnVariant,
    RollBack,
    SetFlag,
    SetQuota,
    SetThrottle,
    StartRunbook,
    UseFallback,
    When,
)
from focusplane.define.people import APPROVERS
from focusplane.define.quantities import DURATION, LINE, NUMBER, PAUSE, RATE, SHARE_ABOVE, whole
from focusplane.define.shape import BROKEN, Broken, Field, Record, Shape, Values
from focusplane.define.shapes import Choice, Either, Keyed, ListOf, Name, Reference, Refused, Scalar, one_of
from focusplane.define.slo import Level
from focusplane.kernel.tick import MINUTE

LEVELS = {level.name.lower(): level for level in Level if level is not Level.NONE}
RESPONSES = {Fraction(4): Level.ACT, Fraction(2): Level.REVIEW}
"""The factors that have their windows by themselves."""


def _burn_word(text: str) -> Level | Fraction:
    if text in LEVELS:
        return LEVELS[text]
    try:
        return NUMBER.parse(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is neither a burn factor such as 4 nor one of {', '.join(LEVELS)}"
        ) from None


BURN = Field(
    "burn",
    Scalar[Level | Fraction](
        "a burn factor such as 4, or a level",
        _burn_word,
        {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"enum": list(LEVELS)}]},
    ),
    "4 means over 1h and 5m, 2 over 6h and 30m; other factors say their windows; or a level such as page.",
    required=True,
)
OBJECTIVE = Field("objective", Reference("objective"), "Which objective; needless if there is one only.", "")
WINDOWS = Field[tuple[int, ...]]("windows", ListOf(DURATION), "Long and short window: [30m, 5m].", ())


def _on_burn(values: Values) -> When | Broken:
    burn, windows = values[BURN], values[WINDOWS]
    if isinstance(burn, Level):
        if windows:
            values.error(WINDOWS, "D013", "a level has windows of its own", "take `windows` away")
        return OnBurn(values[OBJECTIVE], burn)
    if not values.has(WINDOWS):
        if burn in RESPONSES:
            return OnBurn(values[OBJECTIVE], RESPONSES[burn])
        hint = f"say its windows: {{burn: {float(burn):g}, windows: [30m, 5m]}}"
        values.error(BURN, "D011", f"a burn factor of {float(burn):g} has no windows by itself", hint)
        return BROKEN
    if len(windows) != 2:
        values.error(WINDOWS, "D013", "there must be two windows, a long and a short one", "[30m, 5m]")
        return BROKEN
    return OnBurn(values[OBJECTIVE], Level.NONE, burn, max(windows), min(windows))


CANARY = Field(
    "canary", Choice({"worse": OnCanary()}), "The judge finds the new version worse.", required=True
)
BREAKER = Field("breaker", Reference("breaker"), "This breaker is open.", required=True)
SHARE_OF = Field("tenantShare", SHARE_ABOVE, "One tenant makes more than this of the traffic.", required=True)

VARIANT = Field(
    "variant",
    Choice({"worse": OnVariant()}),
    "The requests with the variant that `do` takes away fare worse than those with the other one.",
    required=True,
)

WHEN: Shape[When] = Keyed(
    "`when`",
    (
        Record[When]("`when` of a burn", (BURN, OBJECTIVE, WINDOWS), _on_burn),
        Record[When]("`when` of a canary", (CANARY,), lambda values: values[CANARY]),
        Record[When]("`when` of a breaker", (BREAKER,), lambda values: OnBreaker(values[BREAKER])),
        Record[When]("`when` of a tenant", (SHARE_OF,), lambda values: OnTenantShare(values[SHARE_OF])),
        Record[When]("`when` of a variant", (VARIANT,), lambda values: values[VARIANT]),
    ),
)

_STICKS = Field(
    "for",
    Refused(
        "D105",
        "a flag kill and a rollback do not end by themselves: judgement sticks",
        "take `for` away; bringing the change back is a new exposure (a rollout, or a person)",
    ),
    "",
    "",
    hidden=True,
)
_LASTS = Field(
    "for",
    DURATION,
    "How long it lasts; renewed while the reason holds.",
    0,
    required=True,
    code="D106",
    hint="containment ends by itself: say after how long, such as `for: 30m`",
)
FLAG = Field("flag", Reference("flag"), "The flag to move.", required=True)
SET = Field("set", LINE, "The variant to serve.", required=True)
ROLLOUT = Field("rollout", Choice({"rollback": RollBack()}), "Takes the running rollout back.", required=True)
THROTTLE = Field("throttle", RATE, "At most so many requests.", required=True)
TENANT = Field("tenant", LINE, 'A tenant, or "{culprit}": the one that explains the failure.', required=True)
RATE_OF = Field("rate", RATE, "What it may ask for.", required=True)
QUOTA = Field(
    "quota",
    Record("a quota", (TENANT, RATE_OF), lambda values: (values[TENANT], values[RATE_OF])),
    "A quota for one tenant.",
    required=True,
)
FALLBACK = Field("fallback", Choice({"on": True}), "Answers by the fallback.", required=True)
RUNBOOK = Field("runbook", Reference("runbook"), "Opens a runbook for the on-call.", required=True)

DO: Shape[Move] = Keyed(
    "`do`",
    (
        Record[Move]("`do` of a flag", (FLAG, SET, _STICKS), lambda v: SetFlag(v[FLAG], v[SET])),
        Record[Move]("`do` of a rollout", (ROLLOUT, _STICKS), lambda v: v[ROLLOUT]),
        Record[Move]("`do` of a throttle", (THROTTLE, _LASTS), lambda v: SetThrottle(v[THROTTLE], v[_LASTS])),
        Record[Move]("`do` of a quota", (QUOTA, _LASTS), lambda v: SetQuota(*v[QUOTA], v[_LASTS])),
        Record[Move]("`do` of a fallback", (FALLBACK, _LASTS), lambda v: UseFallback(v[_LASTS])),
        Record[Move]("`do` of a runbook", (RUNBOOK,), lambda v: StartRunbook(v[RUNBOOK])),
    ),
)

BY = Field("by", Choice({role: role for role in APPROVERS}), "The role whose yes counts.", required=True)
COUNT = Field("count", whole(1, 10), "So many different people.", 1)
WITHIN = Field("within", DURATION, "After this it is a denial.", 15 * MINUTE)
APPROVAL: Shape[Approval | None] = Either(
    Choice[Approval | None]({"none": None}),
    Record[Approval | None](
        "an approval", (BY, COUNT, WITHIN), lambda values: Approval(values[BY], values[COUNT], values[WITHIN])
    ),
)
VERIFY_WITHIN = Field("within", DURATION, "The SLI must have answered by then.", required=True)

NAME = Field("name", Name("mitigation"), "What it is called; unique in its focus.", required=True)
WHEN_OF = Field("when", WHEN, "The condition.", required=True)
DO_OF = Field("do", DO, "The move.", required=True)
MODE = Field("mode", one_of(Mode), "shadow (default) only records, suggest asks, act acts.", Mode.SHADOW)
APPROVAL_OF = Field[Approval | None]("approval", APPROVAL, "none, or who must agree.", None)
COOLDOWN = Field("cooldown", PAUSE, "Rests this long after it acted.", 10 * MINUTE)
VERIFY = Field(
    "verify",
    Record("`verify`", (VERIFY_WITHIN,), lambda values: values[VERIFY_WITHIN]),
    "How soon it must help.",
    5 * MINUTE,
)


def _mitigation(values: Values) -> Mitigation:
    return Mitigation(
        values[NAME],
        values[WHEN_OF],
        values[DO_OF],
        values[MODE],
        values[APPROVAL_OF],
        values[COOLDOWN],
        values[VERIFY],
    )


MITIGATION = Record("a mitigation", (NAME, WHEN_OF, DO_OF, MODE, APPROVAL_OF, COOLDOWN, VERIFY), _mitigation)
