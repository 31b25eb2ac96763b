"""What schemathesis puts into a place of a path: mostly something that is there, so that not all it sees is a 404."""

import json
import os
import zlib

import schemathesis

KNOWN = json.loads(os.environ["VOD_TEST_KNOWN"])


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    for name, values in KNOWN.items():
        value = path_parameters.get(name) if path_parameters else None
        # Two of three, always the same for the same value, so that a failure can be had again.
        chance = zlib.crc32(str(value).encode(errors="replace"))
        if value is not None and chance % 3:
            path_parameters[name] = values[chance // 3 % len(values)]
    return path_parameters


@schemathesis.hook
def before_call(context, case, kwargs):
    """Who may wait a minute waits a second: there are thousands of requests."""
    wait = str((case.query or {}).get("wait"))
    if wait.isascii() and wait.isdigit() and 1 < int(wait) <= 60:
        case.query["wait"] = 1
