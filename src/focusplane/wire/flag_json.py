"""A flag and whom it is for <-> JSON, as the board carries them."""

from collections.abc import Mapping

from focusplane.define.controls import Flag
from focusplane.define.targeting import (
    TENANT,
    Clause,
    Crowd,
    Rule,
    Segment,
    Timed,
    Trait,
    When,
    comparisons,
)
from focusplane.kernel.errors import DataError
from focusplane.kernel.ids import Json
from focusplane.wire.json_door import every, integer, mapping, named, plain, text
from focusplane.wire.state_json import share, share_text


def encode_flag(flag: Flag) -> dict[str, Json]:
    told: dict[str, Json] = {
        "variants": dict(flag.variants),
        "default": flag.default,
        "off": flag.off,
        "owner": flag.owner,
        "expires": flag.expires,
        "percentage": share_text(flag.percentage),
    }
    aimed: dict[str, Json] = {
        "by": flag.by if flag.by != TENANT else "",
        "requires": {key: list(enough) for key, enough in flag.requires.items()},
        "rules": [_encode_rule(rule) for rule in flag.rules],
        "schedule": [
            {"at": step.at, "percentage": share_text(step.percentage), "said": step.said}
            for step in (() if flag.exposure else flag.schedule)  # the plane takes what the budget bounds
        ],
        "permanent": flag.permanent,
    }
    return {**told, **{key: value for key, value in aimed.items() if value}}


def decode_flag(key: str, value: object, where: str) -> Flag:
    """Raises `DataError` that names the place that does not fit."""
    row = mapping(value, where)
    return Flag(
        key=key,
        variants=named(row.get("variants"), f"{where}.variants", plain),
        default=text(row.get("default"), f"{where}.default"),
        off=text(row.get("off"), f"{where}.off"),
        owner=text(row.get("owner", ""), f"{where}.owner"),
        expires=text(row.get("expires", ""), f"{where}.expires"),
        percentage=share(row.get("percentage", "100%"), f"{where}.percentage"),
        by=text(row.get("by", TENANT), f"{where}.by"),
        requires=named(row.get("requires", {}), f"{where}.requires", _texts),
        rules=every(row.get("rules", []), f"{where}.rules", _rule),
        schedule=every(row.get("schedule", []), f"{where}.schedule", _timed),
        permanent=text(row.get("permanent", ""), f"{where}.permanent"),
    )


def _encode_rule(rule: Rule) -> dict[str, Json]:
    when = rule.when
    return {
        "when": {
            "crowd": _encode_crowd(when.crowd),
            "segments": {one.name: _encode_crowd(one.crowd) for one in when.segments},
            "outside": {one.name: _encode_crowd(one.crowd) for one in when.outside},
        },
        "serve": {variant: share_text(part) for variant, part in rule.serve.items()},
    }


def _encode_crowd(crowd: Crowd) -> dict[str, Json]:
    return {
        "all": _encode_clause(crowd.all),
        "any": [_encode_clause(one) for one in crowd.any],
        "none": [_encode_clause(one) for one in crowd.none],
    }


def _encode_clause(clause: Clause) -> dict[str, Json]:
    return {test.attribute: list(test.values) for test in clause.tests}


def _rule(value: object, where: str) -> Rule:
    row = mapping(value, where)
    when = mapping(row.get("when"), f"{where}.when")
    serve = named(row.get("serve"), f"{where}.serve", share)
    if sum(serve.values()) != 1:
        raise DataError(f"{where}.serve does not sum to 100%", "shares of variants")
    return Rule(
        When(
            _crowd(when.get("crowd", {}), f"{where}.when.crowd"),
            _segments(when.get("segments", {}), f"{where}.when.segments"),
            _segments(when.get("outside", {}), f"{where}.when.outside"),
        ),
        serve,
    )


def _segments(value: object, where: str) -> tuple[Segment, ...]:
    return tuple(Segment(name, crowd) for name, crowd in named(value, where, _crowd).items())


def _crowd(value: object, where: str) -> Crowd:
    row = mapping(value, where)
    return Crowd(
        _clause(row.get("all", {}), f"{where}.all"),
        every(row.get("any", []), f"{where}.any", _clause),
        every(row.get("none", []), f"{where}.none", _clause),
    )


def _clause(value: object, where: str) -> Clause:
    read: Mapping[str, tuple[str, ...]] = named(value, where, _values)
    return Clause(tuple(Trait(attribute, values) for attribute, values in read.items()))


def _values(value: object, where: str) -> tuple[str, ...]:
    values = _texts(value, where)
    for one in values:
        try:
            comparisons(one)
        except ValueError as error:
            raise DataError(f"{where}: {error}") from error
    return values


def _texts(value: object, where: str) -> tuple[str, ...]:
    return every(value, where, text)


def _timed(value: object, where: str) -> Timed:
    row = mapping(value, where)
    return Timed(
        integer(row.get("at"), f"{where}.at"),
        share(row.get("percentage"), f"{where}.percentage"),
        text(row.get("said", ""), f"{where}.said"),
    )
