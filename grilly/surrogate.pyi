from typing import Any

from grilly_vk.surrogate import *

def __getattr__(name: str) -> Any: ...
