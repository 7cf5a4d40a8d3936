"""`focus` and `python -m focusplane`: the command line, or the line that installs it."""

import sys

INSTALL = "the focus command needs the server extra: pip install 'focusplane[server]'"


def main() -> None:
    """Never returns; the exit statuses are those of INTERFACE 6."""
    try:
        from focusplane.cli.main import run
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("focusplane"):
            raise
        sys.stderr.write(f"{INSTALL}\n")
        sys.exit(2)
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
