"""What an engine has to be asked for its focuses: samples of counters, or estimates; each question once."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from focusplane.define.engine import Engine
from focusplane.define.focus import Focus
from focusplane.define.promql import Estimate, Selector, quoted, read_counter, read_histogram, read_ratio
from focusplane.define.slo import Objective
from focusplane.instrument.answered import Asking
from focusplane.instrument.labels import COUNTERS, HISTOGRAMS

SERVICES = 40
"""So many services share one question."""
_NATIVE = "|".join((*COUNTERS, *(f"{name}_bucket" for name in HISTOGRAMS)))
_NOT_PLAIN = re.compile(r"([^A-Za-z0-9_ -])")


@dataclass(frozen=True, slots=True)
class Samples:
    """Counters whose raw samples are asked for; `parts` are the selectors of one SLI, the whole first."""

    focuses: tuple[str, ...]
    parts: tuple[tuple[Asking, str], ...]


@dataclass(frozen=True, slots=True)
class Guess:
    """An SLI of which the engine adds up: `bad`, `good` and `total`, or `ratio`."""

    focus: str
    environment: str
    objective: str
    parts: tuple[tuple[str, Estimate], ...]


Question = Samples | Guess


def questions(engine: Engine, focuses: Iterable[Focus]) -> list[Question]:
    """Everything that this engine has to be asked, in the order of names."""
    own = sorted((focus for focus in focuses if focus.engine == engine), key=lambda focus: focus.name)
    asked = [_of(engine, focus, objective) for focus in own for objective in focus.objectives]
    return [*(one for one in asked if one is not None), *_native(engine, own)]


def _of(engine: Engine, focus: Focus, objective: Objective) -> Question | None:
    promql = objective.sli.promql
    if promql is None:
        return None
    who = (engine.url, focus.name, focus.environment, objective.name)
    if promql.histogram:
        buckets = read_histogram(promql.histogram)
        return Samples((focus.name,), ((Asking(*who, "buckets", buckets), str(buckets)),))
    if promql.ratio:
        return Guess(focus.name, focus.environment, objective.name, (("ratio", read_ratio(promql.ratio)),))
    side, text = ("good", promql.good) if promql.good else ("bad", promql.bad)
    some, every = read_counter(text), read_counter(promql.total)
    if isinstance(some, Selector) and isinstance(every, Selector):
        whole = "all" if side == "good" else "total"
        asking = ((Asking(*who, whole, every), str(every)), (Asking(*who, side, some), str(some)))
        return Samples((focus.name,), asking)
    parts = ((side, _as_estimate(some, text)), ("total", _as_estimate(every, promql.total)))
    return Guess(focus.name, focus.environment, objective.name, parts)


def _as_estimate(query: Selector | Estimate, text: str) -> Estimate:
    """A counter beside an estimate is estimated like it."""
    if isinstance(query, Estimate):
        return query
    kept = "" if query.keeps is None else f" by ({','.join(query.keeps)})"
    kept = f" without ({','.join(query.drops)})" if query.drops else kept
    inside = f"increase({query}[{{{{window}}}}])"
    return Estimate(f"sum{kept} ({inside})" if kept else inside)


def _native(engine: Engine, focuses: list[Focus]) -> Iterator[Samples]:
    """What remote write would bring of the services in the boundaries, and what names the focus itself."""
    own = [focus for focus in focuses if any(one.sli.promql is None for one in focus.objectives)]
    names = tuple(focus.name for focus in own)
    services = sorted({part.service for focus in own for part in focus.boundary})
    metric = f"__name__=~{quoted(_NATIVE)}"
    asking = Asking(engine.url)
    for some in _some(services):
        one_of = "|".join(_escaped(service) for service in some)
        for label, before in (("job", "(.+/)?"), ("service_name", "")):
            text = f"{{{metric},{label}=~{quoted(f'{before}({one_of})')}}}"
            yield Samples(names, ((asking, text),))
    for some in _some(names):
        one_of = "|".join(_escaped(name) for name in some)
        yield Samples(names, ((asking, f"{{{metric},focus_id=~{quoted(one_of)}}}"),))


def _some(names: Sequence[str]) -> Iterator[Sequence[str]]:
    yield from (names[at : at + SERVICES] for at in range(0, len(names), SERVICES))


def _escaped(text: str) -> str:
    """For a regular expression of RE2."""
    return _NOT_PLAIN.sub(r"\\\1", text)
