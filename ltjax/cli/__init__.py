"""The `ltjax` command."""

import sys

from ltjax.cli.stopping import heard, leave


def main(tokens: list[str] | None = None) -> None:
    """Entry point: usage errors and bad values end with one line and status 2, never with a traceback.

    A signal ends it with status 128 + its number.
    """
    came: list[int] = []
    try:
        with heard() as came:
            from ltjax.cli.app import run

            status = run(sys.argv[1:] if tokens is None else tokens)
    except KeyboardInterrupt:
        print("stopped: nothing was decided yet", file=sys.stderr)
        status = 130
    except Exception as error:
        from ltjax.cli.refusals import told

        if not came and not told(error):
            raise
        status = 130 if came else 1  # what a signal interrupts may end in other ways
    if came:
        leave(128 + came[0])
    sys.exit(status)


__all__ = ["main"]
