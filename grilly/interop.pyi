from typing import Any

from grilly_vk.interop import *

def __getattr__(name: str) -> Any: ...
