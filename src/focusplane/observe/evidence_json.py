"""Evidence as JSON and back: exactly, so that whoever continues from it says the same."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from focusplane.define.rollout import Extra, JudgeSpec
from focusplane.instrument.signal import Latencies
from focusplane.kernel.ids import Json
from focusplane.observe.bets import Logs, Metric, Strata
from focusplane.observe.evidence import Evidence
from focusplane.observe.extras import Watched
from focusplane.observe.parts import Parts


def to_json(evidence: Evidence) -> Json:
    """Integers and strings only: floats as hexadecimal, so that nothing is lost."""
    past, spec = evidence.past, evidence.spec
    return {
        "spec": [
            str(spec.alpha),
            str(spec.tolerance),
            str(spec.slack),
            int(spec.latency),
            str(spec.budget_share),
            spec.min_instances,
        ],
        "folded_to": evidence.folded_to,
        "metrics": [_metric(each) for each in (evidence.errors, *evidence.latency)],
        "extras": [_watched(each) for each in evidence.extras],
        "strata": [[name, *row] for name, row in evidence.strata],
        "ratios": [_hex(logs) for logs in evidence.ratios],
        "past": None if past is None else [_hex(past.bounds_ms), list(past.counts)],
        "step_requests": list(evidence.step_requests),
        "timed": int(evidence.timed),
    }


def from_json(state: Mapping[str, Any]) -> Evidence:
    """The inverse of `to_json`, also after JSON text. Raises `KeyError`, `TypeError`, `ValueError` for anything else."""
    errors, *latency = map(_read_metric, state["metrics"])
    past: list[list[Any]] | None = state["past"]
    at_most, at_least = state["ratios"]
    alpha, tolerance, slack, timed, share, least = state["spec"]
    extras = tuple(map(_read_watched, state["extras"]))
    numbers = Fraction(alpha), Fraction(tolerance), Fraction(slack)
    judge = JudgeSpec(*numbers, bool(timed), tuple(each.spec for each in extras), Fraction(share), least)
    return Evidence(
        spec=judge,
        folded_to=int(state["folded_to"]),
        errors=errors,
        latency=tuple(latency),
        extras=extras,
        strata=_read_strata(state["strata"]),
        ratios=(_floats(at_most), _floats(at_least)),
        past=None if past is None else Latencies(_floats(past[0]), tuple(past[1])),
        step_requests=tuple(state["step_requests"]),
        timed=bool(state["timed"]),
    )


def _metric(metric: Metric) -> Json:
    parts = metric.parts
    accounts: list[Json] = [[name, _hex(logs)] for name, logs in parts.accounts]
    apart: list[Json] = [None if parts.stake is None else parts.stake.hex(), accounts]
    return [metric.name, _hex(metric.harm), _hex(metric.safe), list(metric.counts), metric.blind, apart]


def _read_metric(row: Sequence[Any]) -> Metric:
    """A row of before strata were looked at one by one has no last column."""
    name, harm, safe, counts, blind, *apart = row
    stake, accounts = apart[0] if apart else (None, ())
    parts = Parts(
        tuple((stratum, _floats(logs)) for stratum, logs in accounts),
        None if stake is None else float.fromhex(stake),
    )
    return Metric(name, _floats(harm), _floats(safe), tuple(counts), blind, parts)


def _watched(one: Watched) -> Json:
    spec = one.spec
    said: list[Json] = [str(spec.tolerance), str(spec.slack), spec.objective, int(spec.gains), str(spec.cap)]
    said += [int(spec.pairs), one.both]
    strata: list[Json] = [[name, *row] for name, row in one.strata]
    return [said, _metric(one.metric), one.folded_to, strata, list(one.at_step)]


def _read_watched(row: Sequence[Any]) -> Watched:
    (tolerance, slack, objective, gains, cap, *of_pairs), metric, folded_to, strata, at_step = row
    pairs, both = of_pairs or (0, 0)
    read = _read_metric(metric)
    spec = Extra(
        read.name, Fraction(tolerance), Fraction(slack), objective, bool(gains), Fraction(cap), bool(pairs)
    )
    return Watched(spec, read, folded_to, _read_strata(strata), tuple(at_step), both)


def _read_strata(rows: Sequence[Sequence[Any]]) -> Strata:
    return tuple((name, (row[0], row[1], row[2], row[3])) for name, *row in rows)


def _hex(values: Sequence[float]) -> list[Json]:
    return [float(value).hex() for value in values]


def _floats(values: Sequence[object]) -> Logs:
    return tuple(float.fromhex(str(value)) for value in values)
