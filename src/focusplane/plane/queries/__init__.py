"""Read models: World (and journal facts that are passed in) -> JSON for the API, the pages and the command line.

Pure: no I/O, no clock; a time is Unix milliseconds, a name that is unknown raises `NotFoundError`.
"""

from focusplane.plane.queries.actions import (
    action,
    actions,
    find_incident,
    incident,
    incidents,
    incidents_to_look_at,
)
from focusplane.plane.queries.alertmanager import live_alerts, silence_v2
from focusplane.plane.queries.alerts import silence, silences, tickets
from focusplane.plane.queries.comparisons import (
    DEFAULT_JUDGE,
    comparison,
    comparisons,
    judge_of,
    kept,
    last_asked,
)
from focusplane.plane.queries.corrections import correction, corrections
from focusplane.plane.queries.explain import explain, holds, told
from focusplane.plane.queries.flags import flags
from focusplane.plane.queries.focuses import budgets_at, find, focus, focuses
from focusplane.plane.queries.moving import moving
from focusplane.plane.queries.outgoing import WATCHDOG_MS, outgoing, watchdog
from focusplane.plane.queries.points import Span, span
from focusplane.plane.queries.reach import boardless, channels, undelivered
from focusplane.plane.queries.releases import release, releases
from focusplane.plane.queries.rollout_plan import Wish, rollout_plan
from focusplane.plane.queries.rollouts import rollout, self_tested
from focusplane.plane.queries.series import series
from focusplane.plane.queries.shown import Shown, page
from focusplane.plane.queries.status import changes, control, controls, fenced, nodes, status, unused
from focusplane.plane.queries.throttle import throttle
from focusplane.plane.queries.variants import variants

__all__ = [
    "DEFAULT_JUDGE",
    "WATCHDOG_MS",
    "Shown",
    "Span",
    "Wish",
    "action",
    "actions",
    "boardless",
    "budgets_at",
    "changes",
    "channels",
    "comparison",
    "comparisons",
    "control",
    "controls",
    "correction",
    "corrections",
    "explain",
    "fenced",
    "find",
    "find_incident",
    "flags",
    "focus",
    "focuses",
    "holds",
    "incident",
    "incidents",
    "incidents_to_look_at",
    "judge_of",
    "kept",
    "last_asked",
    "live_alerts",
    "moving",
    "nodes",
    "outgoing",
    "page",
    "release",
    "releases",
    "rollout",
    "rollout_plan",
    "self_tested",
    "series",
    "silence",
    "silence_v2",
    "silences",
    "span",
    "status",
    "throttle",
    "tickets",
    "told",
    "undelivered",
    "unused",
    "variants",
    "watchdog",
]
