#!/usr/bin/env python3
"""Stores of many cases: start, rebuild, pages of the real desk, memory, by size.

usage: store.py [--dir DIR | --stores DIR] [--requests N] BODE MAKER SIZE...

MAKER is the bench program `store`, which makes the stores by the store's own functions. Printed per size: making, disk,
start after a clean stop (until the desk answers, and of that the store), rebuild from originals and journal, the 99th
percentile of pages over HTTP, and the peak of memory. Needs a bode and a maker built with --release; a million cases
need 40 GB and 10 million inodes. `--stores` leaves them there, for desk.py and idle.py to take.
"""
import argparse
import json
import os
import random
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from office import Browser, Office, Running, p99

LAST_PAGE = 200


def maker(program, *arguments):
    told = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if told.returncode:
        raise SystemExit(told.stderr)
    return json.loads(told.stdout)


def of_size(stores, size):
    """Where a store of this size is left for another bench."""
    return stores / str(size) / "store"


def laid(office, stores, size, program):
    """A copy of the store that another bench left there, or one made now: what a bench takes in, the next must not find."""
    if stores and of_size(stores, size).is_dir():
        subprocess.run(["cp", "-a", of_size(stores, size), office.store], check=True)
        os.sync()
    else:
        maker(program, "make", office.store, size)


def numbers(running, browser):
    page = json.loads(browser.get("/api/v1/cases?status=all&sort=newest"))
    return page["total"], page["cases"][0]["number"]


def pages(size, browser, requests):
    rng = random.Random(size)
    total, _ = numbers(None, browser)
    assert total == size, (total, size)
    bodies = ["gemeente-den-haag", "uwv", "belastingdienst", "cak"]
    cases = []
    for _ in range(requests):
        found = json.loads(browser.get(f"/api/v1/cases?status=all&sort={rng.choice(['newest', 'oldest'])}&page={rng.randrange(1, 200)}"))
        if found["cases"]:
            cases.append(rng.choice(found["cases"])["number"])
    names = ["Anja", "Bram", "Carla", "Dirk", "Fatima", "Noor"]
    places = ["appelboom", "dijkeik", "parkveld", "molenkade", "heuveliep"]
    words = ["paspoort", "kinderopvang", "uitkering", "balie"]
    last = min(LAST_PAGE, max(1, size // 60))
    kinds = {
        "queue": lambda: "/?" + rng.choice(["", f"page={rng.randrange(1, 5)}"]),
        "deep": lambda: f"/?page={rng.randrange(1, last)}",
        "filters": lambda: rng.choice([f"/?about={rng.choice(bodies)}", "/?who=proef", "/?due=late", "/?queue=spoed&sort=oldest",
                                       "/?status=closed", "/?sort=newest", f"/?queue=beoordelen&about={rng.choice(bodies)}"]),
        "search": lambda: rng.choice([f"/?q={rng.choice(names)}+{rng.choice(places)}", f"/?q={rng.choice(words)}",
                                      f"/?q={rng.choice(words)}+{rng.randrange(1000)}", f"/?q={rng.randrange(1, size)}"]),
        "case": lambda: f"/cases/{rng.choice(cases)}",
    }
    found = {}
    for kind, path in kinds.items():
        browser.times([path() for _ in range(20)])
        found[kind] = p99(browser.times([path() for _ in range(requests)]))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bode")
    parser.add_argument("maker")
    parser.add_argument("sizes", type=int, nargs="+")
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--stores", type=Path)
    args = parser.parse_args()
    print(f"{'cases':>9} {'made/s':>7} {'disk GB':>8} {'start s':>8} {'store s':>8} {'rebuilt/s':>9} "
          f"{'queue ms':>9} {'deep ms':>8} {'filter ms':>9} {'search ms':>9} {'case ms':>8} {'daemon MB':>9} {'rebuild MB':>10}", flush=True)
    for size in args.sizes:
        with tempfile.TemporaryDirectory(dir=args.dir, prefix=f"bode-store-{size}-") as folder:
            row(args, Path(folder), size)


def row(args, folder, size):
    office = Office(args.bode, folder)
    if args.stores:
        left = of_size(args.stores, size)
        shutil.rmtree(left, ignore_errors=True)
        left.parent.mkdir(parents=True, exist_ok=True)
        office.store.symlink_to(left.resolve())
    made = maker(args.maker, "make", office.store.resolve(), size)
    disk = int(subprocess.run(["du", "-s", "--block-size=1M", office.store.resolve()], capture_output=True, text=True).stdout.split()[0]) / 1024
    opened = maker(args.maker, "open", office.store)
    office.user()
    running = Running(office)
    running.wait(lambda running: running.count("bode is running"), each=0.005)
    start = time.monotonic() - running.began
    found = pages(size, Browser(running.desk), args.requests)
    running.measure()
    running.stop()
    rebuilt = maker(args.maker, "rebuild", office.store)
    print(f"{size:>9} {size / made['seconds']:>7.0f} {disk:>8.2f} {start:>8.2f} {opened['seconds']:>8.2f} "
          f"{size / rebuilt['seconds']:>9.0f} {found['queue']:>9.1f} {found['deep']:>8.1f} {found['filters']:>9.1f} "
          f"{found['search']:>9.1f} {found['case']:>8.1f} {running.peaks['daemon']:>9} {rebuilt['peak_kb'] // 1024:>10}", flush=True)


if __name__ == "__main__":
    main()
