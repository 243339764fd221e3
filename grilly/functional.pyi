from typing import Any

from grilly_vk.functional import *

def __getattr__(name: str) -> Any: ...
