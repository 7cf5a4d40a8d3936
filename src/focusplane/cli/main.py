"""The root of the command tree. Each command is imported only when it is called, so that `focus` starts quickly."""

import importlib
import json
import sys
from collections.abc import Sequence
from difflib import get_close_matches

import click

from focusplane import __version__
from focusplane.kernel.errors import FocusplaneError, UsageError

INSTALL = "this command needs the server extra: pip install 'focusplane[server]'"
SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Write and try policies": {
        "init": ("policy", "write a first focus file"),
        "check": ("policy", "read the policies: every mistake at once, with its place"),
        "diff": ("policy", "what changes between two policy sets"),
        "apply": ("apply", "check a set and put it in place of another"),
        "schema": ("policy", "the JSON Schema of the focus file, for editors"),
        "test": ("story", "play the stories beside the policies"),
        "simulate": ("story", "play one story, aloud"),
        "backtest": ("backtest", "what a policy would have said of a past"),
        "calibrate": ("calibrate", "targets and alarms that fit a past, as a diff"),
    },
    "Run a plane": {
        "demo": ("run", "scenarios on real traffic, from a folder to an exit status"),
        "serve": ("run", "run a plane"),
        "doctor": ("look", "which telemetry arrives, and what is wrong with it"),
        "login": ("look", "a one-time link to the pages"),
        "token": ("token", "make, list and remove tokens"),
        "adopt": ("adopt", "let nodes of a lost plane follow this one"),
    },
    "Look": {
        "status": ("look", "how every focus does"),
        "watch": ("look", "how every focus does, live"),
        "explain": ("look", "why: rule, inputs and reasons of anything with an id"),
    },
    "Change something": {
        "rollout": ("rollout", "start, watch and stop rollouts"),
        "flag": ("flag", "list, set and kill flags; explain them; find those that are to go"),
        "control": ("control", "set, clear and list controls"),
        "gate": ("guard", "may this focus be changed now?"),
        "judge": ("judge", "is the canary worse than the stable version?"),
        "migrate": ("migrate", "run a schema migration that stops and goes back on harm"),
        "change": ("change", "tell what changed, also out of Git, and list it"),
    },
    "Stop it": {
        "freeze": ("guard", "stop all automation and rollouts at once"),
        "unfreeze": ("guard", "let automation go on"),
        "action": ("action", "list and show what was done, and what waits for a yes"),
        "approve": ("guard", "say yes to an action that waits"),
        "deny": ("guard", "say no to an action that waits"),
        "undo": ("guard", "take an action back"),
    },
    "When it fails": {
        "incident": ("incident", "list, show, acknowledge, note, resolve, write up"),
        "ticket": ("silence", "what degrades and can wait"),
        "silence": ("silence", "add, list and end silences: nobody is told for so long"),
        "correction": ("correction", "leave a span out of budget and burn, or count it as good"),
    },
    "Records": {
        "journal": ("journal", "verify, read and export the journal"),
        "replay": ("journal", "decide everything again and compare"),
    },
    "Other tools": {
        "import": ("dialects", "SLOs of OpenSLO, Sloth, Pyrra and slo-generator as focus files"),
        "export": ("export", "configuration for other programs"),
    },
}
"""The tree in the order of `focus --help`: name -> module, and what it does."""
COMMANDS = {name: entry for section in SECTIONS.values() for name, entry in section.items()}


class Tree(click.Group):
    """Commands by name; their modules are imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"focusplane.cli.{COMMANDS[cmd_name][0]}")
        command = getattr(module, f"{cmd_name}_command")
        if not isinstance(command, click.Command):
            raise TypeError(f"{cmd_name} is no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list without importing a single command."""
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(9), what) for name, (_, what) in commands.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Raises `UsageError` with what was meant, for a command that is none."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            near = get_close_matches(args[0], COMMANDS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "`focus --help` lists them"
            raise UsageError(f"there is no command {args[0]!r}", hint)
        return super().resolve_command(ctx, args)


@click.group(cls=Tree, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(version)s")
def focus() -> None:
    """One file per capability: focusplane measures it, guards it, and takes it back when it breaks.

    Data goes to stdout, words to stderr. Exit status: 0 fine, 1 findings or a no, 2 usage, 3 unreachable,
    4 refused by a guard or by rights. With --json an error is one JSON document on stderr (code, detail, hint,
    exit_status), and stdout stays empty. FOCUS_SERVER and FOCUS_TOKEN say which plane.
    """


def run(arguments: Sequence[str]) -> int:
    """The exit status of a command line."""
    try:
        found = focus.main(list(arguments), prog_name="focus", standalone_mode=False)
        return found if isinstance(found, int) else 0
    except click.exceptions.Exit as left:
        return left.exit_code
    except click.Abort:
        return 130
    except (click.ClickException, FocusplaneError) as error:
        return failed(error, "--json" in arguments)
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("focusplane"):
            raise
        click.echo(INSTALL, err=True)
        return 2
    except BrokenPipeError:
        sys.stderr.close()
        return 0


def failed(error: click.ClickException | FocusplaneError, as_json: bool) -> int:
    """Say it in words, or as JSON where data are JSON. The exit status."""
    if isinstance(error, FocusplaneError):
        (problem if as_json else tell)(error)
        return error.exit_status
    if as_json:
        problem(UsageError(error.format_message()))
    else:
        error.show()
    return error.exit_code


def tell(error: FocusplaneError) -> None:
    """`error E200  what`, and the hint on its own line."""
    click.secho(f"error {error.code}  ", fg="red", bold=True, nl=False, err=True)
    click.echo(error.what, err=True)
    if error.hint:
        click.echo(f"hint  {error.hint}", err=True)


def problem(error: FocusplaneError) -> None:
    """The same as one JSON document on stderr, with the names of the API's problems."""
    told = {"code": error.code, "detail": error.what, "hint": error.hint, "exit_status": error.exit_status}
    click.echo(json.dumps(told, ensure_ascii=False), err=True)
