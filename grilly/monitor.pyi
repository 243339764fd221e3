from typing import Any

from grilly_vk.monitor import *

def __getattr__(name: str) -> Any: ...
