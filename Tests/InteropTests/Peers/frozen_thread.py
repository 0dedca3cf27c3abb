# Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
"""Starts a bridge, stops one of its threads as a debugger would, and sees how the process ends on SIGTERM.

Use: frozen_thread.py THREAD PORT PROGRAM ARGUMENTS…   THREAD is the thread's name, or main.
Prints one JSON object: seconds from the signal to the end, and the exit status.
"""
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request

PTRACE_SEIZE, PTRACE_INTERRUPT = 0x4206, 0x4207
WALL = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def ptrace(request, thread):
    if libc.ptrace(request, thread, None, None) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")


def find(process, name):
    if name == "main":
        return process
    for thread in os.listdir(f"/proc/{process}/task"):
        with open(f"/proc/{process}/task/{thread}/comm", encoding="ascii") as comm:
            if comm.read().strip() == name:
                return int(thread)
    sys.exit(f"no thread {name}")


def wait_until_healthy(port):
    for _ in range(600):
        try:
            urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                f"http://127.0.0.1:{port}/about/health", timeout=2)
            return
        except OSError:
            time.sleep(0.05)
    sys.exit("not healthy")


name, port, command = sys.argv[1], sys.argv[2], sys.argv[3:]
# PR_SET_PDEATHSIG: the bridge does not outlive this program.
process = subprocess.Popen(command, preexec_fn=lambda: libc.prctl(1, signal.SIGKILL)).pid
try:
    wait_until_healthy(port)
    thread = find(process, name)
    ptrace(PTRACE_SEIZE, thread)
    ptrace(PTRACE_INTERRUPT, thread)
    os.waitpid(thread, WALL)
    begin = time.monotonic()
    os.kill(process, signal.SIGTERM)
    while True:
        ended, status = os.waitpid(-1, WALL)
        if ended == process and (os.WIFEXITED(status) or os.WIFSIGNALED(status)):
            break
    code = os.waitstatus_to_exitcode(status)
    print(json.dumps({"seconds": time.monotonic() - begin, "status": code}))
except BaseException:
    os.kill(process, signal.SIGKILL)
    raise
