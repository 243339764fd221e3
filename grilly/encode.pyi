from typing import Any

from grilly_vk.encode import *

def __getattr__(name: str) -> Any: ...
