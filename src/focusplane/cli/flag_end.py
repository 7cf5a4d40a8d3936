"""The end of a flag from the command line: which are to go, and the patch that takes one out."""

from datetime import UTC, datetime
from pathlib import Path

import click

from focusplane.cli.findings import FORMATS
from focusplane.cli.output import Output, counted, table
from focusplane.cli.policy_set import Place, loaded_from, read, today
from focusplane.cli.remote import Remote, Shown, asks
from focusplane.control.flags.declared import Declared, declared_of
from focusplane.define.controls import Flag
from focusplane.define.load import load
from focusplane.define.log import did_you_mean
from focusplane.define.problem import Severity
from focusplane.edge.flag_removal import named_in, patch, without
from focusplane.kernel.errors import NotFoundError, UsageError


@click.command("stale")
@click.argument("focus", default="")
@click.option("--days", type=click.IntRange(1, 3_650), default=30, show_default=True, help="how long counts")
@click.option("--all", "everything", is_flag=True, help="also the flags that are needed")
@asks
def stale_command(remote: Remote, focus: str, days: int, everything: bool) -> None:
    """Flags that are to go, with the evidence: past their date, never asked for, or the same to everybody for so long.

    The evidence is what applications report beside each request; a flag that is asked for by OFREP alone has none.
    """
    items: list[Shown] = []
    after: str = ""
    while True:
        page = remote.get("/api/v1/flags", focus=focus, days=days, limit=1000, after=after)
        items += page["items"]
        after = page["next"] or ""
        if not after:
            break
    chosen = [one for one in items if everything or one["stale"]]
    remote.output.show({"items": chosen, "next": None}, lambda: _listed(chosen, len(items)))


def _listed(items: list[Shown], every: int) -> None:
    if not items:
        click.echo(f"{counted(every, 'flag')} looked at, none is to go", err=True)
        return
    rows = [
        [
            one["target"],
            one["owner"],
            one["expires"] or ("stays" if one["permanent"] else "-"),
            _when(one["evaluated_at"]),
            "; ".join(one["why"]) or "needed",
        ]
        for one in items
    ]
    table(["FLAG", "OWNER", "EXPIRES", "LAST ASKED FOR", "WHY"], rows)


def _when(at: int | None) -> str:
    return "never" if at is None else f"{datetime.fromtimestamp(at / 1_000, UTC):%Y-%m-%d %H:%MZ}"


@click.command("prune")
@click.argument("flag")
@click.argument("path", type=Place, default=".")
@click.option(
    "--code", type=click.Path(exists=True, file_okay=False, path_type=Path), help="where it may be named"
)
@click.option("--json", "as_json", is_flag=True)
def prune_command(flag: str, path: Path, code: Path | None, as_json: bool) -> None:
    """Print the patch that takes a flag (KEY or FOCUS/KEY) out of the policies, with a tombstone, and where code names it.

    Nothing is written: `focus flag prune KEY policies | git apply`. Exit 1 if the set would be refused without it.
    """
    loaded = loaded_from(path)
    focus, found = _one(declared_of(loaded.policies.focuses), flag)
    place = loaded.places.of(f"{focus}.controls.flags.{found.key}")
    files = {str(path / name) if path.is_dir() else str(path): text for name, text in read(path).items()}
    if place.path not in files:
        raise NotFoundError(f"{flag!r} stands in no file of {path}", "it may come from `kind: Defaults`")
    changed = without(files[place.path], place, focus, found.key)
    after = load({**files, place.path: changed}, today())
    before = {(one.path, one.code, one.what) for one in loaded.problems}
    left = [
        one
        for one in after.problems
        if one.severity is Severity.ERROR and (one.path, one.code, one.what) not in before
    ]
    hits = list(named_in(code, found.key)) if code is not None else []
    told = patch(place.path.lstrip("/"), files[place.path], changed)
    shown = {
        "flag": f"{focus}/{found.key}",
        "patch": told,
        "left": [str(one) for one in left],
        "code": [{"path": hit.path, "line": hit.line, "text": hit.text} for hit in hits],
        "keep": {"variant": found.default, "value": found.variants[found.default]},
    }
    Output(as_json).show(shown, lambda: click.echo(told, nl=False))
    if code is not None and not as_json:
        click.echo(f"{len(hits)} place(s) in {code} name it; keep what {found.default!r} does:", err=True)
        for hit in hits:
            click.echo(f"  {hit.path}:{hit.line}  {hit.text}", err=True)
    if left:
        click.echo(FORMATS["text"](tuple(left)), nl=False, err=True)
        click.echo("this would be wrong with the set: something still needs the flag", err=True)
        raise click.exceptions.Exit(1)


def _one(declared: Declared, flag: str) -> tuple[str, Flag]:
    focus, _, key = flag.rpartition("/")
    found = [(name, flags[key]) for name, flags in declared.items() if key in flags and focus in ("", name)]
    if not found:
        known = [f"{name}/{one}" for name, flags in declared.items() for one in flags]
        raise NotFoundError(f"no focus declares the flag {flag!r}", did_you_mean(flag, known))
    if len(found) > 1:
        names = ", ".join(f"{name}/{key}" for name, _ in found)
        raise UsageError(f"several focuses declare {key!r}", f"one of {names}")
    return found[0]
