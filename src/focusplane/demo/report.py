"""What a scenario shows: the live table, a line a second without a terminal, and the ending."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from focusplane.demo.episode import Episode, Moment
from focusplane.demo.record import Promise, Record
from focusplane.demo.sample import Sample
from focusplane.kernel.quantity import format_duration

MILLION = 1e6
_PHASE_STYLE = {
    "stepping": "bold cyan",
    "held": "bold yellow",
    "rolled-back": "bold red",
    "promoted": "bold green",
}


def line(seen: Sample) -> str:
    """One look in one line."""
    judged = (
        f"{seen.phase:<11} {seen.version:<3} {seen.weight:>5}  "
        f"harm e={said(seen.e_regress)} safe e={said(seen.e_safe)} of {seen.threshold:g}  "
        f"new {seen.canary_bad}/{seen.canary_total} stable {seen.baseline_bad}/{seen.baseline_total} bad"
    )
    return (
        f"{judged if seen.version else f'no rollout  {seen.stable} alone'}  "
        f"{seen.rate:.0f}/s, {seen.failed} failed in 5 s, p50 {seen.p50_ms} ms  "
        f"burn {said(seen.burn)}x  budget {seen.budget_left}  {seen.incident}"
    ).rstrip()


def table(seen: Sample, act: str) -> RenderableType:
    """The live view of one look."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", justify="right")
    grid.add_column()
    for name, value in _rows(seen):
        grid.add_row(name, value)
    return Panel(grid, title=act, title_align="left", border_style="dim")


def _rows(seen: Sample) -> Iterator[tuple[str, RenderableType]]:
    phase = Text(seen.phase, _PHASE_STYLE.get(seen.phase, "bold"))
    if seen.version:
        phase.append(f"   {seen.version} at {seen.weight}, stable {seen.stable}", "default")
    yield "rollout", phase
    yield "judge", Text(seen.sentence)
    yield "evidence of harm", _gauge(seen.e_regress, seen.threshold, "red")
    yield "evidence of safety", _gauge(seen.e_safe, seen.threshold, "green")
    yield "new version", _arm(seen.canary_bad, seen.canary_total)
    yield "stable version", _arm(seen.baseline_bad, seen.baseline_total)
    yield "customers", Text(f"{seen.rate:.0f} requests/s, {seen.failed} failed in 5 s, p50 {seen.p50_ms} ms")
    yield "budget", Text(f"{seen.budget_left} left, burning {said(seen.burn)}x")
    yield "incident", Text(seen.incident or "none", "red" if seen.incident else "default")


def _gauge(e_value: float | None, threshold: float, colour: str) -> Text:
    """The threshold is the full bar; the scale is linear, so that most of the way is seen as most of the way."""
    share = min((e_value or 0.0) / threshold, 1.0)
    full = round(share * 24)
    return Text.assemble(
        ("█" * full, colour), ("░" * (24 - full), "dim"), f"  e = {said(e_value)} of {threshold:g}"
    )


def _arm(bad: int, total: int) -> Text:
    share = f"{bad / total:.2%}" if total else "–"
    return Text(f"{bad} of {total} failed ({share})")


def said(value: float | None) -> str:
    """A float for people: three digits, words for what is beyond reading, a dash where there is none."""
    if value is None:
        return "–"
    return f"{value:.3g}" if value < MILLION else "over a million"


def diff_view(text: str) -> RenderableType:
    return Padding(Syntax(text, "diff", background_color="default", word_wrap=True), (0, 0, 0, 2))


def ending(record: Record) -> RenderableType:
    """The timeline of each rollout, what it cost, and every promise with what was measured."""
    parts: list[RenderableType] = []
    for each in record.episodes:
        parts += [Text(), _episode(each)]
    parts += [Text(), _promises(record.promises)]
    parts += [Text(note) for note in record.notes]
    verdict = ("everything held", "bold green") if record.held else ("NOT everything held", "bold red")
    took = format_duration(max(record.ended_at - record.started_at, 0))
    parts += [Text(), Text.assemble(verdict, f" ({took}); data and logs in {record.place}")]
    return Group(*parts)


def _episode(each: Episode) -> RenderableType:
    moments = Table(
        title=f"{each.version}, after {each.stable}", title_justify="left", box=None, pad_edge=False
    )
    moments.add_column("after", justify="right", no_wrap=True)
    moments.add_column("what", no_wrap=True)
    moments.add_column("why", style="dim")
    for moment in each.moments:
        moments.add_row(_after(moment), moment.what, moment.why)
    return Group(moments, Padding(Text(harm_words(each)), (0, 0, 0, 2)))


def _after(moment: Moment) -> str:
    return "0" if moment.after_ms == 0 else f"{moment.after_ms / 1000:+.3f} s"


def harm_words(each: Episode) -> str:
    """What it cost and what it would have cost, in a sentence or two."""
    harm = each.harm
    if not harm.requests:
        return f"{each.version} answered nobody."
    lost = f"{harm.users_lost} requests failed for good, also after a second try"
    worse = f" At full traffic about {harm.at_full_traffic} would have failed in the same time."
    if harm.excess <= 0:
        worse = ""
    excess = f"{harm.excess} more than" if harm.excess > 0 else "no more than"
    return (
        f"{harm.requests} requests went to {each.version} in {format_duration(harm.exposed_ms)}, {harm.failed} failed: "
        f"{excess} {each.stable} would have; {lost}; "
        f"{harm.tenants_hurt} of {harm.tenants} tenants {'was' if harm.tenants_hurt == 1 else 'were'} hurt.{worse}"
    )


def _promises(promises: list[Promise]) -> RenderableType:
    rows = Table(title="Promises", title_justify="left", box=None, pad_edge=False)
    rows.add_column("", no_wrap=True)
    rows.add_column("promise")
    rows.add_column("measured", style="dim")
    for promise in promises:
        mark = Text("held", "green") if promise.held else Text("BROKEN", "bold red")
        rows.add_row(mark, promise.name, promise.measured)
    return rows
