# SPDX-License-Identifier: GPL-2.0
"""What KeventSelector does beyond what CPython's tests ask of every selector."""

import asyncio
import os
import selectors
import socket
import time
import unittest

import kevent


class SelectorTests(unittest.TestCase):
    def setUp(self):
        self.selector = kevent.KeventSelector()
        self.addCleanup(self.selector.close)
        self.reader, self.writer = socket.socketpair()
        self.addCleanup(self.reader.close)
        self.addCleanup(self.writer.close)

    def watches(self):
        with open(f"/proc/self/fdinfo/{self.selector.fileno()}") as info:
            return sum(line.startswith("watch:") for line in info)

    def test_unregister_ends_watch_of_closed(self):
        fd = os.dup(self.reader.fileno())
        self.selector.register(fd, selectors.EVENT_READ)
        self.assertEqual(self.watches(), 1)
        os.close(fd)                    # the file is open still
        self.selector.unregister(fd)
        self.assertEqual(self.watches(), 0)

    def test_unregister_spares_who_has_the_number_now(self):
        fd = os.dup(self.reader.fileno())
        self.selector.register(fd, selectors.EVENT_READ)
        os.dup2(self.writer.fileno(), fd)
        self.addCleanup(os.close, fd)
        self.selector.unregister(fd)
        self.assertEqual(self.watches(), 0)
        self.selector.register(fd, selectors.EVENT_READ)
        self.reader.send(b"x")
        self.assertEqual([key.fd for key, _ in self.selector.select(5)], [fd])

    def test_modify_that_fails_unregisters(self):
        fd = os.dup(self.reader.fileno())
        self.selector.register(fd, selectors.EVENT_READ)
        os.close(fd)
        self.reader.close()
        with self.assertRaises(OSError):
            self.selector.modify(fd, selectors.EVENT_WRITE)
        with self.assertRaises(KeyError):
            self.selector.get_key(fd)

    def test_events_are_true(self):
        self.selector.register(self.reader, selectors.EVENT_READ)
        self.writer.send(b"x")
        self.assertEqual(self.reader.recv(1), b"x")
        self.assertEqual(self.selector.select(0), [])

    def test_end_is_reported_as_what_was_asked(self):
        self.selector.register(self.reader, selectors.EVENT_READ)
        self.selector.register(self.writer, selectors.EVENT_WRITE)
        self.reader.shutdown(socket.SHUT_RDWR)
        events = {key.fileobj: events for key, events in self.selector.select(5)}
        self.assertEqual(events, {self.reader: selectors.EVENT_READ,
                                  self.writer: selectors.EVENT_WRITE})

    def test_timeout_is_finer_than_ms(self):
        best = 1.0
        for _ in range(200):
            start = time.monotonic()
            self.selector.select(0.0001)
            best = min(best, time.monotonic() - start)
        self.assertGreaterEqual(best, 0.0001)
        self.assertLess(best, 0.001)


class LoopTests(unittest.TestCase):
    def test_policy(self):
        self.addCleanup(asyncio.set_event_loop_policy, None)
        asyncio.set_event_loop_policy(kevent.KeventEventLoopPolicy())

        async def talk():
            self.assertIsInstance(asyncio.get_running_loop(), kevent.KeventEventLoop)

            async def echo(reader, writer):
                writer.write(await reader.readline())
                writer.close()
            server = await asyncio.start_server(echo, "127.0.0.1", 0)
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"hello\n")
            self.assertEqual(await reader.read(), b"hello\n")
            writer.close()
            server.close()
        asyncio.run(talk())
