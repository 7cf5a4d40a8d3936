"""Templates to HTML: everything that was said by others is escaped, and a name that is missing is an error."""

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from focusplane.kernel.errors import FocusplaneError
from focusplane.plane.queries.shown import Shown
from focusplane.web import words

_ENVIRONMENT = Environment(
    loader=PackageLoader("focusplane.web", "templates"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters.update(words.FILTERS)


def render(template: str, shown: Shown) -> str:
    return _ENVIRONMENT.get_template(template).render(shown)


def refused(error: FocusplaneError) -> HTMLResponse:
    """A page that says why not, and what to do."""
    said = {"status": error.http_status, "what": error.what, "hint": error.hint}
    return HTMLResponse(render("refused.html", {"error": said}), error.http_status)
