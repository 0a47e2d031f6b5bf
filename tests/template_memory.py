"""Templates compiled once in a process, however many applications it makes.

A process of Lodge has one application and compiles them once. Here one process makes hundreds, and
to compile the templates takes longer than most tests.
"""

from __future__ import annotations

from types import CodeType

from flask import Flask
from jinja2 import BytecodeCache, Environment, TemplateNotFound
from jinja2.bccache import Bucket

from server.field.compiler import module
from server.field.compiler.module import TemplateCompiler

_compile_for_phone = module._parse_template
_compiled_for_phone: dict[tuple[str, str], TemplateCompiler] = {}


class CompiledTemplates(BytecodeCache):
    """The templates of the desk; Jinja compiles one again when its text has changed."""

    def __init__(self) -> None:
        self.codes: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self.codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.codes[bucket.key, bucket.checksum] = bucket.code


def _compile_for_phone_once(env: Environment, name: str, file: str, line: int) -> TemplateCompiler:
    """The same text under the same name gives the same code; any other text is compiled."""
    try:
        source = env.loader.get_source(env, name)[0]
    except TemplateNotFound:
        return _compile_for_phone(env, name, file, line)
    if (name, source) not in _compiled_for_phone:
        _compiled_for_phone[name, source] = _compile_for_phone(env, name, file, line)
    return _compiled_for_phone[name, source]


def remember_compiled_templates() -> None:
    """From now on for every application of this process, and of the processes forked from it."""
    module._parse_template = _compile_for_phone_once
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": CompiledTemplates()}
