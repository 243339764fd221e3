from typing import Any

from grilly_vk.data import *

def __getattr__(name: str) -> Any: ...
