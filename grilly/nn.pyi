from typing import Any

from grilly_vk.nn import *

def __getattr__(name: str) -> Any: ...
