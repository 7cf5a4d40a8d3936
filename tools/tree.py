"""Refuse what belongs to one machine only: its paths, and the hosts packages came from."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

FORBIDDEN = {
    "a path of one machine": re.compile(
        r"(?<![\w.~*-])/(?:work|root|opt/wheels|opt/pypi)/|/home/(?!user\b)\w+/|\.library/(?:env|search)"
    ),
    "a registry host": re.compile(
        r"\b(?:pypi|files\.pythonhosted)\.org|registry\.(?:npmjs|yarnpkg)\.\w+|(?:deb|security)\.debian\.org"
        r"|proxy\.golang\.org|static\.crates\.io|index\.docker\.io"
    ),
    "a page that is not in this repository": re.compile(
        r"\bshared/(?:design|research|prototypes|hooks|DOMAIN)"
    ),
}


def tracked(root: Path) -> Iterator[Path]:
    """Every file git knows or would add."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in sorted(filter(None, listing.stdout.split("\0"))):
        if (root / name).is_file():
            yield root / name


def findings(root: Path) -> Iterator[str]:
    """One line for each forbidden word, `file:line  error  what`."""
    for path in tracked(root):
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), start=1):
            for what, pattern in FORBIDDEN.items():
                if found := pattern.search(line):
                    yield f"{path.relative_to(root)}:{number}  error  {what}: {found.group()}"


def main() -> int:
    found = list(findings(Path(__file__).resolve().parent.parent))
    print("\n".join(found) if found else "tree: nothing of one machine in it")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
