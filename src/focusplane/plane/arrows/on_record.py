"""On record: what goes past a freeze stands in the ledger of changes and in every live incident, and its owner is told."""

from focusplane.act.change import ChangeEvent
from focusplane.act.fact import Kind
from focusplane.act.incident import LIVE
from focusplane.control.rollout import Rollout
from focusplane.define.focus import Focus
from focusplane.kernel.ids import short_id
from focusplane.plane.arrows import move, route
from focusplane.plane.draft import Draft


def hotfix(draft: Draft, focus: Focus, rollout: Rollout) -> Draft:
    """On record: in the ledger of changes, in every live incident of the focus, and told to its owner."""
    through = draft.world.frozen.get(focus.name, "")
    stop = f"through the freeze ({through})" if through else "by the lane of hotfixes"
    words = f"hotfix {rollout.what} {stop}, by {rollout.by}: {rollout.hotfix}"
    key = short_id("chg", "hotfix", rollout.id)
    change = ChangeEvent(
        key, draft.at, focus.name, "rollout", words, rollout.by, rollout.weight, rollout.version
    )
    draft = move.record(draft, change)
    for incident in draft.world.incidents.values():
        if incident.focus == focus.name and incident.stage in LIVE:
            draft = draft.say(Kind.INCIDENT_NOTED, focus.name, incident.id, words, by=rollout.by)
    return tell(draft, focus, (rollout.id, "begun"), "has begun", words)


def tell(draft: Draft, focus: Focus, about: tuple[str, str], news: str, words: str) -> Draft:
    """The owner hears of it by the channels that wake."""
    names = focus.alerts.page or focus.alerts.ticket
    title = f"{focus.name}: a hotfix {news}"
    return route.send(draft, focus.owner, focus, names, route.Message(about, title, words))
