"""What is said of one thing to one channel arrives in its order, however slow the channel is; other things do not wait."""

import asyncio
from dataclasses import dataclass, field

from tests.plane.running import Destinations, Pages

from focusplane.act.effect import Event, Notify
from focusplane.kernel.errors import UnreachableError
from focusplane.plane.arrival import Arrival, Notified
from focusplane.plane.perform import Performer
from focusplane.plane.recover import empty


def message(key: str, event: Event, about: str, url: str = "env:PAGER") -> Notify:
    return Notify(key, "pay", "pager", url, key, "why", about, about=about, event=event)


@dataclass
class Slow:
    """Takes what `let` allows, in the order in which it was asked; fails the first try of what is in `failing`."""

    let: asyncio.Event = field(default_factory=asyncio.Event)
    failing: set[str] = field(default_factory=set)
    taken: list[str] = field(default_factory=list)

    async def send(self, notify: Notify) -> bool:
        if notify.event is Event.TRIGGER:
            await self.let.wait()
        if notify.key in self.failing:
            self.failing.remove(notify.key)
            raise UnreachableError("not now")
        self.taken.append(notify.key)
        return True


def test_an_end_waits_for_its_beginning_also_when_that_has_to_be_tried_again() -> None:
    async def story() -> tuple[list[str], list[Arrival]]:
        channel, heard = Slow(failing={"begun"}), list[Arrival]()
        performer = Performer(Destinations(), channel, Pages())
        for one in (
            message("begun", Event.TRIGGER, "inc-1"),
            message("over", Event.RESOLVE, "inc-1"),
            message("other", Event.RESOLVE, "inc-2"),
            message("elsewhere", Event.RESOLVE, "inc-1", "env:CHAT"),
        ):
            performer.start(one, empty(), heard.append)
        while len(channel.taken) < 2:
            await asyncio.sleep(0)
        assert channel.taken == ["other", "elsewhere"]
        channel.let.set()
        while len(heard) < 4:
            await asyncio.sleep(0.01)
        await performer.stop()
        return channel.taken, heard

    taken, heard = asyncio.run(story())
    assert taken == ["other", "elsewhere", "begun", "over"]
    assert all(isinstance(one, Notified) and one.ok and one.told for one in heard)
