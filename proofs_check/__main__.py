"""`python -m proofs_check` runs the same as `ltjax verify`."""

import sys

from ltjax.cli import main

main(["verify", *sys.argv[1:]])
