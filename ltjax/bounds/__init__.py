"""The theory's closed forms, a file a family, one function a bound, each with its source."""
