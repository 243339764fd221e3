from typing import Any

from grilly_vk.nir import *

def __getattr__(name: str) -> Any: ...
