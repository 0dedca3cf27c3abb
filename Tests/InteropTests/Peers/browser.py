# Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
"""What the browsers of the tests have in common: a profile of their own, a log, an end."""

import os
import shutil
import signal
import subprocess
import tempfile
import time


class Browser:
    """A running browser. Use as a context: it ends with it, and nothing of it stays behind."""

    def __enter__(self):
        self.profile = tempfile.mkdtemp(prefix=f"viaduct-{type(self).__name__.lower()}-")
        self.log = open(os.path.join(self.profile, "log"), "wb")
        self.process = None
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def run(self, command, environment, **options):
        """Starts the program."""
        # Test programs block signals in their threads, all children inherit that, and the browser would not end by one.
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
            env={**os.environ, "TMPDIR": self.profile, **environment},
            **options,
        )

    def wait_for_port(self, name):
        """The first word of the file in the profile in which the browser tells its remote port."""
        file = os.path.join(self.profile, name)
        deadline = time.monotonic() + 60
        while not (os.path.exists(file) and open(file).read().strip()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                text = open(self.log.name, errors="replace").read()
                raise RuntimeError(f"{type(self).__name__} did not start: {text[-2000:]}")
            time.sleep(0.05)
        return int(open(file).read().split()[0])

    def __exit__(self, *_):
        # The whole group: its parts may outlive the first process.
        for number in (signal.SIGTERM, signal.SIGKILL) if self.process else ():
            try:
                os.killpg(self.process.pid, number)
                self.process.wait(5)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                pass
        self.log.close()
        shutil.rmtree(self.profile, ignore_errors=True)
