"""What an error's text must be: ours, one line, short, about the argument or the call, and no internal's words."""

import linecache
import re
import traceback
from pathlib import Path

import grilly_vk

PACKAGE = Path(grilly_vk.__file__).parent
# Words of Python, numpy and the standard library, which say nothing about what a user has to do.
FOREIGN = re.compile(
    r"positional argument|unexpected keyword|<lambda>|unsupported operand|object is not|object has no|not subscriptable"
    r"|could not convert|invalid literal|could not be broadcast|inhomogeneous|setting an array element|ufunc|'NoneType'"
    r"|multiple values|out of bounds|not iterable|cannot unpack|to unpack|isinstance\(\)|0x[0-9a-f]{6}|must be str"
)

KINDS = (TypeError, ValueError, RuntimeError, AttributeError, IndexError, KeyError, OSError, BufferError)


def fault(error, *names):
    """What is wrong with an error; None: nothing.

    Args:
        names: of which the text must have at least one.
    """
    text, last = str(error), traceback.extract_tb(error.__traceback__)[-1]
    line = linecache.getline(last.filename, last.lineno).strip()
    if not isinstance(error, KINDS):
        return f"a {type(error).__name__}: {text[:200]}"
    if isinstance(error, OSError) and error.filename:
        return None  # the system's, about a file
    if PACKAGE not in Path(last.filename).parents or not line.startswith("raise"):
        place = f"{Path(last.filename).name}:{last.lineno} ({line[:60]})"
        return f"raised inside, at {place}: {type(error).__name__} {text[:160]}"
    if len(text) >= 300 or "\n" in text:
        return f"{len(text)} characters or several lines: {text[:200]}"
    found = FOREIGN.search(text)
    if found:
        return f"{found.group()!r} in: {text[:200]}"
    if names and not any(re.search(rf"(?<!\w){re.escape(n)}(?!\w)", text) for n in names):
        return f"none of {', '.join(names)} in: {text[:200]}"
    return None
