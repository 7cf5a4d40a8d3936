"""The pages in a real browser: no error, nothing from elsewhere, no sideways scroll, live."""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import uvicorn
from playwright.async_api import Browser, Page, async_playwright
from tests.web.test_moving import running

from focusplane.act.change import ChangeEvent
from focusplane.define.people import Role
from focusplane.observe.path import further, point
from focusplane.plane.identity import Principal

PATIENCE_MS = 240_000.0
CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.anyio,
    pytest.mark.requires_server("chromium", "apt-get install chromium"),
]
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[str]:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        running = asyncio.create_task(server.serve([door]))
        try:
            yield f"http://127.0.0.1:{door.getsockname()[1]}"
        finally:
            server.should_exit = server.force_exit = True
            await running


@asynccontextmanager
async def opened(
    app: Any, browser: Browser, width: int, scheme: Any
) -> AsyncIterator[tuple[Page, str, list[str]]]:
    """A page that has logged in; what it complains about and asks of others is collected."""
    async with served(app) as base:
        context = await browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        context.set_default_timeout(PATIENCE_MS)
        page = await context.new_page()
        wrong: list[str] = []
        page.on(
            "console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda asked: None if asked.url.startswith(base) else wrong.append(asked.url))
        ticket = app.state.face.sessions.ticket(Principal("admin", Role.OPERATOR), app.state.face.now)
        await page.goto(f"{base}/login?ticket={ticket}")
        try:
            yield page, base, wrong
        finally:
            await context.close()


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as play:
        browser = await play.chromium.launch(executable_path=CHROMIUM, args=ARGS, timeout=PATIENCE_MS)
        try:
            yield browser
        finally:
            await browser.close()


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
async def test_the_pages_are_calm_in_a_browser(app: Any, width: int, scheme: str) -> None:
    async with chromium() as browser, opened(app, browser, width, scheme) as (page, base, wrong):
        for path in ("/", "/rollouts", "/focus/checkout", "/focus/search"):
            await page.goto(base + path)
            await page.wait_for_selector('#line[data-state="live"]')
            if path.startswith("/focus"):
                await page.wait_for_selector("#c-latency canvas")
            assert await page.evaluate("document.documentElement.scrollWidth") == width
        assert wrong == []


async def test_a_page_follows_the_plane_and_a_button_asks_for_a_reason(app: Any, plane: Any) -> None:
    async with chromium() as browser, opened(app, browser, 1440, "light") as (page, base, wrong):
        await page.goto(f"{base}/focus/checkout")
        await page.wait_for_selector('#line[data-state="live"]')
        (key, incident), *_ = plane.world.incidents.items()
        plane.turn(replace(plane.world, incidents={key: replace(incident, title="told anew")}))
        await page.wait_for_selector("text=told anew")
        await page.click("text=I have it")
        await page.fill("dialog input", "on it")
        await page.click("dialog [value=yes]")
        await page.wait_for_selector("dialog", state="hidden")
        assert [by for _, by in plane.asked] == ["admin"]
        assert wrong == []


@pytest.mark.parametrize("width", [1280, 390])
async def test_the_page_of_rollouts_follows_what_begins(app: Any, plane: Any, width: int) -> None:
    async with chromium() as browser, opened(app, browser, width, "light") as (page, base, wrong):
        await page.goto(base)
        await page.click("text=rollouts")
        await page.wait_for_selector('#line[data-state="live"]')
        assert "Nothing is rolling out" in await page.inner_text("h1")
        plane.turn(running(plane.world))
        await page.wait_for_selector("text=1 rolling out")
        assert "/checkout" in await page.inner_text(".findings")
        assert await page.evaluate("document.documentElement.scrollWidth") == width
        await page.click(".moving h2 a")
        await page.wait_for_selector("#s-rollout .findings")
        assert wrong == []


@pytest.mark.parametrize("width", [1280, 390])
async def test_lines_of_the_charts_are_told_in_words_that_a_keyboard_reaches(
    app: Any, plane: Any, width: int
) -> None:
    at, flip = plane.world.tick.at - 60_000, ("flag", "pricing-2 on for everybody", "mitigation kill")
    kinds = (("deploy", "v9 goes out", "ci"), (*flip[:2], "ana"), flip)
    marks = tuple(
        ChangeEvent(f"chg-{number}", at - number * 20_000, "checkout", kind, what, by)
        for number, (kind, what, by) in enumerate(kinds)
    )
    plane.turn(replace(plane.world, changes=marks[::-1]))
    async with chromium() as browser, opened(app, browser, width, "light") as (page, base, wrong):
        await page.goto(f"{base}/focus/checkout")
        await page.wait_for_selector("#c-marks button")
        first = page.locator("#c-marks button").first
        assert "deploy: v9 goes out by ci" in await first.inner_text()
        sorts = "[...document.querySelectorAll('#c-marks button')].map((one) => one.dataset.sort)"
        assert await page.evaluate(sorts) == ["deploy", "flag", "mitigation"]
        await first.focus()
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.dataset.sort") == "flag"
        assert await page.evaluate("document.documentElement.scrollWidth") == width
        assert wrong == []


@pytest.mark.parametrize("width", [1280, 390])
async def test_the_way_of_the_evidence_is_drawn_once_there_is_one(app: Any, plane: Any, width: int) -> None:
    world = plane.world
    verdict, rollout = world.verdicts["checkout"], world.rollouts["checkout"]
    path = None
    for second in range(60):
        now = replace(verdict, e_regress=1.05**second, e_safe=1 / (1 + second))
        path = further(path, rollout.id, point(now, world.tick.at - (60 - second) * 1_000, 0))
    async with chromium() as browser, opened(app, browser, width, "light") as (page, base, wrong):
        await page.goto(f"{base}/focus/checkout")
        await page.wait_for_selector("#c-latency canvas")
        assert await page.is_hidden("#c-path")
        plane.turn(replace(world, paths={"checkout": path}))
        await page.reload()
        await page.wait_for_selector("#c-evidence canvas")
        assert await page.evaluate("document.documentElement.scrollWidth") == width
        legend = await page.inner_text("#c-evidence .u-legend")
        for word in ("harm", "safety", "errors", "times as bad, from"):
            assert word in legend
        assert wrong == []
