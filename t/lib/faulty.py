# SPDX-License-Identifier: GPL-2.0-or-later
"""A server with fault points, whose sm has a disk that fails as it is told (t/fault/disk.h)."""
import os
import shutil
import signal

from server import BUILD, Server
from tap import Skip

FAULTS = os.path.join(BUILD, "fault")


class Faulty(Server):
    def __init__(self, **more):
        if not os.path.exists(os.path.join(FAULTS, "sm")):
            raise Skip("no build with fault points: make faulty")
        super().__init__(build=FAULTS, start=False, **more)
        self.disk()
        self.start_sm()
        self.start_c2s()

    def start_sm(self, environment=None):
        super().start_sm({"GATEHOUSE_DISK": os.path.join(self.folder, "disk"), **(environment or {})})

    def disk(self, *rules):
        """From now on the disk fails so; without rules it works."""
        path = os.path.join(self.folder, "disk")
        with open(path + ".new", "w") as f:
            f.write("".join(rule + "\n" for rule in rules))
        os.rename(path + ".new", path)

    def failing_point(self, point):
        """Starts sm again; its first child is to die there."""
        self.terminate("sm")
        self.forget_log("sm")
        self.start_sm({"GATEHOUSE_FAULT": point})

    def has_died(self):
        return "event=child_end" in self.log("sm")

    def state(self, name="store.db-writer"):
        return next(d["state"] for d in self.status()["databases"] if d["name"] == name)

    def stored(self, user):
        """How many messages this sm has said to be in the store."""
        return self.log("sm").count(f"event=offline user={user}@localhost what=stored")

    def waiting(self, user):
        """How many messages are in the store."""
        return int(self.sm("offline", "show", f"{user}@localhost").stdout.split()[0])

    def power_is_gone(self):
        return self.processes["sm"].poll() is not None

    def end_with_power(self):
        """What went with the power: every process, and what is in memory only."""
        for name in ("c2s", "sm"):
            if self.processes[name].poll() is None:
                os.killpg(self.processes[name].pid, signal.SIGKILL)
            self.processes[name].wait()
        shutil.rmtree(os.path.join(self.folder, "run"))
        os.mkdir(os.path.join(self.folder, "run"), 0o700)
        self.disk()
