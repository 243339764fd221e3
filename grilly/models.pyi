from typing import Any

from grilly_vk.models import *

def __getattr__(name: str) -> Any: ...
