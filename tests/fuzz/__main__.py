"""`make fuzz`: every door for its share of the time, seeded; the first finding of each is printed as it can be tried again.

make fuzz ARGS="--seconds 600 --seed 7 policy xds"
"""

import argparse
import random
import secrets
import signal
import sys
import time
import traceback
from types import FrameType

from tests.fuzz import api
from tests.fuzz.targets import Target, shown, targets

HANGS_S = 20
"""No input may keep a door busy for so long."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz ARGS=")
    parser.add_argument("--seconds", type=float, default=180, help="in all (default %(default)s)")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32))
    parser.add_argument("names", nargs="*", help="doors: policy, otlp-json, ..., api (default: all)")
    chosen = parser.parse_args()
    known = {target.name: target for target in targets()}
    names = chosen.names or [*known, "api"]
    if unknown := set(names) - {*known, "api"}:
        parser.error(f"no such door: {', '.join(sorted(unknown))}")
    print(f"seed {chosen.seed}: {chosen.seconds:g} s over {', '.join(names)}", flush=True)
    signal.signal(signal.SIGALRM, _hangs)
    share = chosen.seconds / len(names)
    return max([_door(known.get(name), share, chosen.seed) for name in names])


def _door(target: Target | None, seconds: float, seed: int) -> int:
    if target is None:
        return api.main(seconds, seed)
    until, tried = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        chance = random.Random(f"{seed} {target.name} {tried}")
        made = target.made(chance)
        signal.alarm(HANGS_S)
        try:
            target.taken(made)
        except BaseException:  # noqa: BLE001 - whatever it is, it was looked for; a hang is none of Exception
            print(f"{target.name}: FOUND at try {tried} of seed {seed}, on {shown(made)[:20_000]}")
            traceback.print_exc(file=sys.stdout)
            return 1
        finally:
            signal.alarm(0)
        tried += 1
    print(f"{target.name}: {tried} tries, nothing found", flush=True)
    return 0


class HangError(BaseException):
    """Nothing that a door may catch."""


def _hangs(_: int, __: FrameType | None) -> None:
    raise HangError(f"busy for more than {HANGS_S} s")


if __name__ == "__main__":
    sys.exit(main())
