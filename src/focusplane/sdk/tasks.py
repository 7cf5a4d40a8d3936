"""Work that is no request of a server: a decorator for functions and coroutines of any worker."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from focusplane.sdk.door import Door

Work = TypeVar("Work", bound=Callable[..., Any])


def measured(door: Door, focus: str, tenant: str, name: str) -> Callable[[Work], Work]:
    """Each call is one unit of user success of `focus`, counted under `name`, else under the function's own."""

    def decorate(work: Work) -> Work:
        route = "/" + (name or work.__qualname__)

        def begun() -> Any:
            request = door.request(focus, tenant, 0)
            request.route = route
            return request

        @wraps(work)
        def call(*args: Any, **named: Any) -> Any:
            with begun():
                return work(*args, **named)

        @wraps(work)
        async def wait(*args: Any, **named: Any) -> Any:
            with begun():
                return await work(*args, **named)

        return cast(Work, wait if inspect.iscoroutinefunction(work) else call)

    return decorate
