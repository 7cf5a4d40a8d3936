"""Asked: the PromQL that says what one of our objectives counts, for tools that ask a Prometheus."""

from dataclasses import dataclass
from fractions import Fraction

from focusplane.define.focus import Focus
from focusplane.define.promql import WINDOW, Selector, read_histogram
from focusplane.define.sli import PromQl, SliKind
from focusplane.define.slo import Objective
from focusplane.edge.dialects.leaving import Leaving
from focusplane.edge.dialects.quantities import decimal
from focusplane.edge.dialects.queries import counter

OURS = "{{window}}"


@dataclass(frozen=True, slots=True)
class Query:
    """`bad` or `good` and `total`, or a `ratio`. A counter that is counted exactly stays a selector without a window."""

    total: str = ""
    bad: str = ""
    good: str = ""
    ratio: str = ""

    def over(self, template: str) -> tuple[str, str]:
        """Bad and total over a window that is written like that, as sums."""
        total = _summed(self.total, template)
        if self.bad:
            return _summed(self.bad, template), total
        return f"({total}) - ({_summed(self.good, template)})", total

    def counters(self) -> tuple[str, str, str] | None:
        """(`good` or `bad`, its counter, the counter of all) where both are plain counters."""
        key = "bad" if self.bad else "good"
        found = self.bad or self.good
        if not found or any(WINDOW.search(text) for text in (found, self.total)):
            return None
        return key, found, self.total


def query_of(focus: Focus, objective: Objective, leaving: Leaving) -> Query | None:
    """None after it was told why nothing can be asked for."""
    asked = objective.sli.promql
    if objective.sli.kind not in (SliKind.EVENTS, SliKind.LATENCY):
        what = f"a {objective.sli.kind} SLI is judged by the plane itself; {leaving.tool} cannot say it"
        leaving.refused(focus, objective, what)
        return None
    if asked is None:
        what = f"it counts what is pushed to the plane, of which {leaving.tool}'s Prometheus knows nothing"
        leaving.refused(focus, objective, what, "sli: {prometheus: ...} is exported")
        return None
    if objective.sli.kind is SliKind.LATENCY:
        return _cut(asked, objective.sli.under_ms)
    if asked.ratio:
        return Query(ratio=WINDOW.sub(OURS, asked.ratio))
    return Query(_counter(asked.total), _counter(asked.bad), _counter(asked.good))


def _cut(asked: PromQl, under_ms: int) -> Query:
    """The bucket at the limit, of all: `le` is written as Prometheus does, 0.3 or 1.0."""
    found = read_histogram(asked.histogram)
    scale = 1 if found.metric.endswith("_milliseconds_bucket") else 1000
    limit = decimal(Fraction(under_ms, scale))
    bound = f'le=~"{limit}(\\\\.0)?"' if "." not in limit else f'le="{limit}"'
    inside = ",".join([*map(str, found.matchers), bound])
    base = Selector(f"{found.metric.removesuffix('_bucket')}_count", found.matchers)
    return Query(total=str(base), good=f"{found.metric}{{{inside}}}")


def _counter(text: str) -> str:
    """A counter that we count exactly as its selector, whatever stood around it; else the expression."""
    if not text:
        return ""
    found = counter(text)
    if found is not None:
        return str(found)
    return WINDOW.sub(OURS, text)


def _summed(text: str, template: str) -> str:
    if WINDOW.search(text):
        return WINDOW.sub(lambda _: template, text)
    return f"sum(rate({text}[{template}]))"
