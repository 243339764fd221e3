from typing import Any

from grilly_vk.optim import *

def __getattr__(name: str) -> Any: ...
