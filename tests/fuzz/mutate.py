"""Damage, seeded: bytes changed and cut, lines and words moved, JSON values put where they do not belong."""

import json
import random
from copy import deepcopy
from typing import Any

WORDS = (
    "", "~", "0", "-1", "1e999", "99.9%", "{}", "[]", "{a: b}", "[*a]", "&a [*a]", "*x", "&x", "\t", "!!int 3", "!!python/x 1",
    "'", '"', "\x00", "\ud7ff", "9" * 400, "x" * 5_000, "on", "off", "5m", "0/s", "1/0", "¼", "<<: *a", "? :", "---", "%", "|2",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**53, 2**63, 2**64, -(2**63) - 1, 1.5, -0.0, 1e308, "", "x", "1/0", "0/0", "-1/2", "1e9",
    "1_0", " 1 ", "\u0661", "NaN", "Infinity", "é" * 300, "x" * 5_000, "\ud800", [], {}, [[]], [None], {"": None}, {"kind": "flag"},
)  # fmt: skip
BYTES = (0, 1, 9, 10, 13, 32, 34, 44, 58, 91, 92, 123, 127, 128, 255)


def hurt(chance: random.Random, body: bytes) -> bytes:
    """Some bytes changed, doubled, moved or gone; then perhaps cut."""
    found = bytearray(body)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        at = chance.randrange(len(found) + 1)
        size = chance.choice((1, 1, 2, 4, 8, 64))
        match chance.randrange(6):
            case 0:
                found[at : at + 1] = bytes((chance.choice(BYTES),))
            case 1:
                found[at : at + 1] = bytes((chance.randrange(256),))
            case 2:
                del found[at : at + size]
            case 3:
                found[at:at] = found[at : at + size] * chance.choice((1, 2, 9))
            case 4:
                found[at:at] = chance.randbytes(size)
            case _:
                other = chance.randrange(len(found) + 1)
                found[at : at + size] = found[other : other + size]
    return bytes(found[: chance.randrange(len(found) + 1)]) if chance.random() < 0.2 else bytes(found)


def reword(chance: random.Random, text: str) -> str:
    """Lines gone, doubled, moved and indented, and words put in the place of others."""
    lines = text.split("\n")
    for _ in range(chance.choice((1, 1, 2, 3, 8))):
        at = chance.randrange(len(lines))
        match chance.randrange(7):
            case 0:
                del lines[at]
            case 1:
                lines[at:at] = lines[at : at + chance.choice((1, 3, 10))]
            case 2:
                lines[at] = lines[at].partition(":")[0] + ": " + chance.choice(WORDS)
            case 3:
                lines[at] += " " + chance.choice(WORDS)
            case 4:
                lines[at] = " " * chance.randrange(9) + lines[at].lstrip()
            case 5:
                words = lines[at].split(" ")
                words[chance.randrange(len(words))] = chance.choice(WORDS)
                lines[at] = " ".join(words)
            case _:
                other = chance.randrange(len(lines))
                lines[at], lines[other] = lines[other], lines[at]
        lines = lines or [""]
    return "\n".join(lines)


def misplace(chance: random.Random, value: Any) -> Any:
    """A JSON value with a few of its parts replaced by others, gone, doubled or renamed."""
    copy = json.loads(json.dumps(value))
    for _ in range(chance.choice((1, 1, 2, 4))):
        copy = _misplace(chance, copy)
    return copy


def _misplace(chance: random.Random, value: Any) -> Any:
    if not isinstance(value, dict | list) or not value or chance.random() < 0.15:
        return deepcopy(chance.choice(VALUES))
    keys: list[Any] = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = chance.choice(keys)
    if chance.random() < 0.7:
        value[key] = _misplace(chance, value[key])
    elif isinstance(value, list):
        value.extend([value[key]] * chance.choice((1, 2, 40)))
    elif chance.random() < 0.5:
        del value[key]
    else:
        value[chance.choice((*keys, "kind", "", "x"))] = value[key]
    return value


def as_bytes(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")
