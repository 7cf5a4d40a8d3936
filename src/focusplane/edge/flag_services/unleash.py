"""Unleash: a flag is on for a percentage by one flexibleRollout strategy of an environment."""

from fractions import Fraction
from typing import Any

from focusplane.define.flag_driver import FlagDriver
from focusplane.edge.flag_services.http import FlagHttp
from focusplane.edge.flag_services.wanted import Found, Wanted
from focusplane.kernel.errors import DataError, RefusedError
from focusplane.plane.adoption import writer
from focusplane.plane.followed import Writer

STRATEGY = "flexibleRollout"
MARK = "focusplane"
"""A parameter of the strategy that no SDK of Unleash reads: the board that moved it last (N6)."""


class Unleash:
    """Its admin API. The strategy is set before the environment is turned on, so that nobody gets more in between."""

    def __init__(self, http: FlagHttp) -> None:
        self._http = http

    async def close(self) -> None:
        await self._http.close()

    async def read(self, driver: FlagDriver) -> Found:
        told = await self._environment(driver)
        active = _active(told)
        by = writer(_parameters(active[0]).get(MARK, "")) if len(active) == 1 else Writer()
        if not told["enabled"]:
            return Found(Fraction(0), writer=by)
        if not active:
            return Found(None, "on, by no strategy of its own")
        if not _plain(active):
            return Found(None, f"on, by {_named(active)}")
        return Found(_rollout(active[0]), writer=by)

    async def write(self, wanted: Wanted, mark: str) -> None:
        at, share = _path(wanted.driver), wanted.share
        if not share:
            await self._http.ask("POST", f"{at}/off")
            return
        told = await self._environment(wanted.driver)
        active = _active(told)
        if active and not _plain(active):
            raise RefusedError(
                f"{wanted.driver} is decided by {_named(active)}, and a percentage needs one {STRATEGY} for everybody",
                "leave one such strategy there, without constraints and segments; off works as it is",
            )
        if not active:
            await self._http.ask("POST", f"{at}/strategies", _strategy(wanted, share, mark))
        elif _rollout(active[0]) != share or _parameters(active[0]).get(MARK) != mark:
            values = {"rollout": _percent(share), MARK: mark}
            change = [
                {"op": "add", "path": f"/parameters/{name}", "value": said} for name, said in values.items()
            ]
            await self._http.ask("PATCH", f"{at}/strategies/{_id(active[0])}", change)
        if not told["enabled"]:
            await self._http.ask("POST", f"{at}/on")

    async def _environment(self, driver: FlagDriver) -> dict[str, Any]:
        told = await self._http.ask("GET", _path(driver))
        if not isinstance(told, dict) or not isinstance(told.get("enabled"), bool):
            raise DataError("Unleash answers with something that is no environment of a flag")
        return told


def _path(driver: FlagDriver) -> str:
    flag = f"/api/admin/projects/{driver.project}/features/{driver.name}"
    return f"{flag}/environments/{driver.environment}"


def _active(told: dict[str, Any]) -> list[dict[str, Any]]:
    strategies = told.get("strategies")
    if not isinstance(strategies, list) or not all(isinstance(one, dict) for one in strategies):
        raise DataError("Unleash answers with no list of strategies")
    return [one for one in strategies if not one.get("disabled")]


def _parameters(strategy: dict[str, Any]) -> dict[str, Any]:
    found = strategy.get("parameters")
    return found if isinstance(found, dict) else {}


def _percent(share: Fraction) -> str:
    return str(int(share * 100))


def _rollout(strategy: dict[str, Any]) -> Fraction:
    """Its share. Unleash checks no bounds, so we do."""
    text = str(_parameters(strategy).get("rollout", ""))
    if not text.isascii() or not text.isdecimal() or int(text) > 100:
        raise DataError(f"the rollout of the strategy is {text[:20]!r}, which is no percentage")
    return Fraction(int(text), 100)


def _id(strategy: dict[str, Any]) -> str:
    found = str(strategy.get("id", ""))
    if not found or not found.replace("-", "").isalnum():
        raise DataError("Unleash names no id of the strategy")
    return found


def _named(strategies: list[dict[str, Any]]) -> str:
    return ", ".join(f"{str(one.get('name', '?'))[:60]}{_limits(one)}" for one in strategies[:5])


def _plain(active: list[dict[str, Any]]) -> bool:
    """One strategy that decides for everybody by a percentage: a share of some of them would be another number."""
    return len(active) == 1 and active[0].get("name") == STRATEGY and not _limits(active[0])


def _limits(strategy: dict[str, Any]) -> str:
    """What narrows whom it is for, in words."""
    found = " and ".join(key for key in ("constraints", "segments") if strategy.get(key))
    return f" with {found}" if found else ""


def _strategy(wanted: Wanted, share: Fraction, mark: str) -> dict[str, object]:
    told = {"rollout": _percent(share), "stickiness": "default", "groupId": wanted.driver.name, MARK: mark}
    return {"name": STRATEGY, "title": wanted.comment[:100], "parameters": told, "constraints": []}
