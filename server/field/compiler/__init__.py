"""The phone's half of the pages: the strict subset of Jinja, compiled to one ES module."""
