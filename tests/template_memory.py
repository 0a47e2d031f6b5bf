"""Templates compiled once in a process, however many applications it makes.

A process of Lodge has one application and compiles them once. Here one process makes hundreds, and
to compile the templates takes longer than most tests.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import CodeType

from flask import Flask
from jinja2 import BytecodeCache, Environment, TemplateNotFound
from jinja2.bccache import Bucket

from server.field.compiler import catalogue, module
from server.field.compiler.catalogue import Messages
from server.field.compiler.module import TemplateCompiler

_read_scripts, _read_translations = catalogue.messages_in_scripts, catalogue.load_translations
_messages: dict[tuple[bytes, ...], set[str]] = {}
_translations: dict[tuple[tuple[bytes, ...], frozenset[str]], Messages] = {}
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


def _read_scripts_once(scripts: Iterable[Path]) -> set[str]:
    scripts = list(scripts)
    content = tuple(script.read_bytes() for script in scripts)
    if content not in _messages:
        _messages[content] = _read_scripts(scripts)
    return set(_messages[content])


def _read_translations_once(files: Iterable[Path], keys: Iterable[str]) -> Messages:
    files, keys = list(files), frozenset(keys)
    content = tuple(file.read_bytes() for file in files), keys
    if content not in _translations:
        _translations[content] = _read_translations(files, keys)
    return dict(_translations[content])


def remember_compiled_templates() -> None:
    """From now on for every application of this process, and of the processes forked from it."""
    catalogue.messages_in_scripts = _read_scripts_once
    catalogue.load_translations = _read_translations_once
    module._parse_template = _compile_for_phone_once
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": CompiledTemplates()}
