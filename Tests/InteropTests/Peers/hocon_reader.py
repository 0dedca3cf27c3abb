#!/usr/bin/env python3
# Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
"""Reads HOCON with pyhocon: argument 1 is a JSON list of {"files": {name: text}, "main": text}.

Prints a JSON list with the tree of each, or null where it was refused. Texts and numbers become text, a duration
becomes {"$us": microseconds}.
"""

import datetime
import json
import logging
import os
import sys
import tempfile

from pyhocon import ConfigFactory, ConfigTree


def plain(value):
    if isinstance(value, ConfigTree):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime.timedelta):
        return {"$us": value // datetime.timedelta(microseconds=1)}
    return str(value)


def read(case):
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for name, text in case["files"].items():
            with open(name, "w", encoding="utf-8") as file:
                file.write(text)
        try:
            return plain(ConfigFactory.parse_string(case["main"]))
        except Exception:  # whatever it is, it was refused
            return None
        finally:
            os.chdir("/")


logging.disable(logging.CRITICAL)
with open(sys.argv[1], encoding="utf-8") as file:
    json.dump([read(case) for case in json.load(file)], sys.stdout)
