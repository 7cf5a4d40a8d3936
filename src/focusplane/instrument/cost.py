"""What a request costs, as text of few values: steps of 3 %, so that counting them stays bounded."""

import math

from focusplane.instrument.tagging import Value

STEPS = 80
"""Steps in a factor of ten: the nearest one is at most 1.5 % away."""
LEAST, MOST = 1e-9, 1e12
NOTHING = "0"


def cost_said(value: Value) -> str:
    """The step that is nearest to a cost, the same for a step itself; empty for what is no amount."""
    try:
        amount = float(value)
    except ValueError:
        return ""
    if isinstance(value, bool) or not math.isfinite(amount) or amount < 0:
        return ""
    if amount < LEAST:
        return NOTHING
    return f"{10 ** (round(STEPS * math.log10(min(amount, MOST))) / STEPS):.4g}"
