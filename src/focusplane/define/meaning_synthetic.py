"""What synthetic requests mean beside the rest of a focus: who is asked must be told apart, and no objective may count them."""

from collections.abc import Iterator

from focusplane.define.focus import Focus
from focusplane.define.log import Places, did_you_mean
from focusplane.define.problem import Problem, Severity
from focusplane.define.rollout import RolloutSpec
from focusplane.define.synthetic import PLACE, Synthetic

_USUAL_TENANT = "x-tenant"
_HINT = f"put {PLACE} into the url or a header, or give each version its url"


def synthetic_problems(focus: Focus, places: Places) -> Iterator[Problem]:
    """Of the rollout of its versions, and of each of its flags that has one of its own."""
    found = [(part, spec.synthetic) for part, spec in _rollouts(focus) if spec.synthetic is not None]
    for part, synthetic in found:
        path = f"{focus.name}.{part}.synthetic"
        yield from _probe(focus, synthetic, path, places)
        yield from _told_apart(focus, synthetic, path, places)
        yield from _as_nobody(focus, synthetic, path, places)
    for objective in focus.objectives if found else ():
        if objective.sli.counts_synthetic:
            what = f"{objective.name!r} counts synthetic requests, and those of the rollout would spend its budget"
            hint = "take `exclude: {synthetic: false}` and `synthetic: true` out of it"
            yield places.error(f"{focus.name}.objectives.{objective.name}.sli", "D323", what, hint)


def _rollouts(focus: Focus) -> Iterator[tuple[str, RolloutSpec]]:
    if focus.rollout is not None:
        yield "rollout", focus.rollout
    for key, flag in focus.controls.flags.items():
        if flag.rollout is not None:
            yield f"controls.flags.{key}.rollout", flag.rollout


def _probe(focus: Focus, synthetic: Synthetic, path: str, places: Places) -> Iterator[Problem]:
    known = [each.name for each in focus.objectives if each.sli.probe is not None]
    if synthetic.probe and synthetic.probe not in known:
        what = f"no objective {synthetic.probe!r} of this focus asks a URL"
        yield places.error(f"{path}.probe", "D322", what, did_you_mean(synthetic.probe, known))


def _told_apart(focus: Focus, synthetic: Synthetic, path: str, places: Places) -> Iterator[Problem]:
    """Our own gateway sends a marked request to the version that it names; nothing else does so by itself."""
    traffic = focus.controls.traffic
    pins = traffic is not None and traffic.driver is None and ".flags." not in path
    if pins:
        return
    silent = [f"requests.{number}" for number, one in enumerate(synthetic.requests) if not one.addressed]
    for where in silent or (["probe"] if synthetic.probe else []):
        yield places.error(f"{path}.{where}", "D322", "nothing in it says which version is meant", _HINT)


def _as_nobody(focus: Focus, synthetic: Synthetic, path: str, places: Places) -> Iterator[Problem]:
    """Nobody's quota is spent; and what writes is said to write."""
    traffic = focus.controls.traffic
    tenants = {_USUAL_TENANT, traffic.tenant_header if traffic is not None else _USUAL_TENANT}
    for number, request in enumerate(synthetic.requests):
        at = f"{path}.requests.{number}"
        for name in sorted(tenants & {name for name, _ in request.headers}):
            what = f"{name} makes it the request of a tenant, whose quota it would spend"
            yield places.error(f"{at}.headers", "D320", what, "take it away: synthetic requests are nobody's")
        if request.method == "POST":
            what = f"{request.title} is sent to production again and again"
            hint = "let the service see by x-focus-synthetic that nothing is to be kept"
            yield places.problem(at, Severity.WARNING, "D324", what, hint)
