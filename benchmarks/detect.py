"""How long until somebody is told: our rules, and Sloth's page alert as the real Prometheus evaluates it.

Targets of 99.9 %, 99 % and 95 % over 30 days; from one moment on all requests, a tenth or a fiftieth of them fail. One service
of 100 requests a second with eight hours of good history, told to the product's own judge in virtual time (a report each
second, a judgement each second) and to `promtool test rules` (a scrape each 15 s, an evaluation each 30 s, rules in one group,
which spares Sloth an evaluation). `acts` is the level at which mitigations move and the on-call is told, `pages` the page.
Prints JSON lines {name, goal, measured, peer, ratio, unit, ...}; no delivery is in these times (see `pager`).

    python benchmarks/detect.py
"""

import json
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.oracle.promtool import Story, alert_of, ask, cumulative, sloth
from tests.oracle.streams import T0, counters_for, say, with_rules

from focusplane.define.burn import burn_rules
from focusplane.define.slo import Level, Rolling
from focusplane.kernel.quantity import format_duration, format_percent
from focusplane.kernel.tick import DAY, HOUR, MINUTE, SECOND
from focusplane.observe.judge_health import judge

TARGETS = (Fraction(999, 1000), Fraction(99, 100), Fraction(95, 100))
FAILING = (Fraction(1), Fraction(1, 10), Fraction(1, 50))
RATE, CALM_MS, PATIENCE_MS = 100, 8 * HOUR, 6 * HOUR
SCRAPE_MS, EVALUATE_MS = 15 * SECOND, 30 * SECOND
FIRST_MS = 20 * MINUTE
"""So long after the onset each second is reported and judged, later each ten seconds: what takes hours needs no second."""
NEVER = f"not within {format_duration(PATIENCE_MS)}"


def ours(target: Fraction, failing: Fraction) -> dict[Level, int]:
    """Milliseconds from the onset until each level is reached."""
    rules, _ = burn_rules(target, Rolling(30 * DAY))
    judged = with_rules(target, rules)
    counters = counters_for(judged)
    for minute in range(CALM_MS // MINUTE):
        say(counters, T0 + minute * MINUTE, T0 + (minute + 1) * MINUTE, RATE * 60, 0)
    onset, at, found = T0 + CALM_MS, T0 + CALM_MS, dict[Level, int]()
    while at - onset < PATIENCE_MS and Level.PAGE not in found:
        step = SECOND if at - onset < FIRST_MS else 10 * SECOND
        total = RATE * step // SECOND
        say(counters, at, at + step, total, int(total * failing))
        at += step
        level = judge(judged, counters, "shop", at).level
        for each in (Level.ACT, Level.PAGE):
            if level >= each:
                found.setdefault(each, at - onset)
    return found


def theirs(target: Fraction, failing: Fraction) -> int | None:
    """Milliseconds from the onset until Sloth's page fires (14.4x over 1h and 5m, or 6x over 6h and 30m)."""
    rules = tuple(
        rule
        for rule in burn_rules(target, Rolling(30 * DAY))[0]
        if rule.level is Level.PAGE and rule.factor is not None
    )
    if not rules:
        return None
    total = RATE * SCRAPE_MS // SECOND
    steps = (CALM_MS + PATIENCE_MS) // SCRAPE_MS
    calm = CALM_MS // SCRAPE_MS
    bad = [0] * calm + [int(total * failing)] * (steps - calm)
    series = {
        "requests_total": list(cumulative([total] * steps)),
        "errors_total": list(cumulative(bad)),
    }
    looks = range(CALM_MS, CALM_MS + PATIENCE_MS, EVALUATE_MS)
    names = [alert_of(rule) for rule in rules]
    with tempfile.TemporaryDirectory() as folder:
        story = Story(SCRAPE_MS, series, EVALUATE_MS, looks, names)
        fired = ask(Path(folder), sloth(rules, 1 - target, EVALUATE_MS), story).firing
    times = [at for name in names for at in fired[name]]
    return min(times) - CALM_MS if times else None


def main() -> None:
    for target in TARGETS:
        for failing in FAILING:
            mine, page = ours(target, failing), theirs(target, failing)
            first = min(mine.values(), default=None)
            print(
                json.dumps(
                    {
                        "name": f"{format_percent(target)}, {format_percent(failing)} of the requests fail: told after",
                        "goal": "not later than the peer",
                        "measured": NEVER if first is None else format_duration(first),
                        "peer": "Sloth's page "
                        + (NEVER if page is None else f"after {format_duration(page)}"),
                        "ratio": f"{page / first:.1f}x" if page and first else "",
                        "acts": _said(mine.get(Level.ACT)),
                        "pages": _said(mine.get(Level.PAGE)),
                    }
                ),
                flush=True,
            )


def _said(span_ms: int | None) -> str:
    return NEVER if span_ms is None else format_duration(span_ms)


if __name__ == "__main__":
    main()
