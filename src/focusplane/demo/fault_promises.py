"""What the product is held to when something breaks: measurements in, promises out."""

from collections.abc import Collection, Sequence
from fractions import Fraction

from focusplane.demo.episode import Told
from focusplane.demo.loadlog import Hit
from focusplane.demo.promises import Shares, Shown, shares_words
from focusplane.demo.record import Promise
from focusplane.kernel.quantity import format_duration


def unnoticed(while_: str, hits: Sequence[Hit], bad: Collection[str] = ()) -> Promise:
    """No connection failed, the gateway made no error of its own; versions that are not `bad` fail as rarely as ever."""
    lost = [hit for hit in hits if hit.error]
    made = [hit for hit in hits if hit.local and hit.status >= 500]
    failed = [hit for hit in hits if hit.failed and hit.version not in bad]
    rest = f"; {sum(hit.failed for hit in hits) - len(failed)} failed at {', '.join(bad)}" if bad else ""
    return Promise(
        f"no customer {while_}",
        bool(hits) and not lost and not made and len(failed) * 100 <= len(hits),
        f"{len(hits)} requests: {len(lost)} lost, {len(made)} errors made by Envoy, {len(failed)} others{rest}",
    )


def holds_board(while_: str, before: Shares, after: Shares) -> Promise:
    return Promise(
        f"Envoy runs the last board {while_}",
        bool(before) and before == after,
        f"Envoy routes {shares_words(after)}",
    )


def finished_once(facts: Sequence[Told], version: str, focus: str) -> Promise:
    """One start, one decision to take it back, and one move of the traffic for each, in generations that only grow."""
    mine = [fact for fact in facts if fact["body"].get("version") == version]
    starts = sum(fact["kind"] == "rollout.started" for fact in mine)
    backs = sum(fact["kind"] == "rollout.moved" and fact["body"]["phase"] == "rolled-back" for fact in mine)
    generations = _generations(facts, focus)
    return Promise(
        f"the rollback of {version} is decided and done exactly once",
        (starts, backs, len(generations)) == (1, 1, 2) and generations[0] < generations[1],
        f"{starts} start, {backs} decision, generations of the traffic: {', '.join(map(str, generations))}",
    )


def _generations(facts: Sequence[Told], focus: str) -> list[int]:
    moved = (fact for fact in facts if fact["kind"] == "board.moved")
    return [fact["body"]["generation"] for fact in moved if fact["subject"] == f"{focus}/traffic"]


def counted_once(hits: Sequence[Hit], objective: Shown, joined: bool = False) -> Promise:
    """Every answer that a customer got was counted, and no answer twice. An application joins the attempts of one order that come
    to the same process: then each order counts at least once, and each success exactly.
    """
    real = [hit for hit in hits if not hit.synthetic and hit.status]
    seen = (len(real) - sum(hit.failed for hit in real), len(real))
    counted = (objective.get("good") or 0, objective.get("total") or 0)
    least = len({hit.key for hit in real}) if joined else seen[1]
    orders = f" answers to {least} orders" if joined else ""
    return Promise(
        "what customers saw is counted, and counted once",
        seen[1] > 0 and seen[0] == counted[0] and least <= counted[1] <= seen[1],
        f"customers: {seen[0]} good of {seen[1]}{orders}; the plane: {counted[0]} good of {counted[1]}",
    )


def moved_nothing(while_: str, facts: Sequence[Told], rollout: Shown, weight: Fraction) -> Promise:
    """`facts` are those of that time. Holding is no move: it changes no weight."""
    moves = [
        fact
        for fact in facts
        if fact["kind"] == "board.moved"
        or (fact["kind"] == "rollout.moved" and fact["body"]["phase"] not in ("stepping", "held"))
    ]
    return Promise(
        f"nothing is promoted and nothing taken back {while_}",
        not moves and rollout.get("phase") in ("stepping", "held") and rollout.get("weight") == float(weight),
        f"{len(moves)} moves; {rollout.get('version')} is {rollout.get('phase')} at {rollout.get('weight_text')}",
    )


def blind(state: Shown, after_ms: int) -> Promise:
    objective: Shown = next(iter(state.get("objectives", [])), {})
    return Promise(
        "the focus is blind, and says why",
        state.get("health") == "blind" and bool(objective.get("reason")),
        f"after {format_duration(after_ms)}: {state.get('reason', 'nothing')}",
    )


def held_for(word: str, facts: Sequence[Told]) -> Promise:
    """Some hold of these facts gives a reason with that word."""
    holds = [fact["reason"] for fact in facts if fact["kind"] in ("rollout.held", "rollout.moved")]
    reasons = [reason for reason in holds if word in reason]
    return Promise(
        "the rollout is held for that reason",
        bool(reasons),
        reasons[-1] if reasons else (holds[-1] if holds else "no reason was given"),
    )


def paged(word: str, pages: Sequence[Shown]) -> Promise:
    """The channel of the on-call really got a page that says it."""
    titles = [str(page.get("title", "")) for page in pages]
    return Promise(
        "the on-call is paged", any(word in title for title in titles), "; ".join(titles) or "no page came"
    )


def goes_on(what: str, held: bool, measured: str) -> Promise:
    return Promise(f"{what} goes on by itself", held, measured)


def away(node: Shown, status: int, said: str, after_ms: int) -> Promise:
    """The plane's own word about the gateway, and the doctor's exit status and line about it."""
    line = next((line for line in said.splitlines() if " away" in line), "")
    return Promise(
        "the plane says that the gateway is away, and so does focus doctor",
        node.get("state") == "away" and status == 1 and bool(line),
        f"after {format_duration(after_ms)}: {line or node.get('state', 'not known')}",
    )


def refused_kindly(status: int, headers: Shown) -> Promise:
    """By an answer upon which a sender keeps its batch and comes again."""
    return Promise(
        "telemetry is not acknowledged, and asked for again",
        status in (429, 502, 503, 504) and "retry-after" in headers,
        f"{status}, Retry-After: {headers.get('retry-after', 'none')} s",
    )


def said_why(unready: str, page: str) -> Promise:
    told = "Nothing can be written down" in page
    return Promise(
        "/readyz and the page say why",
        unready.startswith("503: ") and told,
        f"{unready or 'ready'}; the page {'says so too' if told else 'says nothing of it'}",
    )


def undecided(before: int, after: int, refusal: str, held: Promise) -> Promise:
    """What cannot be written down is not done: no fact, no move, and a person's order is refused too."""
    return Promise(
        "no decision is taken that cannot be written down",
        before == after and bool(refusal) and held.held,
        f"{after - before} facts meanwhile; an order to abort: {refusal or 'obeyed'}; {held.measured}",
    )


def ready_again(unready: str, after_ms: int) -> Promise:
    return goes_on(
        "the plane", not unready, unready or f"ready {format_duration(after_ms)} after space was free"
    )
