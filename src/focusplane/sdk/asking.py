"""What a flag says to whom, in this process."""

from collections.abc import Mapping
from typing import Any

from focusplane.control.flag import Evaluated, Lamp
from focusplane.control.flags.context import context_of
from focusplane.control.flags.logic import TARGETING_KEY
from focusplane.define.targeting import TENANT
from focusplane.wire.clock import SystemClock

Said = str | int | float | bool
Context = Mapping[str, Any]
"""What is said of whom a flag is evaluated for, beside the tenant."""
_CLOCK = SystemClock()


def ask(lamp: Lamp, tenant: str, said: Mapping[str, Said] | None, context: Context | None) -> Evaluated:
    """`said` is of the request, `context` of this one question and wins."""
    if lamp.static:
        return lamp.evaluate()
    if said is None and context is None:
        seen = {TARGETING_KEY: tenant, TENANT: tenant}
    else:
        seen = context_of(tenant, {**(said or {}), **(context or {})})
    return lamp.evaluate(seen, _CLOCK.now_ms() // 1_000 if lamp.timed else None)
