"""Runs commands of smpmgr, each in a fork of this process: smpmgr's imports take longer than any of its commands.

It is started with the interpreter of smpmgr's own environment. A line on stdin is JSON: the arguments, and a file for
what the command prints. The answer is the exit status.
"""

from __future__ import annotations

import json
import os
import sys

from smpmgr.main import app

for line in sys.stdin:
    arguments, printed = json.loads(line)
    command = os.fork()
    if command == 0:
        output = os.open(printed, os.O_WRONLY | os.O_CREAT)
        os.dup2(output, 1)
        os.dup2(output, 2)
        sys.argv = ["smpmgr", *arguments]
        app()
    _, status = os.waitpid(command, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201 - the answer
