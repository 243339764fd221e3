from typing import Any

from grilly_vk.decode import *

def __getattr__(name: str) -> Any: ...
