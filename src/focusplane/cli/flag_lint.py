"""Reading any flagd document: what is wrong in it, what is doubtful, and why a flag of it answers as it does."""

import json
from collections.abc import Mapping
from typing import Any, BinaryIO

import click

from focusplane.cli.output import Output, table
from focusplane.control.flags.lints import lints
from focusplane.control.flags.ruleset import MOST_OCTETS, Ruleset
from focusplane.kernel.errors import NotFoundError, UsageError
from focusplane.kernel.tick import SECOND
from focusplane.wire.clock import SystemClock


@click.command("lint")
@click.argument("document", type=click.File("rb"))
@click.option("--flag", "key", default="", help="say why this flag answers as it does")
@click.option(
    "--context", "told", default="{}", help="for whom: a JSON object with targetingKey and attributes"
)
@click.option("--json", "as_json", is_flag=True, help="the whole answer as JSON")
def lint_flags(document: BinaryIO, key: str, told: str, as_json: bool) -> None:
    """Read a flagd document (- for stdin), whoever made it: each fault and each doubt with its place.

    A fault stops its flag. A doubt is allowed and mostly a mistake: a missing attribute that counts as 0, a variant that
    is none, a percentage that clients of two generations give to different users. Exit 1 if there is any.
    """
    text = document.read(MOST_OCTETS + 1)
    try:
        rules = Ruleset.of(text)
    except ValueError as error:
        raise UsageError(f"{document.name}: {error}", "a flag set of https://flagd.dev") from error
    if key:
        return _explain(rules, key, _context(told), as_json)
    doubts = lints(json.loads(text))
    found = [
        *({"flag": flag, "kind": "fault", "what": why} for flag, why in rules.faults.items()),
        *({"flag": one.flag, "kind": "doubt", "what": f"{one.path}: {one.why}"} for one in doubts),
    ]
    shown = {"flags": len(rules.flags) + len(rules.faults), "items": found}
    rows = [[one["flag"], one["kind"], one["what"]] for one in found]
    Output(as_json).show(shown, lambda: table(["FLAG", "KIND", "WHAT"], rows) if rows else None)
    if found:
        raise click.exceptions.Exit(1)
    click.echo(f"{len(rules.flags)} flags, and nothing to say against them", err=True)
    return None


def _explain(rules: Ruleset, key: str, context: Mapping[str, Any], as_json: bool) -> None:
    if key not in rules.flags and key not in rules.faults:
        raise NotFoundError(f"the document has no flag {key!r}")
    told = rules.explain(key, context, SystemClock().now_ms() // SECOND)
    answer = told.answer
    lines = list(told.lines())
    shown = {
        "flag": key,
        "variant": answer.variant,
        "value": answer.value,
        "reason": str(answer.reason),
        "why": answer.why,
        "lines": lines,
    }
    Output(as_json).show(shown, lambda: click.echo("\n".join(lines)))


def _context(told: str) -> Mapping[str, Any]:
    try:
        context = json.loads(told)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"--context is no JSON: {error}", """such as '{"targetingKey": "acme"}'"""
        ) from error
    if not isinstance(context, dict):
        raise UsageError("--context is not an object", """such as '{"targetingKey": "acme"}'""")
    return context
