"""Times and numbers as the pages say them."""

from datetime import UTC, datetime

from jinja2 import pass_context
from jinja2.runtime import Context

from focusplane.kernel.quantity import format_duration

_PHASE_TONES = {
    "stepping": "live",
    "held": "wait",
    "promoted": "ok",
    "rolled-back": "bad",
    "aborted": "wait",
    "idle": "quiet",
    "applied": "live",
    "verified": "ok",
    "failed": "bad",
    "unknown": "bad",
    "denied": "wait",
    "expired": "wait",
    "superseded": "quiet",
    "reverted": "quiet",
    "open": "bad",
    "acked": "wait",
    "mitigated": "live",
    "resolved": "ok",
    "review": "wait",
    "closed": "quiet",
    "promote": "ok",
    "rollback": "bad",
    "continue": "live",
    "running": "live",
    "asking": "wait",
    "refused": "bad",
    "taken back": "bad",
}
_LEAST, _MILLION = 0.01, 1e6
_STATE_TONES = {"ok": "ok", "burning": "bad", "exhausted": "bad", "blind": "wait"}


def clock(at: int | None) -> str:
    """`14:26:08`, UTC."""
    return "–" if not at else datetime.fromtimestamp(at / 1000, UTC).strftime("%H:%M:%S")


def day(at: int | None, now: int | None = None) -> str:
    """`22 Nov 14:26 UTC`; with its year when that is not the year of `now`, or when nobody says what that is."""
    if not at:
        return "–"
    then = datetime.fromtimestamp(at / 1000, UTC)
    same = now is not None and datetime.fromtimestamp(now / 1000, UTC).year == then.year
    return then.strftime("%-d %b %H:%M UTC" if same else "%-d %b %Y %H:%M UTC")


@pass_context
def _day(context: Context, at: int | None) -> str:
    return day(at, context.get("now"))


def iso(at: int | None) -> str:
    return "" if not at else datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")


def span(length_ms: int | None) -> str:
    """`1m30s`; a dash for nothing; a sign for what came before."""
    return "–" if length_ms is None else format_duration(length_ms)


def after(length_ms: int) -> str:
    """`+12.5s`, `-1m3s`."""
    return "0" if not length_ms else ("−" if length_ms < 0 else "+") + format_duration(abs(length_ms))


def count(value: float | None) -> str:
    """`12,345`."""
    return "–" if value is None else f"{value:,.0f}"


def factor(value: float | None) -> str:
    """`14.4×`, `<0.01×`, `0×`; three digits are enough to read."""
    return "–" if value is None else f"{_readable(value)}×"


def evidence(value: float | None) -> str:
    """An e-value: `<0.01`, `0.3`, `18.4`, `4,200`, `over a million`, `∞`."""
    return "∞" if value is None else _readable(value)


def _readable(value: float) -> str:
    if value >= _MILLION:
        return "over a million"
    if 0 < value < _LEAST:
        return f"<{_LEAST}"
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def tone(word: str) -> str:
    """The colour family of a state or phase."""
    return _STATE_TONES.get(word) or _PHASE_TONES.get(word, "quiet")


FILTERS = {
    "clock": clock,
    "day": _day,
    "iso": iso,
    "span": span,
    "after": after,
    "count": count,
    "factor": factor,
    "evidence": evidence,
    "tone": tone,
}
