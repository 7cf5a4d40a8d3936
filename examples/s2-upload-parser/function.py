"""The function: a process that parses one upload after another, a line of JSON each, until its input ends."""

import json
import sys
import time

LOADING_S = 0.4
"""Its libraries are loaded once, when it starts: that is the cold start."""
SECONDS = {"classic": 0.02, "thorough": 0.06, "hasty": 0.02, "swift": 0.018}
"""How long each parser works on a file."""


def parse(parser: str, kind: str) -> None:
    """Raises `ValueError` for a kind of file that the parser cannot read."""
    time.sleep(SECONDS[parser])
    if parser == "hasty" and kind == "heic":
        raise ValueError("not a picture")


def main() -> None:
    time.sleep(LOADING_S)
    for line in sys.stdin:
        wanted = json.loads(line)
        began = time.monotonic()
        try:
            parse(sys.argv[1], wanted["kind"])
            error = ""
        except ValueError as what:
            error = str(what)
        print(json.dumps({"error": error, "seconds": time.monotonic() - began}), flush=True)


if __name__ == "__main__":
    main()
