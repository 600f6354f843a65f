# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenes as TAP: @scene("a sentence") registers one, play() runs them in order and prints the result."""
import atexit
import os
import sys
import traceback

_scenes = []


class Skip(Exception):
    """Raised by a scene that cannot be played here; the reason is its text."""


def scene(title):
    def register(function):
        _scenes.append((title, function))
        return function
    return register


def check(truth, words="expectation does not hold"):
    if not truth:
        raise AssertionError(words)


def equal(got, wanted, what="value"):
    if got != wanted:
        raise AssertionError(f"{what}: got {got!r}, wanted {wanted!r}")


def play(*arguments):
    """Runs every scene with these arguments; ends the program with status 1 when one failed."""
    only = sys.argv[1:]
    chosen = [s for s in _scenes if not only or any(word in s[0] for word in only)]
    print(f"TAP version 13\n1..{len(chosen)}", flush=True)
    failed = 0
    for number, (title, function) in enumerate(chosen, 1):
        title = title.replace("#", "\\#")
        try:
            function(*arguments)
            print(f"ok {number} - {title}", flush=True)
        except Skip as why:
            print(f"ok {number} - {title} # SKIP {why}", flush=True)
        except BaseException as fault:
            if isinstance(fault, KeyboardInterrupt):
                raise
            failed += 1
            print(f"not ok {number} - {title}")
            for line in traceback.format_exc().splitlines():
                print("# " + line)
            for argument in arguments:
                if hasattr(argument, "explain"):
                    for line in argument.explain():
                        print("# " + line)
            sys.stdout.flush()
    return failed


def finish(failed):
    """Ends the program, and what scenes left behind, threads that hang included."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(1 if failed else 0)
