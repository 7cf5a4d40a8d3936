"""What a destination answered: for a step of a rollout, for a release, or for a rollout of its own."""

from focusplane.plane.arrival import Probed
from focusplane.plane.arrows import capacity, depart, together
from focusplane.plane.draft import Draft


def probed(draft: Draft, arrival: Probed) -> Draft:
    """To whoever asked."""
    draft = draft.drop("outbox", arrival.key)
    counted = capacity.answered(draft, arrival)
    return counted if counted is not None else depart.probed(draft, arrival, together.ready)
