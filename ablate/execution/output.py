"""What worker processes print, native libraries and crashes included; the last of it goes into the log of a failure."""

import os
import re
import threading
from multiprocessing.connection import Connection

from ablate.text import clean

TAIL = 4_000  # characters kept of what a failing run printed
_PIECE = 2**16  # bytes read at a time, as many as a pipe holds
_PIECES = 16  # read in one go; somebody may print without end
_WAIT = 0.5  # seconds between two looks at whether anybody still wants to know
_MODULES = re.compile(r"^\n?Extension modules: .*\n?", re.MULTILINE)  # 200 names after the traceback of a crash


class Tail:
    """A pipe for the output of processes, read as fast as they write, of which only the end is remembered.

    Attributes:
        writer: the end to hand to a process, which makes it its file descriptors 1 and 2.
    """

    def __init__(self) -> None:
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        self._reader = Connection(reader, writable=False)
        self.writer = Connection(writer, readable=False)
        self._end = b""
        self._closed = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._read_on, daemon=True)
        self._thread.start()

    def begin(self) -> None:
        """Forget what was printed so far."""
        self._drain()
        with self._lock:
            self._end = b""

    def text(self) -> str:
        """The last `TAIL` characters that were printed, fit to be shown; bytes that are no UTF-8 are replaced."""
        self._drain()
        return clean(_MODULES.sub("", self._end.decode(errors="replace")))[-TAIL:]

    def close(self) -> None:
        """Stop reading. Processes that still hold the pipe get an error when they write."""
        self._closed = True
        self.writer.close()
        self._thread.join()
        self._reader.close()

    def _read_on(self) -> None:
        while not self._closed:
            if self._reader.poll(_WAIT) and not self._drain():
                return

    def _drain(self) -> bool:
        """Read what is there; False at the end of the pipe, when nobody can write any more."""
        with self._lock:
            for _ in range(_PIECES):
                try:
                    piece = os.read(self._reader.fileno(), _PIECE)
                except BlockingIOError:
                    return True
                if not piece:
                    return False
                self._end = (self._end + piece)[-4 * TAIL :]
        return True
