#!/usr/bin/env python3
"""A daemon at rest: how long it takes to start, and what it holds and does while nothing comes.

usage: idle.py [--minutes 5] [--starts 5] [--store DIR | --stores DIR] BODE [MAKER SIZE...]

`--store` takes a store that is there; else MAKER, the bench program `store`, makes one of each SIZE. Each is started some times and ended
as systemd would; start is until the log says that bode runs, with the desk open. Then twenty messages come in and are answered, the words
of all texts are awaited, and from there on nothing comes: a Maildir and a scan folder are looked at, two reading workers wait, the desk is open. Resident
memory is the daemon's alone, workers apart: `program` of it are pages of the program's own file, which the system takes back when it needs
them and which a second office shares; `heap` is the rest.
"""
import argparse
import os
import re
import tempfile
import time
from pathlib import Path

from desk import texts_behind
from office import Office, Running, Sink, drop, message
from store import laid

TICK = os.sysconf("SC_CLK_TCK")


def memory(pid):
    """Megabytes resident: all, of files, and the heap."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    rss, anonymous = (int(re.search(rf"^{name}:\s+(\d+)", rollup, re.M).group(1)) / 1024 for name in ("Rss", "Anonymous"))
    return rss, rss - anonymous, anonymous


def work(pid):
    """Processor seconds, and by thread how often it was woken."""
    stat = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    woken = {task.name: int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", (task / "status").read_text(), re.M).group(1))
             for task in Path(f"/proc/{pid}/task").iterdir()}
    return sum(map(int, stat[11:13])) / TICK, woken


def woken_since(before, after):
    """Of the threads that are still there; one that ended took its count with it, and was one that had nothing to do."""
    return sum(count - before.get(thread, 0) for thread, count in after.items())


def started(office):
    running = Running(office)
    running.wait(lambda running: running.count("bode is running"), each=0.002)
    return running, time.monotonic() - running.began


def row(args, office, sink, size):
    times = []
    for _ in range(args.starts):
        running, seconds = started(office)
        running.stop()
        times.append(seconds * 1000)
    times.sort()
    running, _ = started(office)
    try:
        pid = running.tree()[0]
        fresh = memory(pid)[0]
        for number in range(20):
            drop(office.maildir, number, message(number, seed=11))
        running.wait(lambda running: running.count("answer sent") >= 20)
        while texts_behind(running.desk) != 0:
            time.sleep(0.2)
        time.sleep(15)
        seconds, woken = work(pid)
        began = time.monotonic()
        time.sleep(args.minutes * 60)
        passed = time.monotonic() - began
        after, woken_after = work(pid)
        rss, program, heap = memory(pid)
        print(f"{size:>9} {times[len(times) // 2]:>9.0f} {times[-1]:>10.0f} {fresh:>9.1f} {rss:>8.1f} {program:>11.1f} {heap:>8.1f} "
              f"{100 * (after - seconds) / passed:>10.3f} {woken_since(woken, woken_after) / passed:>8.1f}", flush=True)
    finally:
        running.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bode")
    parser.add_argument("maker", nargs="?")
    parser.add_argument("sizes", type=int, nargs="*")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--store", type=Path)
    parser.add_argument("--stores", type=Path)
    args = parser.parse_args()
    print(f"program {os.stat(args.bode).st_size / 1e6:.1f} MB; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{'cases':>9} {'start ms':>9} {'slowest ms':>10} {'fresh MB':>9} {'idle MB':>8} {'program MB':>11} {'heap MB':>8} "
          f"{'core %':>10} {'woken/s':>8}", flush=True)
    for size in args.sizes or [0]:
        with tempfile.TemporaryDirectory(prefix="bode-idle-") as folder:
            sink = Sink(Path(folder) / "smtp")
            office = Office(args.bode, Path(folder), sink)
            # The pauses between two looks as an office has them.
            office.config.write_text(re.sub(r"(poll|still)_seconds = 1\n", "", office.config.read_text()))
            if args.store:
                office.store.symlink_to(args.store.resolve())
            elif size:
                laid(office, args.stores, size, args.maker)
            row(args, office, sink, "given" if args.store else size)


if __name__ == "__main__":
    main()
