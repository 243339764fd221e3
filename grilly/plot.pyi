from typing import Any

from grilly_vk.plot import *

def __getattr__(name: str) -> Any: ...
