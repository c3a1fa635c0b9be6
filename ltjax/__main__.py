"""`python -m ltjax` is the `ltjax` command."""

from ltjax.cli import main

main()
