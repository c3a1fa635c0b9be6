"""The theorems: claims, their checks, verdicts and the report. Knows the library, is not known by it."""
