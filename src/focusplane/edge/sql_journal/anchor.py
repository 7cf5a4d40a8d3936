"""The anchor: number and hash of the newest fact, beside the database; it shows a tail that was cut or a journal that was restored."""

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

ANCHOR = "journal.head"


@dataclass(frozen=True, slots=True)
class Anchor:
    """`seq` 0 where there is none yet."""

    seq: int = 0
    hash: str = ""


def kept_anchor(data: Path) -> Anchor:
    """Raises `ValueError` for one that cannot be read."""
    try:
        said = json.loads((data / ANCHOR).read_text())
        return Anchor(int(said["seq"]), str(said["hash"]))
    except FileNotFoundError:
        return Anchor()
    except (OSError, KeyError, TypeError) as error:
        raise ValueError(str(error)) from error


def keep(data: Path, anchor: Anchor) -> None:
    """An anchor that lags behind shows less, and is never wrong: the turn is committed without it too."""
    fresh = data / f"{ANCHOR}.new"
    with contextlib.suppress(OSError):
        fresh.write_text(json.dumps(asdict(anchor)))
        os.replace(fresh, data / ANCHOR)
