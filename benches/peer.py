"""What the benches beside other programs share: a program that is measured while it is fed, and what it cost.

Processor time and memory are of all processes below the ones that were started, and of those that feed it where the program
itself asks to be fed that way. Memory is the proportional set size (PSS): a page that five processes share counts once.
"""
import os
import re
import resource
import signal
import socket
import subprocess
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from office import SYNCS

TICKS = os.sysconf("SC_CLK_TCK")
LOOK = 0.2  # seconds between two looks at the memory
PATIENCE = 900  # seconds for all messages of one pass


def strace(path):
    return ["strace", "-f", "-qq", "--seccomp-bpf", "-e", "trace=" + ",".join(SYNCS), "-e", "signal=none", "-o", str(path)]


def as_user(name):
    """In front of a command that must not be root's; nothing where we are somebody else already."""
    return ["runuser", "-u", name, "--"] if os.getuid() == 0 else []


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def until(true, seconds, what, each=0.05):
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise SystemExit(f"{what}: not in {seconds} s")
        time.sleep(each)


def answers(port):
    with socket.socket() as one:
        one.settimeout(5)
        return one.connect_ex(("127.0.0.1", port)) == 0


class Peer:
    """A program under test. Who inherits it gives `start`, `feed`, `stop`, `stored` and the words of the table."""

    name = version = setting = does = "?"

    def __init__(self, folder, sink, trace):
        self.dir, self.sink, self.trace = folder, sink, trace
        self.roots = []    # processes that stay
        self.feeders = {}  # processes that bring one message, while they run
        self.traces = []

    def spawn(self, command, log, ends_by=signal.SIGTERM, **how):
        """A process that stays; under strace where syncs are counted."""
        if self.trace:
            command = [*self.traced(log), *command]
        with open(self.dir / f"{log}.log", "ab") as out:
            process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, start_new_session=True, **how)
        process.ends_by = ends_by
        self.roots.append(process)
        return process

    def traced(self, log):
        path = self.dir / f"{log}.{len(self.traces)}.strace"
        self.traces.append(path)
        return strace(path)

    def bring(self, command, content, **how):
        """One message by one process, as a mail server's pipe does."""
        if self.trace:
            command = [*self.traced("feeder"), *command]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **how)
        self.feeders[process.pid] = process
        said, _ = process.communicate(content)
        del self.feeders[process.pid]
        if process.returncode:
            raise RuntimeError(f"{command[0]} ends with {process.returncode}: {said.decode(errors='replace')[:500]}")

    def bring_all(self, command, messages, at_once, **how):
        with ThreadPoolExecutor(at_once) as pool:
            for done in [pool.submit(self.bring, command, content, **how) for content in messages]:
                done.result()

    def syncs(self):
        found = dict.fromkeys(SYNCS, 0)
        for path in list(self.traces):
            for call in re.findall(r"\b(%s)\(" % "|".join(SYNCS), path.read_text() if path.exists() else ""):
                found[call] += 1
        return found

    def part(self, pid):
        """What a process is called in the list of parts."""
        return Path(f"/proc/{pid}/comm").read_text().strip()

    def tree(self):
        below, found = defaultdict(list), []
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    below[int(Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()[1])].append(int(entry))
                except OSError:
                    pass
        row = [process.pid for process in self.roots] + list(self.feeders)
        while row:
            pid = row.pop()
            found.append(pid)
            row += below[pid]
        return found

    def stop(self):
        """What was started last ends first."""
        for process in reversed(self.roots):
            end(process, self.tree(), process.ends_by)
        self.roots = []


def end(process, below, sign):
    """Ends what we started, by id, and whatever of it stays."""
    if process.poll() is None:
        # strace and runuser pass no signal on: the program below them gets it.
        for pid in [process.pid, *below_of(process.pid)]:
            signalled(pid, sign)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            signalled(process.pid, signal.SIGKILL)
            process.wait(10)
    for pid in below:
        if Path(f"/proc/{pid}").exists() and session(pid) == process.pid:
            signalled(pid, signal.SIGKILL)


def below_of(pid):
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [int(child) for child in children] + [one for child in children for one in below_of(int(child))]


def session(pid):
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[3])
    except OSError:
        return 0


def signalled(pid, sign):
    try:
        os.kill(pid, sign)
    except ProcessLookupError:
        pass


class Meter(threading.Thread):
    """Looks at the memory of a peer until it is told to end; the processor time is read at begin and end."""

    def __init__(self, peer):
        super().__init__(daemon=True)
        self.peer, self.peak, self.parts, self.ended = peer, 0, {}, threading.Event()

    def __enter__(self):
        self.cpu = self.seconds()
        self.fed = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.began = time.monotonic()
        self.start()
        return self

    def __exit__(self, *_):
        self.took = time.monotonic() - self.began
        self.ended.set()
        fed = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.cpu = self.seconds() - self.cpu + fed.ru_utime - self.fed.ru_utime + fed.ru_stime - self.fed.ru_stime
        self.join()

    def seconds(self):
        """Of the processes that stay, with the ended children that they waited for. A child that ends hands its time to its
        parent, so that the difference of two looks holds both."""
        found = 0
        for pid in self.peer.tree():
            if pid not in self.peer.feeders:
                try:
                    found += sum(map(int, Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:15]))
                except OSError:
                    pass
        return found / TICKS

    def run(self):
        while not self.ended.wait(LOOK):
            parts = defaultdict(int)
            for pid in self.peer.tree():
                try:
                    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
                    parts[self.peer.part(pid)] += int(re.search(r"^Pss:\s+(\d+)", rollup, re.M).group(1))
                except (OSError, AttributeError):
                    pass
            if sum(parts.values()) > self.peak:
                self.peak, self.parts = sum(parts.values()), dict(parts)
