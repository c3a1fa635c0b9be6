"""The `ltjax` command."""

from ltjax.cli.app import main

__all__ = ["main"]
