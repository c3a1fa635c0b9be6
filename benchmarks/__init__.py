"""Speed beside what a user would otherwise pick. `python -m benchmarks` runs it; see README.md here."""
