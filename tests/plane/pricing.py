"""A focus with two flags and no gateway, and the traffic that evaluates one of them."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

from focusplane.act.request import (
    StartRollout,
)
from focusplane.control.state import FlagState
from focusplane.instrument.signal import Source
from focusplane.plane.arrival import PolicyRead
from focusplane.testing.rig import Load, Rig

POLICY = (Path(__file__).parent / "pricing.yaml").read_text()
START = StartRollout("shop", "new", "pricing")


def rig(text: str = POLICY, flag: str = "pricing", **failing: str) -> Rig:
    shares: Mapping[str, Fraction] = {variant: Fraction(share) for variant, share in failing.items()}
    made = Rig({"shop.yaml": text})
    made.loads.append(Load("shop", failing=dict(shares), flag=flag, source=Source.APP))
    made.seconds(10)
    return made


def pricing(it: Rig) -> FlagState:
    state = it.world.board.state("shop", "flag.pricing")
    assert isinstance(state, FlagState)
    return state


def policy(it: Rig, text: str) -> None:
    it.turn(PolicyRead({"shop.yaml": text}, "2026-01-01"))
