# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
"""/dev/kevent for Python's selectors and asyncio.

KeventSelector takes the place of selectors.EpollSelector; KeventEventLoop is an
event loop of asyncio on it, and KeventEventLoopPolicy makes such loops.

    asyncio.Runner(loop_factory=kevent.KeventEventLoop)
    asyncio.set_event_loop_policy(kevent.KeventEventLoopPolicy())

There is no policy where asyncio has none any more, from Python 3.16 on.

This module needs nothing but /dev/kevent. Where that can't be opened, the
constructors raise OSError.
"""

import array
import asyncio
import fcntl
import math
import selectors
import struct
import time

__all__ = ["KeventSelector", "KeventEventLoop"]
if "DefaultEventLoopPolicy" in vars(asyncio):   # until 3.13
    __all__.append("KeventEventLoopPolicy")

_INIT, _GET_EVENTS, _CHANGE = 0xC040EB01, 0xC038EB03, 0xC040EB0A
_ADD, _REMOVE, _MODIFY = 0 << 28, 1 << 28, 2 << 28
_POLL = 3
_LAST_CHECK, _ALWAYS_QUEUE, _COOKIE = 0x08, 0x10, 0x400
_TERMS = _LAST_CHECK | _ALWAYS_QUEUE        # what is reported is true at that moment
_ABSTIME, _TIMEOUT = 0x01, 0x02
_BATCH_MAX = 65536

_UKEVENT = struct.Struct("=Q6IQ3Q")         # id, type, event, req, ret, data[2], ptr, param[3]
_CAME = struct.Struct("=I20xI36x")          # of an event: the descriptor, the bits
_GET = struct.Struct("=Q4I2qQ2I")           # events, min, max, flags, clock, timeout, sigmask
_COOKIE_AT = struct.Struct("=40xQ16x")

_POLLIN, _POLLOUT = 0x1, 0x4
_BITS = (0, _POLLIN, _POLLOUT, _POLLIN | _POLLOUT)      # of EVENT_READ | EVENT_WRITE


class KeventSelector(selectors._BaseSelectorImpl):
    """A selector on a queue of /dev/kevent."""

    def __init__(self):
        super().__init__()
        self._cookies = {}
        self._events = array.array("Q", bytes(_UKEVENT.size))
        self._queue = open("/dev/kevent", "r+b", buffering=0)
        fcntl.ioctl(self._queue, _INIT, bytearray(64))

    def fileno(self):
        return self._queue.fileno()

    def close(self):
        self._queue.close()
        super().close()

    def _change(self, command, fd, events=0, cookie=0):
        """Makes a change; gives the cookie that comes back."""
        change = bytearray(_UKEVENT.pack(fd, _POLL, _BITS[events], command,
                                         0, 0, 0, 0, cookie, 0, 0))
        fcntl.ioctl(self._queue, _CHANGE, change)
        return _COOKIE_AT.unpack(change)[0]

    # The file may have been closed, and its number may be that of another by now:
    # the cookie still names the watch.
    def _end(self, fd):
        try:
            self._change(_REMOVE | _COOKIE, 0, cookie=self._cookies.pop(fd))
        except OSError:
            pass

    def register(self, fileobj, events, data=None):
        key = super().register(fileobj, events, data)
        try:
            self._cookies[key.fd] = self._change(_ADD | _TERMS, key.fd, events)
        except BaseException:
            super().unregister(fileobj)
            raise
        return key

    def unregister(self, fileobj):
        key = super().unregister(fileobj)
        self._end(key.fd)
        return key

    def modify(self, fileobj, events, data=None):
        key = self.get_key(fileobj)
        if events == key.events and data == key.data:
            return key
        if not events or events & ~(selectors.EVENT_READ | selectors.EVENT_WRITE):
            raise ValueError(f"Invalid events: {events!r}")
        if events != key.events:
            try:
                self._change(_MODIFY | _TERMS | _COOKIE, key.fd, events,
                             self._cookies[key.fd])
            except BaseException:
                self.unregister(fileobj)
                raise
        key = key._replace(events=events, data=data)
        self._fd_to_key[key.fd] = key
        return key

    def _room(self):
        """An array that has room for an event of each descriptor."""
        want = min(len(self._fd_to_key), _BATCH_MAX)
        if len(self._events) < want * 8:
            # A new one: another thread may wait with the old.
            self._events = array.array("Q", bytes(2 * want * _UKEVENT.size))
        return self._events

    def _wait(self, timeout):
        """Sleeps; gives what has come. The time is absolute: a signal does not extend it."""
        events = self._room()
        address, words = events.buffer_info()
        least, flags, seconds, ns = 1, 0, 0, 0
        if timeout is not None:
            if timeout <= 0:
                least = 0
            else:
                flags = _ABSTIME | _TIMEOUT
                seconds, ns = divmod(time.monotonic_ns() + math.ceil(timeout * 1e9), 10**9)
        call = bytearray(_GET.pack(address, least, min(words // 8, _BATCH_MAX), flags,
                                   time.CLOCK_MONOTONIC, seconds, ns, 0, 0, 0))
        while True:
            try:
                num = fcntl.ioctl(self._queue, _GET_EVENTS, call)
            except InterruptedError:
                continue                # Python has called the signal's handler
            return _CAME.iter_unpack(memoryview(events).cast("B")[:num * _UKEVENT.size])

    def select(self, timeout=None):
        ready = []
        for fd, bits in self._wait(timeout):
            key = self._fd_to_key.get(fd)
            if key:
                # An error, or the end, is found by reading and by writing.
                events = bool(bits & ~_POLLOUT) | bool(bits & ~_POLLIN) << 1
                ready.append((key, events & key.events))
        return ready


class KeventEventLoop(asyncio.SelectorEventLoop):
    """An event loop of asyncio on a KeventSelector."""

    def __init__(self):
        super().__init__(KeventSelector())


# Made for who asks for it: from Python 3.14 on its base gives a warning, and goes in 3.16.
def __getattr__(name):
    if name != "KeventEventLoopPolicy" or not hasattr(asyncio, "DefaultEventLoopPolicy"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    class KeventEventLoopPolicy(asyncio.DefaultEventLoopPolicy):
        """A policy whose loops are KeventEventLoops."""

        __qualname__ = name

        def new_event_loop(self):
            return KeventEventLoop()

    return globals().setdefault(name, KeventEventLoopPolicy)
