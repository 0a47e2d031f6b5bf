"""Compiles the phone's templates, a strict subset of Jinja, to an ES module: see README.md."""
