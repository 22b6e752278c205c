"""Free ports, and programs that are stopped at the end."""

import contextlib
import socket
import subprocess
import time
import urllib.request


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def running(command, log):
    """Runs a program until the block ends."""
    with open(log, "wb") as out:
        program = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        try:
            yield program
        finally:
            program.terminate()
            try:
                program.wait(10)
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait(10)


def wait_for(what, ready, seconds=30):
    """Asks again and again until there is a result."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            result = ready()
            if result:
                return result
        time.sleep(0.1)
    raise SystemExit(f"otlp: {what} is not ready in {seconds} s")


def get(url):
    with urllib.request.urlopen(url, timeout=10) as response:
        return response.read()


def can_connect(port):
    with socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
