"""What must hold of an `Outcome` of the simulator, however bad its seed was: each promise says in words how it was broken."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields

from focusplane.act.effect import Effect, Notify
from focusplane.act.fact import Fact, Kind
from focusplane.act.request import Done, Refused
from focusplane.control.board import Board
from focusplane.control.rollout import Phase, Saw
from focusplane.kernel.errors import RefusedError
from focusplane.kernel.tick import DAY, SECOND
from focusplane.observe.reading import Measured
from focusplane.plane.arrival import Asked, Counted
from focusplane.plane.perform import AGAIN
from focusplane.plane.ports import Journal, Turn
from focusplane.plane.recover import empty, recover
from focusplane.plane.snapshot import preserve, revive
from focusplane.plane.step import step
from focusplane.plane.world import World
from focusplane.testing.simulator import Outcome

BY_PEOPLE = ("ana",)
FLAG, TRAFFIC = "shop/flag.banner", "shop/traffic"
CONTAINMENTS = frozenset({"throttle", "quota", "fallback"})


@dataclass(slots=True)
class History:
    """What the journal says by itself: every turn made again, from the first."""

    world: World = field(default_factory=empty)
    turns: list[Turn] = field(default_factory=list)
    boards: dict[str, Board] = field(default_factory=dict)
    effects: dict[str, Effect] = field(default_factory=dict)
    begun: dict[str, int] = field(default_factory=dict)
    """effect key -> when its turn was, Unix ms"""
    differing: list[int] = field(default_factory=list)

    @property
    def facts(self) -> list[Fact]:
        return [fact for turn in self.turns for fact in turn.facts]

    def said(self, *kinds: Kind) -> list[Fact]:
        return [fact for fact in self.facts if fact.kind in kinds]


def broken(outcome: Outcome) -> list[str]:
    """Every promise that this outcome breaks; empty if all of them hold."""
    history = told_by(outcome.journal)
    return [f"{check.__name__}: {how}" for check in PROMISES for how in check(outcome, history)]


def told_by(journal: Journal) -> History:
    """Every turn made again, from the first."""
    found = History()
    for turn in journal.turns(0):
        made = step(found.world, turn.arrivals, turn.tick)
        found.world = made.world
        found.turns.append(turn)
        found.boards[made.world.board.etag] = made.world.board
        found.effects |= {effect.key: effect for effect in made.effects}
        found.begun |= {effect.key: turn.tick.at for effect in made.effects}
        if made.facts != turn.facts:
            found.differing.append(turn.tick.number)
    return found


def nothing_acknowledged_is_lost_and_nothing_is_counted_twice(it: Outcome, told: History) -> Iterator[str]:
    taken: dict[str, int] = {}
    for arrival in (one for turn in told.turns for one in turn.arrivals if isinstance(one, Counted)):
        counted_once = (signal.count for signal in arrival.signals if not signal.only_exposed)
        taken.setdefault(arrival.key, sum(counted_once))
    for key in it.sender.acknowledged.keys() - taken.keys():
        yield f"{key} was acknowledged and is not in the journal"
    for world, where in ((told.world, "journal"), (it.loop.world, "plane")):
        reading = world.counters.over(it.sender.focus, "availability", DAY, world.tick.at + 10 * SECOND)
        counted = reading.total if isinstance(reading, Measured) else 0
        if counted != sum(taken.values()):
            yield f"the {where} counted {counted} of {sum(taken.values())}"


def every_request_was_answered_by_what_happened(it: Outcome, told: History) -> Iterator[str]:
    """A yes is in the journal, and a "nothing of it was taken" is not."""
    asked = [one.request for turn in told.turns for one in turn.arrivals if isinstance(one, Asked)]
    happened = Counter(map(repr, asked))
    said = Counter(repr(one.request) for one in it.asked if isinstance(one.answer, Done | Refused))
    refused = Counter(repr(one.request) for one in it.asked if isinstance(one.answer, RefusedError))
    unknown = Counter(repr(one.request) for one in it.asked if one.answer is None)
    for wish in {**said, **happened}:
        if said[wish] > happened[wish]:
            yield f"{wish} was answered {said[wish]} times and happened {happened[wish]} times"
        if happened[wish] > said[wish] + unknown[wish]:
            yield f"{wish} happened although it was refused ({refused[wish]} times)"


def an_effect_happens_once_or_says_that_it_may_be_a_repetition(it: Outcome, told: History) -> Iterator[str]:
    yield from sent_too_often(it.channel.taken, told)


def sent_too_often(taken: Sequence[tuple[str, str]], told: History) -> Iterator[str]:
    """Messages (title, body) that came more often than they were meant, and did not say so."""
    plain = Counter(one for one in taken if not one[0].endswith(AGAIN))
    meant = Counter((e.title, e.body) for e in told.effects.values() if isinstance(e, Notify))
    for message, number in plain.items():
        if number > meant[message]:
            yield f"{message[0]!r} was sent {number} times, and meant {meant[message]} times"


def every_control_moves_by_generations_that_only_grow(it: Outcome, told: History) -> Iterator[str]:
    last: dict[str, int] = {}
    for fact in told.said(Kind.BOARD_MOVED, Kind.CONTROL_LAPSED):
        generation = int(str(fact.body["generation"]))
        if generation <= last.get(fact.subject, 0):
            yield f"{fact.subject} moved to generation {generation} after {last[fact.subject]}"
        last[fact.subject] = generation


def an_action_moves_its_control_once(it: Outcome, told: History) -> Iterator[str]:
    decided = Counter(fact.subject for fact in told.said(Kind.DECIDED))
    for key, number in decided.items():
        if number > 1:
            yield f"{key} was decided {number} times"
    moves = Counter(
        (fact.subject, fact.body["cause"], str(fact.body["state"]))
        for fact in told.said(Kind.BOARD_MOVED)
        if fact.body["cause"]
    )
    for (subject, cause, state), number in moves.items():
        if number > 1:
            yield f"{cause} moved {subject} to {state} {number} times"


def what_runs_outside_is_what_the_journal_holds(it: Outcome, told: History) -> Iterator[str]:
    """Intent before effect: no node ever ran, and no plane ever published, a board that is not in the journal as it is."""
    boards = [(f"published to {f.name}", board) for f in it.published for board in f.published]
    boards += [(f"run by {node.name}", board) for node in it.nodes for board in node.taken]
    for where, board in boards:
        if told.boards.get(board.etag) != board:
            yield f"{board.etag} {where} is not in the journal as it is"


def no_node_goes_back(it: Outcome, told: History) -> Iterator[str]:
    for node in it.nodes:
        versions = [(board.epoch, board.version) for board in node.taken]
        if versions != sorted(set(versions)):
            yield f"{node.name} ran {versions}"


def in_the_end_everybody_runs_the_highest_generation(it: Outcome, told: History) -> Iterator[str]:
    for node in it.nodes:
        if node.board != told.world.board:
            yield f"{node.name} runs {node.board.etag or 'nothing'}, the journal says {told.world.board.etag}"


def containment_has_a_deadline_and_ends_by_it(it: Outcome, told: History) -> Iterator[str]:
    """Every board names the deadline, so that a node can end it alone; no turn leaves one in force that is over."""
    for board in told.boards.values():
        for entry in board.entries.values():
            if entry.overridden and entry.target.control in CONTAINMENTS and entry.expires_at is None:
                yield f"{entry.target} has no end in board {board.etag}"
    due: dict[str, int] = {}
    for turn in told.turns:
        moved = [fact for fact in turn.facts if fact.kind in (Kind.BOARD_MOVED, Kind.CONTROL_LAPSED)]
        due |= {fact.subject: int(str(fact.body.get("expires_at", 0))) for fact in moved}
        for subject in (key for key, until in due.items() if 0 < until <= turn.tick.at):
            yield f"{subject} is still in force at turn {turn.tick.number}, over since {due[subject]}"


def a_killed_flag_comes_back_by_people_only(it: Outcome, told: History) -> Iterator[str]:
    killed = False
    for fact in told.said(Kind.BOARD_MOVED):
        if fact.subject == FLAG:
            state = fact.body["state"]
            off = isinstance(state, Mapping) and state["variant"] == "off"
            if killed and not off and fact.body["by"] not in BY_PEOPLE:
                yield f"the killed flag came back by {fact.body['by']!r}"
            killed = off


def a_version_taken_back_gets_traffic_by_people_only(it: Outcome, told: History) -> Iterator[str]:
    back = ""
    for fact in told.said(Kind.BOARD_MOVED, Kind.ROLLOUT_STARTED, Kind.ROLLOUT_MOVED):
        by_people = fact.body.get("by") in BY_PEOPLE
        match fact.kind:
            case Kind.ROLLOUT_MOVED if fact.body["phase"] == str(Phase.ROLLED_BACK):
                back = str(fact.body["version"])
            case Kind.ROLLOUT_STARTED:
                back = ""
            case Kind.BOARD_MOVED if fact.subject in (TRAFFIC, FLAG) and back and not by_people:
                if f"'{back}'" in str(fact.body["state"]):
                    yield f"{back} was taken back and got traffic again: {fact.reason}"


def a_flag_that_people_or_mitigations_moved_is_not_moved_on_by_its_rollout(
    it: Outcome, told: History
) -> Iterator[str]:
    """Whoever moves it ends the rollout; what was set stays until somebody asks for something else."""
    ended: set[str] = set()
    for fact in told.said(Kind.ROLLOUT_MOVED, Kind.DECIDED):
        if fact.kind is Kind.ROLLOUT_MOVED and fact.body["saw"] == str(Saw.OVERTAKEN):
            ended.add(fact.subject)
        if fact.kind is Kind.DECIDED and fact.body.get("rollout") in ended:
            yield f"{fact.body['rollout']} was over and moved {fact.body['target']}: {fact.reason}"


def the_journal_makes_the_same_world_again(it: Outcome, told: History) -> Iterator[str]:
    if told.differing:
        yield f"a replay decides turns {told.differing[:5]} in another way"
    for name, world in (("recovered", recover(it.journal)), ("running", it.loop.world)):
        for what in differences(world, told.world):
            yield f"{what} of the {name} world is not what the journal makes"
    if differences(revive(preserve(told.world)), told.world):
        yield "the world does not survive its bytes"


def what_was_begun_has_ended(it: Outcome, told: History) -> Iterator[str]:
    """After the calm no effect waits for its outcome, nobody for a probe, and the plane is in no trouble."""
    world = it.loop.world
    for key in world.outbox:
        if world.tick.at - told.begun[key] > 5 * SECOND:
            yield f"{key} waits for an outcome since {world.tick.at - told.begun[key]} ms"
    if world.waiting:
        yield f"rollouts wait for a probe: {dict(world.waiting)}"
    if it.loop.trouble:
        yield f"it is still in trouble: {it.loop.trouble}"


def differences(one: World, other: World) -> list[str]:
    """The fields in which two worlds differ."""
    frozen = [each.name for each in fields(World) if each.name not in ("counters", "seen")]
    found = [name for name in frozen if getattr(one, name) != getattr(other, name)]
    found += [] if one.counters.state() == other.counters.state() else ["counters"]
    return found + ([] if one.seen.keys == other.seen.keys else ["seen"])


PROMISES: tuple[Callable[[Outcome, History], Iterator[str]], ...] = (
    nothing_acknowledged_is_lost_and_nothing_is_counted_twice,
    every_request_was_answered_by_what_happened,
    an_effect_happens_once_or_says_that_it_may_be_a_repetition,
    every_control_moves_by_generations_that_only_grow,
    an_action_moves_its_control_once,
    what_runs_outside_is_what_the_journal_holds,
    no_node_goes_back,
    in_the_end_everybody_runs_the_highest_generation,
    containment_has_a_deadline_and_ends_by_it,
    a_killed_flag_comes_back_by_people_only,
    a_version_taken_back_gets_traffic_by_people_only,
    a_flag_that_people_or_mitigations_moved_is_not_moved_on_by_its_rollout,
    the_journal_makes_the_same_world_again,
    what_was_begun_has_ended,
)
