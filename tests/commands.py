"""A command, run in this process."""

import pytest

from ltjax import cli


def run(capsys, *tokens):
    """Exit status, standard output, standard error."""
    with pytest.raises(SystemExit) as stop:
        cli.main(list(tokens))
    out, err = capsys.readouterr()
    return stop.value.code, out, err
