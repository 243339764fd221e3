"""For type checkers: grilly is grilly_vk, and what that makes when it is imported is of any type."""

from typing import Any

from grilly_vk import *
from grilly_vk import __version__ as __version__

def __getattr__(name: str) -> Any: ...
