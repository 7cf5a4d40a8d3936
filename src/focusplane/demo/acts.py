"""The acts of S1, each a function of the scene that adds to the record what it measured."""

from fractions import Fraction

from focusplane.demo import promises
from focusplane.demo.episode import CHANGED, VERIFIED, Told
from focusplane.demo.policy import without_first
from focusplane.demo.record import Record
from focusplane.demo.sample import Sample
from focusplane.demo.scene import Scene
from focusplane.demo.stage import STEPS

BASELINE_S = 8.0
EXPOSED_WITHIN_S = 60.0
TAKEN_BACK_WITHIN_S = 120.0
VERIFIED_WITHIN_S = 120.0
RELOADED_WITHIN_S = 60.0
STEP_WITHIN_S = 120.0
PROMOTED_WITHIN_S = 75.0
AFTERGLOW_S = 3.0
TOLERATES = "Slack 0.5% tolerates that of 1,000 payments up to 5 more fail than today; to rule out less takes more traffic."


def baseline(scene: Scene, record: Record) -> None:
    """The stable version alone, so that there is something to compare with."""
    scene.act("The shop is open: v1 alone")
    start = scene.now()
    scene.watch.rest(BASELINE_S)
    record.promises.append(promises.flows(scene.stats(start), scene.routed(), scene.stage.traffic.initial))


def bad(scene: Scene, record: Record) -> None:
    """v2 fails American Express and is slower."""
    scene.act("v2 is rolled out at 5%; it fails American Express, and it is slower")
    scene.stage.start_version("v2", scene.doors)
    scene.plane.start_rollout("v2")
    routed = exposed(scene, "v2")
    seen = over(scene, "v2", TAKEN_BACK_WITHIN_S)
    await_proof(scene, "v2")
    gone = scene.routed()
    scene.watch.rest(AFTERGLOW_S)
    told = scene.episode("v2", "v1")
    record.episodes.append(told)
    record.promises.extend(
        [
            promises.exposed_as_declared("v2", Fraction(1, 20), routed, told),
            promises.taken_back(seen, rollback(scene.facts(), "v2")),
            promises.found_fast(told),
            promises.envoy_forgot("v2", gone),
            promises.verified(told),
            promises.left_alone(told, scene.load.read()),
            promises.incident_told("v2", scene.incident_of("v2")),
        ]
    )
    scene.stage.stop_version("v2")


def good(scene: Scene, record: Record) -> None:
    """v3 is as good as v1; more traffic at once makes the evidence quick."""
    scene.act("v3 is good; the policy is edited to start at 25%, so that evidence comes quickly")
    before = _digest(scene.facts())
    record.diffs.append(scene.edit(STEPS, without_first(scene.stage.declared_steps)))
    scene.say(TOLERATES)
    record.notes.append(TOLERATES)
    record.promises.append(promises.policy_in_force(before, _reloaded(scene, before)))
    scene.stage.start_version("v3", scene.doors)
    scene.plane.start_rollout("v3")
    scene.watch.until(lambda seen: seen.version == "v3" and (seen.step > 0 or ended(seen)), STEP_WITHIN_S)
    seen = over(scene, "v3", PROMOTED_WITHIN_S)
    record.promises.append(promises.promoted("v3", scene.facts()))
    if seen.phase != "promoted":
        scene.plane.abort_rollout("the demo goes on; there was not enough time for the last step")
        over(scene, "v3", RELOADED_WITHIN_S)
    record.episodes.append(scene.episode("v3", "v1"))


def dead(scene: Scene, record: Record) -> None:
    """v4 says that it is ready and dies before its first answer."""
    scene.act("v4 passes its readiness check and dies while it warms up; the policy says 5% again")
    before = _digest(scene.facts())
    record.diffs.append(scene.edit(STEPS, scene.stage.declared_steps))
    _reloaded(scene, before)
    stable = scene.watch.look().stable
    scene.stage.start_version("v4", scene.doors)
    scene.plane.start_rollout("v4")
    seen = over(scene, "v4", TAKEN_BACK_WITHIN_S)
    await_proof(scene, "v4")
    told = scene.episode("v4", stable)
    record.episodes.append(told)
    record.promises.extend(
        [
            promises.taken_back(seen, rollback(scene.facts(), "v4")),
            promises.dead_is_seen("v4", seen, scene.load.read()),
            promises.envoy_forgot("v4", scene.routed()),
            promises.verified(told),
        ]
    )
    record.promises.append(promises.gateway_stood(scene.stats(record.started_at)))


def exposed(scene: Scene, version: str) -> dict[str, Fraction]:
    """What Envoy routes once it has begun to expose the version."""
    scene.watch.until(lambda _seen: bool(scene.routed().get(version)), EXPOSED_WITHIN_S)
    return scene.routed()


def over(scene: Scene, version: str, within_s: float) -> Sample:
    seen = scene.watch.until(lambda seen: seen.version == version and ended(seen), within_s)
    scene.say(f"{seen.phase}: {seen.sentence}")
    return seen


def ended(seen: Sample) -> bool:
    return seen.phase in ("rolled-back", "promoted", "aborted")


def await_proof(scene: Scene, version: str) -> None:
    def proved(_seen: Sample) -> bool:
        return scene.episode(version, "").at(VERIFIED) is not None

    if scene.episode(version, "").at(CHANGED) is not None:
        scene.watch.until(proved, VERIFIED_WITHIN_S)


def _reloaded(scene: Scene, before: str) -> str:
    """The digest of the policies in force once it is another one."""
    scene.watch.until(lambda _seen: _digest(scene.facts()) != before, RELOADED_WITHIN_S)
    return _digest(scene.facts())


def _digest(facts: list[Told]) -> str:
    """The digest of the policies in force."""
    return next((fact["subject"] for fact in reversed(facts) if fact["kind"] == "policy.loaded"), "")


def rollback(facts: list[Told], version: str) -> Told:
    """The body of the newest fact that took that version back."""
    bodies = [fact["body"] for fact in facts if fact["kind"] == "rollout.moved"]
    taken = [body for body in bodies if body.get("version") == version and body.get("phase") == "rolled-back"]
    return taken[-1] if taken else {}
