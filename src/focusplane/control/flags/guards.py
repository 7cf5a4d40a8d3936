"""Which attributes a rule knows to be there, because it asked before."""

from typing import Any


def known_at(name: str, at: int, args: list[Any]) -> frozenset[str]:
    """The attributes that are certainly there when the argument at `at` is evaluated."""
    if name == "and":
        return frozenset().union(*map(present_if, args[:at]))
    if name in ("if", "?:") and at % 2:
        return present_if(args[at - 1])
    return frozenset()


def present_if(condition: Any) -> frozenset[str]:
    """The attributes that are there wherever the condition is true."""
    if not isinstance(condition, dict) or len(condition) != 1:
        return frozenset()
    ((name, told),) = condition.items()
    args = told if isinstance(told, list) else [told]
    if name == "var" and len(args) == 1 and isinstance(args[0], str):
        return frozenset(args)
    if name == "and" or _needs_a_value(name, args):
        return frozenset().union(*map(present_if, args))
    if name in ("!!", "starts_with", "ends_with", "sem_ver"):
        return frozenset().union(*map(present_if, args[:1]))
    return frozenset()


def _needs_a_value(name: str, args: list[Any]) -> bool:
    """Whether a comparison of two fails where one of them is missing."""
    if len(args) != 2:
        return False
    if name in ("!=", "!=="):
        return None in args
    if name in ("==", "==="):
        return any(isinstance(arg, str) for arg in args)
    return name == "in" and isinstance(args[1], list) and None not in args[1]
