"""Write docs/reference from the code, or with `--check` say which pages no longer match it.

A page whose source is missing is skipped with a message; `--check` counts it as stale.
"""

import difflib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import reference
import source_pages

DOCS = Path(__file__).resolve().parent.parent / "docs" / "reference"
MARK = "<!-- Written by `make docs` from {source}; do not edit. -->\n\n"

PAGES: Mapping[str, tuple[str, Callable[[], str]]] = {
    "policy.md": ("src/focusplane/define/schema.py", reference.policy),
    "focus.schema.json": ("src/focusplane/define/schema.py", reference.policy_schema),
    "cli.md": ("src/focusplane/cli", reference.cli),
    "errors.md": ("src/focusplane/kernel/errors.py", reference.errors),
    "attributes.md": ("src/focusplane/instrument/conventions.py", source_pages.attributes),
    "states.md": ("the life-cycle tables `NEXT` of the rooms", reference.states),
    "rooms.md": ("the docstrings of src/focusplane", source_pages.rooms),
    "settings.md": ("src/focusplane/plane/settings.py", source_pages.settings),
    "api.md": ("the OpenAPI description of src/focusplane/web/app.py", reference.api),
}


def written() -> dict[str, str]:
    """File name -> text, for every page whose source exists."""
    texts = {}
    for name, (source, write) in PAGES.items():
        try:
            body = write()
        except reference.MissingSourceError as reason:
            print(f"docs: {name} skipped: {reason}", file=sys.stderr)
            continue
        texts[name] = (MARK.format(source=source) if name.endswith(".md") else "") + body.rstrip("\n") + "\n"
    return texts


def check(texts: Mapping[str, str]) -> int:
    """0 if the pages on disk are these; 1 with a short difference for each that is not."""
    stale = [name for name, text in texts.items() if _kept(name) != text]
    for name in stale:
        lines = difflib.unified_diff(
            _kept(name).splitlines(),
            texts[name].splitlines(),
            f"docs/reference/{name}",
            "the code",
            n=0,
            lineterm="",
        )
        print("\n".join(list(lines)[:12]))
    stale.extend(PAGES.keys() - texts.keys())
    for path in sorted(DOCS.glob("*")):
        if path.name not in PAGES:
            stale.append(path.name)
            print(f"docs/reference/{path.name}  error  no generator writes this page")
    print(
        f"docs: {len(stale)} stale, run `make docs`" if stale else f"docs: {len(texts)} pages match the code"
    )
    return 1 if stale else 0


def _kept(name: str) -> str:
    path = DOCS / name
    return path.read_text(encoding="utf-8") if path.exists() else ""


def main(arguments: list[str]) -> int:
    texts = written()
    if arguments == ["--check"]:
        return check(texts)
    DOCS.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (DOCS / name).write_text(text, encoding="utf-8")
    print(f"docs: {len(texts)} pages written to docs/reference")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
