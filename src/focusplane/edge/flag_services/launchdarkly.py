"""LaunchDarkly: a boolean flag is on for a percentage by its fallthrough; every change is one semantic patch."""

from fractions import Fraction
from typing import Any

from focusplane.define.flag_driver import FlagDriver
from focusplane.edge.flag_services.http import FlagHttp
from focusplane.edge.flag_services.wanted import Found, Wanted
from focusplane.kernel.errors import DataError, RefusedError

PATCH = "application/json; domain-model=launchdarkly.semanticpatch"
WHOLE = 100_000
"""Weights are thousandths of a percent."""
OTHERS = ("rules", "targets", "contextTargets", "prerequisites")


class LaunchDarkly:
    """Its REST API. The reason of an action is the comment of the patch."""

    def __init__(self, http: FlagHttp) -> None:
        self._http = http

    async def close(self) -> None:
        await self._http.close()

    async def read(self, driver: FlagDriver) -> Found:
        flag, told = await self._flag(driver)
        ids = _ids(flag)
        if not told["on"]:
            on = told.get("offVariation") == ids[True][0]
            return Found(None, "off, which serves true there") if on else Found(Fraction(0))
        others = _others(told)
        return Found(None, f"on, by {others} of its own") if others else Found(_share(told, ids))

    async def write(self, wanted: Wanted, mark: str) -> None:
        """Nothing of a flag has a place for a mark; the comment of each change names what it was for."""
        share = wanted.share
        flag, told = await self._flag(wanted.driver)
        ids = _ids(flag)
        if not share:
            if told.get("offVariation") != ids[False][0]:
                raise RefusedError(
                    f"{wanted.driver} serves something else than false when it is off",
                    "let its off variation be false",
                )
            await self._patch(wanted, [{"kind": "turnFlagOff"}])
            return
        others = _others(told)
        if others:
            raise RefusedError(
                f"{wanted.driver} is decided by {others} of its own, not by a percentage alone",
                "take them away there; off works as it is",
            )
        turn = [] if told["on"] else [{"kind": "turnFlagOn"}]
        await self._patch(wanted, [_fallthrough(told, ids, share), *turn])

    async def _patch(self, wanted: Wanted, instructions: list[dict[str, Any]]) -> None:
        body = {
            "environmentKey": wanted.driver.environment,
            "comment": wanted.comment,
            "instructions": instructions,
        }
        await self._http.ask("PATCH", _path(wanted.driver), body, PATCH)

    async def _flag(self, driver: FlagDriver) -> tuple[dict[str, Any], dict[str, Any]]:
        flag = await self._http.ask("GET", f"{_path(driver)}?env={driver.environment}")
        told = (flag.get("environments") or {}).get(driver.environment) if isinstance(flag, dict) else None
        if not isinstance(told, dict) or not isinstance(told.get("on"), bool):
            raise DataError("LaunchDarkly answers with something that is no flag of this environment")
        return flag, told


def _path(driver: FlagDriver) -> str:
    return f"/api/v2/flags/{driver.project}/{driver.name}"


def _ids(flag: dict[str, Any]) -> dict[bool, tuple[int, str]]:
    """true and false -> the place and the id of its variation."""
    found = {
        one["value"]: (place, str(one.get("_id", "")))
        for place, one in enumerate(flag.get("variations") or ())
        if isinstance(one.get("value"), bool)
    }
    if set(found) != {True, False} or len(flag["variations"]) != 2 or not all(i for _, i in found.values()):
        raise RefusedError("the flag of LaunchDarkly is not a boolean one", "only on and off can be driven")
    return found


def _others(told: dict[str, Any]) -> str:
    rollout = (told.get("fallthrough") or {}).get("rollout") or {}
    experiment = ["an experiment"] if rollout.get("experimentAllocation") else []
    return ", ".join([*(name for name in OTHERS if told.get(name)), *experiment])


def _share(told: dict[str, Any], ids: dict[bool, tuple[int, str]]) -> Fraction:
    fall = told.get("fallthrough") or {}
    if "rollout" not in fall:
        return Fraction(int(fall.get("variation") == ids[True][0]))
    weight = sum(
        int(one.get("weight", 0))
        for one in fall["rollout"].get("variations") or ()
        if one.get("variation") == ids[True][0]
    )
    if not 0 <= weight <= WHOLE:
        raise DataError(f"the rollout of LaunchDarkly is {weight} of {WHOLE}, which is no share")
    return Fraction(weight, WHOLE)


def _fallthrough(told: dict[str, Any], ids: dict[bool, tuple[int, str]], share: Fraction) -> dict[str, Any]:
    kind = {"kind": "updateFallthroughVariationOrRollout"}
    if share == 1:
        return {**kind, "variationId": ids[True][1]}
    before = (told.get("fallthrough") or {}).get("rollout") or {}
    on = int(share * WHOLE)
    weights = {ids[True][1]: on, ids[False][1]: WHOLE - on}
    return {
        **kind,
        "rolloutContextKind": before.get("contextKind") or "user",
        "rolloutBucketBy": before.get("bucketBy") or "key",
        "rolloutWeights": weights,
    }
