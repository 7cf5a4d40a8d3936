"""Stories from the command line: `focus test` plays those beside the policies, `focus simulate` one of them, aloud."""

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from focusplane.act.fact import Fact, Kind
from focusplane.cli.findings import FORMATS, row
from focusplane.cli.output import Output, counted, span
from focusplane.cli.policy_set import Place, read, today
from focusplane.define.load import Loaded, load
from focusplane.define.problem import Problem
from focusplane.kernel.errors import FocusplaneError, UsageError
from focusplane.kernel.quantity import format_percent, parse_duration
from focusplane.kernel.tick import SECOND
from focusplane.observe.health import Budget

if TYPE_CHECKING:
    from focusplane.plane.world import World
    from focusplane.testing.stories.play import Played
    from focusplane.testing.stories.story import Story

Shown = dict[str, Any]
SUFFIX = ".story"
UNTOLD = frozenset({Kind.PLANE_STARTED, Kind.POLICY_LOADED, Kind.CHANGED, Kind.NOTIFIED, Kind.ASKED})
"""Facts that say nothing in a timeline of a story."""
MOST_LINES = 40
MOST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Result:
    """One story: played, or not readable."""

    path: Path
    played: "Played | None"
    problems: tuple[Problem, ...] = ()

    @property
    def good(self) -> bool:
        return self.played is not None and self.played.held


@click.command("test")
@click.argument("paths", nargs=-1, type=Place)
@click.option("--json", "as_json", is_flag=True)
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="write the results there, too, as JUnit XML")  # fmt: skip
def test_command(paths: Sequence[Path], as_json: bool, junit: Path | None) -> None:
    """Play every *.story in PATHS (default: here) in virtual time. Exit 1 if one does not hold, 2 if one cannot be read."""
    found = _stories(paths or [Path()])
    results: list[Result] = []
    for path in found:
        results.append(_play(path))
        if not as_json:
            _tell(results[-1])
    if junit is not None:
        _junit(results, junit)
    failed = [one for one in results if not one.good]
    shown = {"items": [_shown(one) for one in results], "next": None}
    stories = "1 story" if len(results) == 1 else f"{len(results)} stories"
    Output(as_json).show(shown, lambda: click.echo(f"\n{stories}, {len(failed)} failed"))
    raise click.exceptions.Exit(2 if any(one.problems for one in results) else int(bool(failed)))


@click.command("simulate")
@click.argument("story", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--every", default="1m", show_default=True, help="how often burn and budget are printed")
@click.option("--json", "as_json", is_flag=True)
def simulate_command(story: Path, every: str, as_json: bool) -> None:
    """Play one STORY and print what happens, and how the budget goes. Exit 1 if it does not hold, 2 if it cannot be read."""
    from focusplane.testing.stories.play import play

    parsed = _parse(story)
    if isinstance(parsed, tuple):
        click.echo(FORMATS["text"](parsed), nl=False, err=True)
        raise click.exceptions.Exit(2)
    try:
        step = max(SECOND, parse_duration(every))
    except ValueError as error:
        raise UsageError(str(error), "--every 1m") from error
    points: list[Shown] = []
    due = [step]

    def look(at: int, world: "World") -> None:
        if at >= due[0]:
            due[0] = at - at % step + step
            points.extend(_points(at, world))

    result = Result(story, play(parsed, look))
    shown = {**_shown(result), "points": points, "timeline": _timeline(result.played)}
    Output(as_json).show(shown, lambda: _aloud(result, points))
    raise click.exceptions.Exit(int(not result.good))


def _stories(paths: Sequence[Path]) -> list[Path]:
    found = sorted({story for path in paths for story in ([path] if path.is_file() else path.rglob(f"*{SUFFIX}"))})  # fmt: skip
    for path in found:
        if path.suffix != SUFFIX:
            raise UsageError(f"{path} is no story", f"the name of a story ends with {SUFFIX}")
    if not found:
        raise UsageError(f"no {SUFFIX} file in {', '.join(map(str, paths))}", "a story stands beside its policy")  # fmt: skip
    return found


def _play(path: Path) -> Result:
    from focusplane.testing.stories.play import play

    parsed = _parse(path)
    return Result(path, None, parsed) if isinstance(parsed, tuple) else Result(path, play(parsed))


def _parse(path: Path) -> "Story | tuple[Problem, ...]":
    from focusplane.testing.stories.grammar import parse

    try:
        if path.stat().st_size > MOST_BYTES:
            raise UsageError(f"{path} is larger than a megabyte", "a story is a page of text")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}", "a story is a text file in UTF-8") from error

    def policies(names: tuple[str, ...]) -> tuple[Mapping[str, str], Loaded]:
        files: dict[str, str] = {}
        for name in names:
            place = path.parent / name
            if not place.exists():
                raise ValueError(f"there is no {name} beside the story")
            try:
                found = read(place)
            except FocusplaneError as error:
                raise ValueError(error.what) from error
            files |= {
                str(place / below) if place.is_dir() else str(place): text for below, text in found.items()
            }
        return files, load(files, today())

    return parse(str(path), text, policies)


# -- what is shown ---------------------------------------------------------------------------------------------------


def _tell(result: Result) -> None:
    if result.problems:
        click.echo(f"{click.style('unread', fg='red')}  {result.path}")
        click.echo(FORMATS["text"](result.problems), nl=False)
        return
    assert result.played is not None
    story = result.played.story
    if result.good:
        said = counted(len(story.expectations), "expectation")
        click.echo(f"{click.style('held', fg='green')}    {result.path}  {said}, {span(story.until_ms)} of time")  # fmt: skip
        return
    click.echo(f"{click.style('failed', fg='red')}  {result.path}")
    for one in result.played.outcomes:
        if not one.held:
            click.echo(f"  {story.path}:{one.expectation.line}:1  {one.expectation.text}\n    instead  {one.why}")  # fmt: skip
    lines = _timeline(result.played)
    click.echo("  what happened")
    for line in lines[-MOST_LINES:]:
        click.echo(f"    {_moment(line)}")
    if len(lines) > MOST_LINES:
        click.echo(f"    (the last {MOST_LINES} of {len(lines)}; `focus simulate {story.path}` has all)")


def _moment(line: Shown) -> str:
    parts = (f"+{span(line['at_ms'])}", line["kind"], line["subject"], line["what"])
    return "  ".join(part for part in parts if part)


def _timeline(played: "Played | None") -> list[Shown]:
    """The facts that say something, and what the story did to the plane."""
    rows: list[Shown] = []
    for at, text, fact in played.timeline if played is not None else ():
        if fact is None:
            rows.append({"at_ms": at, "kind": "story", "focus": "", "subject": "", "what": text})
        elif fact.kind not in UNTOLD:
            rows.append(_fact(at, fact))
    return rows


def _fact(at: int, fact: Fact) -> Shown:
    told = (fact.body.get(key) for key in ("what", "phase", "stage"))
    subject = "  ".join([fact.subject, *(str(one) for one in told if one)])
    return {"at_ms": at, "kind": str(fact.kind), "focus": fact.focus, "subject": subject, "what": fact.reason}


def _points(at: int, world: "World") -> list[Shown]:
    return [
        {
            "at_ms": at,
            "objective": key,
            "state": str(health.state),
            "level": health.level.name.lower(),
            "budget_left": float(health.budget.left) if isinstance(health.budget, Budget) else None,
            "left_text": format_percent(health.budget.left, 1) if isinstance(health.budget, Budget) else "unknown",
            "reason": health.reason,
        }
        for key, health in world.health.items()
    ]  # fmt: skip


def _aloud(result: Result, points: Sequence[Shown]) -> None:
    lines = [(line["at_ms"], _moment(line)) for line in _timeline(result.played)]
    lines += [
        (one["at_ms"], f"+{span(one['at_ms'])}  {one['objective']}  {one['state']}, {one['left_text']} of the budget left: {one['reason']}")
        for one in points
    ]  # fmt: skip
    for _, text in sorted(lines, key=lambda line: line[0]):
        click.echo(text)
    click.echo()
    _tell(result)


def _shown(result: Result) -> Shown:
    played = result.played
    return {
        "story": str(result.path),
        "held": result.good,
        "problems": [row(one) for one in result.problems],
        "expectations": [
            {"line": one.expectation.line, "text": one.expectation.text, "held": one.held, "instead": one.why}
            for one in (played.outcomes if played is not None else ())
        ],
    }


def _junit(results: Sequence[Result], path: Path) -> None:
    suite = ET.Element("testsuite", name="focus test", tests=str(len(results)))
    for result in results:
        case = ET.SubElement(suite, "testcase", name=str(result.path), classname="story")
        if result.problems:
            ET.SubElement(case, "error", message=str(result.problems[0])).text = FORMATS["text"](
                result.problems
            )
        for one in result.played.outcomes if result.played is not None else ():
            if not one.held:
                ET.SubElement(case, "failure", message=one.expectation.text).text = one.why
    ET.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)
