"""U1: a payment provider fails in one region; the checkout of that region goes around it, and the other region notices nothing."""

from collections.abc import Sequence
from random import Random

from rich.console import Console

from focusplane.demo.plane import Plane
from focusplane.demo.record import Record
from focusplane.demo.small.scene import SmallScene
from focusplane.demo.small.stage import SmallStage
from focusplane.demo.small.visitors import Got, Visit, Visitors
from focusplane.demo.stage import Doors

MAIN, SPARE = "alpha-pay", "beta-pay"
SHOPS = 500
RATE = 60.0
BASELINE_S = 8.0
AROUND_WITHIN_S = 60.0
AFTERWARDS_S = 8.0


def plot(stage: SmallStage, record: Record, console: Console) -> Doors:
    """Two regions; one of them loses its provider."""
    doors = stage.start_plane()
    down = stage.root / "down"
    down.write_text("")
    eu, us = (stage.start(f"checkout-{one}", "--region", one, "--down", str(down)) for one in ("eu", "us"))
    europe, america = (stage.stays.enter_context(Visitors(url, RATE, order)) for url in (eu, us))
    with SmallScene(stage, doors, record, console) as scene:
        scene.act("Both regions pay by alpha-pay")
        scene.rest(BASELINE_S)
        scene.act("alpha-pay fails in eu: 80 of 100 payments there are refused")
        since = scene.now()
        down.write_text(f"{MAIN} eu\n")
        around(scene, europe, since)
        untouched(scene, america, since)
        budgets(scene, doors)
    return doors


def order(chance: Random) -> Visit:
    """Somebody pays in a shop."""
    return Visit("/pay", {"cents": chance.randrange(100, 9_000)}, tenant=f"shop-{chance.randrange(SHOPS)}")


def around(scene: SmallScene, europe: Visitors, since: int) -> None:
    """What the policy does for the region that is hurt, without anybody's hand."""
    went = scene.until(lambda: bool(by(SPARE, europe.got(scene.now() - 1_000))), AROUND_WITHIN_S)
    took = scene.now() - since
    scene.promise("eu goes around the provider by itself", went, f"after {took / 1_000:.1f}s")
    scene.rest(AFTERWARDS_S)
    late = europe.got(scene.now() - 4_000)
    failed = [one for one in late if one.failed]
    scene.promise(
        "payments in eu succeed again", bool(late) and not failed, f"{len(failed)} of {len(late)} fail"
    )
    lost = sum(one.failed for one in europe.got(since))
    scene.note(f"{lost} payments failed in eu before it went around; the provider is still down.")


def untouched(scene: SmallScene, america: Visitors, since: int) -> None:
    """The region in which nothing is wrong."""
    got = america.got()
    failed = [one for one in got if one.failed]
    scene.promise("no payment in us failed", not failed, f"{len(failed)} of {len(got)}")
    other = [one for one in got if one.answer.get("provider") != MAIN]
    scene.promise("us never left its provider", not other, f"{len(other)} of {len(got)} payments by another")
    moved = {str(fact["subject"]) for fact in scene.facts("board.moved", since)}
    held = moved == {"checkout-eu/flag.provider"}
    scene.promise("one flag of eu was moved and nothing else", held, ", ".join(sorted(moved)) or "nothing")


def budgets(scene: SmallScene, doors: Doors) -> None:
    """Whose budget it was."""
    america = Plane(doors.api, doors.token, "checkout-us")
    (eu, told), (us, also) = spent(scene.plane), spent(america)
    america.close()
    scene.promise("only the budget of eu burnt", eu > 0 == us, f"eu spent {told}, us {also}")


def spent(plane: Plane) -> tuple[float, str]:
    """Of its error budget, and the same in words: failures of so many that the window allows."""
    [objective] = plane.state()["objectives"]
    budget = objective["budget"]
    return float(budget["spent"]), f"{budget['spent']:,.0f} of {budget['allowed']:,.0f}"


def by(provider: str, got: Sequence[Got]) -> list[Got]:
    """The payments that this provider was asked for."""
    return [one for one in got if one.answer.get("provider") == provider]
