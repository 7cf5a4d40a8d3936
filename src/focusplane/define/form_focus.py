"""The keys of a focus and of the documents around it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from focusplane.define.controls import Controls
from focusplane.define.engine import Engine
from focusplane.define.focus import Alerts, Boundary, Focus, SourceKind, Tier
from focusplane.define.form_alerts import ALERTS_RECORD
from focusplane.define.form_controls import CONTROLS
from focusplane.define.form_engine import ENGINE
from focusplane.define.form_flags import with_segments
from focusplane.define.form_mitigation import MITIGATION
from focusplane.define.form_people import RUNBOOK, TEAM
from focusplane.define.form_planned import CALENDAR
from focusplane.define.form_rollout import ROLLOUT, RolloutWords
from focusplane.define.form_slo import OBJECTIVE
from focusplane.define.form_targeting import SEGMENTS
from focusplane.define.mitigation import Mitigation
from focusplane.define.quantities import LINE, ROUTE, TEXT, whole
from focusplane.define.shape import Field, Record, Shape, Values
from focusplane.define.shapes import Choice, Either, ListOf, MapOf, Name, Reference, one_of
from focusplane.define.slo import Objective
from focusplane.define.targeting import Crowd

API_VERSION = "focusplane/v1"
PATTERNS = ("feature", "tenant", "data-path", "edge-guard", "canary-control", "service-mesh")
ITEM = r"[A-Za-z0-9]([A-Za-z0-9._/-]{0,200}[A-Za-z0-9])?"

SERVICE = Field("service", LINE, "service.name of the telemetry.", required=True)
ROUTES = Field[tuple[str, ...]](
    "routes", ListOf(ROUTE, single=True), "POST /checkout, /refund/*; none means all.", ()
)
BOUNDARY = Record("a boundary", (SERVICE, ROUTES), lambda values: Boundary(values[SERVICE], values[ROUTES]))
PROMETHEUS = Field[Engine]("prometheus", ENGINE, "A PromQL engine to be asked.", required=True)
SOURCES: Shape[SourceKind | Engine] = Either(
    Choice({kind.value: kind for kind in SourceKind if kind is not SourceKind.PROMETHEUS}),
    Record("a source", (PROMETHEUS,), lambda values: values[PROMETHEUS]),
)

DESCRIPTION = Field("description", TEXT, "What the capability is for, in one sentence.", "")
OWNER = Field("owner", Reference("team"), "The team that answers for it.", "", required=True)
ENVIRONMENT = Field(
    "environment", Name("environment"), "deployment.environment.name it belongs to.", "production"
)
TIER = Field("tier", one_of(Tier), "How much it matters.", Tier.STANDARD)
PATTERN = Field("pattern", Choice({word: word for word in PATTERNS}), "What kind of capability it is.", "")
BOUNDARIES = Field[tuple[Boundary, ...]](
    "boundary", ListOf(BOUNDARY), "Telemetry without an explicit focus.id is matched here.", ()
)
DEPENDS_ON = Field[tuple[str, ...]]("dependsOn", ListOf(LINE), "What it needs in order to work.", ())
SOURCE = Field[SourceKind | Engine]("source", SOURCES, "Which telemetry counts.", SourceKind.AUTO)
OBJECTIVES = Field[tuple[Objective, ...]](
    "objectives", ListOf(OBJECTIVE, least=1), "The promises to its users.", (), required=True
)
MOST_OTHERS = Field(
    "mostOthers",
    whole(1, 1_000),
    "Its mitigations act while fewer other focuses than this were acted on within five minutes: one bad source must not move "
    "everything.",
    3,
)
SEGMENTS_OF = Field[Mapping[str, Crowd]](
    "segments",
    SEGMENTS,
    "Crowds by name, for the rules of flags: {beta: {tenant: [acme, globex]}}.",
    default={},
)
CONTROLS_OF = Field("controls", CONTROLS, "The levers.", Controls())
MITIGATIONS = Field[tuple[Mitigation, ...]](
    "mitigations", ListOf(MITIGATION), "What may be done when it fails.", ()
)
ROLLOUT_OF = Field[RolloutWords | None]("rollout", ROLLOUT, "How new versions are exposed.", None)
RUNBOOKS = Field[tuple[str, ...]]("runbooks", ListOf(Reference("runbook")), "For the on-call.", ())
ALERTS = Field("alerts", ALERTS_RECORD, "Channels of the owner by urgency.", Alerts())


@dataclass(frozen=True, slots=True)
class FocusWords:
    """A focus as it was written; `complete` in the room's `load` fills what follows from other parts."""

    focus: Focus
    rollout: RolloutWords | None


def _focus(values: Values) -> FocusWords:
    source = values[SOURCE]
    controls, segments = values[CONTROLS_OF], values[SEGMENTS_OF]
    flags = {key: with_segments(flag, segments) for key, flag in controls.flags.items()}
    focus = Focus(
        name=values.path,
        owner=values[OWNER],
        digest="",
        environment=values[ENVIRONMENT],
        description=values[DESCRIPTION],
        tier=values[TIER],
        pattern=values[PATTERN],
        boundary=values[BOUNDARIES],
        depends_on=values[DEPENDS_ON],
        source=SourceKind.PROMETHEUS if isinstance(source, Engine) else source,
        engine=source if isinstance(source, Engine) else None,
        objectives=values[OBJECTIVES],
        segments=segments,
        controls=replace(controls, flags=flags),
        mitigations=values[MITIGATIONS],
        runbooks=values[RUNBOOKS],
        alerts=values[ALERTS],
        most_others=values[MOST_OTHERS],
    )
    return FocusWords(focus, values[ROLLOUT_OF])


FOCUS = Record(
    "a focus",
    (
        DESCRIPTION,
        OWNER,
        ENVIRONMENT,
        TIER,
        PATTERN,
        BOUNDARIES,
        DEPENDS_ON,
        SOURCE,
        OBJECTIVES,
        SEGMENTS_OF,
        CONTROLS_OF,
        MITIGATIONS,
        MOST_OTHERS,
        ROLLOUT_OF,
        RUNBOOKS,
        ALERTS,
    ),
    _focus,
)

LABELS = Field[Mapping[str, str]]("labels", MapOf(LINE, LINE), "Your own words for searching.", default={})
METADATA_NAME = Field("name", Name("document"), "Unique among documents of this kind.", required=True)
REMOVED_NAME = Field(
    "name",
    Name("tombstone", ITEM, "a name such as checkout or checkout/flag.new-pricing"),
    "What is meant to be gone.",
    required=True,
)


@dataclass(frozen=True, slots=True)
class Metadata:
    name: str
    labels: Mapping[str, str]


METADATA = Record("metadata", (METADATA_NAME, LABELS), lambda v: Metadata(v[METADATA_NAME], v[LABELS]))
TOMBSTONE = Record(
    "metadata of a tombstone", (REMOVED_NAME, LABELS), lambda v: Metadata(v[REMOVED_NAME], v[LABELS])
)
SPECS: Mapping[str, Record[object]] = {"Focus": FOCUS, "Team": TEAM, "Runbook": RUNBOOK, "Calendar": CALENDAR}
KINDS = ("Focus", "Team", "Runbook", "Calendar", "Defaults", "Removed")
LATER_KINDS = {
    "GameDay": "game days",
    "Access": "rights of people",
}
"""Kinds that come with their features and are unknown until then."""
