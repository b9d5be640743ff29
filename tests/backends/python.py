# SPDX-License-Identifier: GPL-2.0
"""python.py BACKEND MODULE: runs one of CPython's test modules, in the machine.

On kevent, KeventSelector stands where EpollSelector and the default do, so that the tests
of these are its tests. Prints a line for each test, for run.sh:
    test python BACKEND NAME ok|skip|fail
"""

import asyncio
import faulthandler
import importlib
import selectors
import sys
import unittest

import kevent

# They test others, which are the same in both runs.
OTHERS = {"SelectSelectorTestCase", "PollSelectorTestCase", "SelectEventLoopTests",
          "PollEventLoopTests"}


class Result(unittest.TestResult):
    def say(self, test, status, why=""):
        print("test python", backend, test.id(), status, flush=True)
        if why:
            print(why, flush=True)

    def addSuccess(self, test):
        self.say(test, "ok")

    addExpectedFailure = addUnexpectedSuccess = lambda self, test, *_: self.addSuccess(test)

    def addSkip(self, test, reason):
        self.say(test, "skip")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.say(test, "fail", self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.say(test, "fail", self.errors[-1][1])

    def addSubTest(self, test, subtest, err):
        if err:
            self.addFailure(test, err)


def tests_of(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from tests_of(test)
        elif type(test).__name__ not in OTHERS:
            yield test


backend, name = sys.argv[1:]
if backend == "kevent":
    selectors.EpollSelector = selectors.DefaultSelector = kevent.KeventSelector
    asyncio.set_event_loop_policy(kevent.KeventEventLoopPolicy())
    assert isinstance(asyncio.new_event_loop(), kevent.KeventEventLoop)
if name == "test.test_selectors":
    # What is tested of kqueue alone is expected of all.
    selectors.KqueueSelector = selectors.EpollSelector
module = importlib.import_module(name)
tests = unittest.TestSuite(tests_of(unittest.defaultTestLoader.loadTestsFromModule(module)))
faulthandler.dump_traceback_later(900, exit=True)
tests.run(Result())
print("end python", backend, name, flush=True)
