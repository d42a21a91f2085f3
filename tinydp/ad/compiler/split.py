"""Splitting (stub)."""
from .statements import Function


def split(functions: list[Function]) -> list[Function]:
    return functions
