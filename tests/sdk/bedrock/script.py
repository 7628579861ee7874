"""What an answer is to be: directives of the request itself, in the words of the scripted provider (`tests/src/scripted`)."""

import re

GREETING = ["Hello", " from", " the", " scripted", " provider", "."]
COUNTS = ("input", "cached", "cache_write", "output")


def directed(text):
    """`[[key=value key=value]]` in a text, as a dictionary; `+` is a space."""
    found = re.search(r"\[\[(.*?)\]\]", text, re.DOTALL)
    words = re.split(r"[&\s]+", found.group(1)) if found else []
    return dict(word.replace("+", " ").split("=", 1) for word in words if "=" in word)


def number(script, key, default=None):
    return int(script[key]) if key in script else default


def pieces(script):
    """The text of an answer, one piece an event; none where it is left to the question."""
    if "surrogate" in script:
        return ["Smile ", "\ud83d", "\ude00", " done"]
    if "chunks" in script:
        return [f"piece {index} " for index in range(int(script["chunks"]))]
    if "text" in script:
        return re.findall(r"\S+\s*|\s+", script["text"])
    return None


def sample(schema):
    """A value that satisfies a schema, the same each time."""
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type")
    if kind == "object":
        return {name: sample(inner) for name, inner in schema.get("properties", {}).items()}
    if kind == "array":
        return [sample(schema.get("items", {}))]
    return {"integer": 7, "number": 7, "boolean": True, "null": None}.get(kind, "sample")
