"""A command, run in this process or as one of its own."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ltjax import cli


def run(capsys, *tokens):
    """Exit status, standard output, standard error."""
    with pytest.raises(SystemExit) as stop:
        cli.main(list(tokens))
    out, err = capsys.readouterr()
    return stop.value.code, out, err


INSTALLED = Path(sys.executable).with_name("ltjax")


def started(*tokens, cwd=None, largest=None, **how):
    """The installed command as a process of its own, as in a terminal that knows nothing of the tests' settings.

    `largest`: the largest file that it may write, in blocks of 512 bytes. The shell sets the limit: this process, which
    has threads, must not fork.
    """
    env = {name: value for name, value in os.environ.items() if not name.startswith(("JAX_", "XLA_"))}
    # This tree, wherever the installed one lies.
    env["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[1]), env.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    env |= how.pop("env", {})
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "stdin": subprocess.DEVNULL} | how
    limited = [] if largest is None else ["sh", "-c", f'ulimit -f {largest}; exec "$@"', "sh"]
    return subprocess.Popen([*limited, INSTALLED, *map(str, tokens)], env=env, cwd=cwd, text=True, **pipes)


def process(*tokens, **how):
    """Exit status, standard output, standard error of the installed command."""
    with started(*tokens, **how) as running:
        out, err = running.communicate()
    return running.returncode, out, err
