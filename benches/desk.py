#!/usr/bin/env python3
"""The desk with many users at the same time: how long each kind of page takes, and how much each weighs.

usage: desk.py [--store DIR | --stores DIR] [--now] [--users 20] [--seconds 30] [--think 0.5] BODE [MAKER SIZE...]

Each user has a session of their own, waits a moment between two pages (`--think` on average) and goes about as staff do:
queue, filters, pages further on, cases, searches by name, by words of texts, and by words that are typed wrong. `--store`
takes a store that is there (it gets the accounts, which are removed again); else MAKER, the bench program `store`,
makes one of each SIZE. First it is awaited that the words of all texts were taken in, and told how long that took; with `--now`
it is not: the pages then share the machine with that work. Times are
those of a client on this machine, the whole page read; weight is the page alone, as it is sent and as gzip would make it.
"""
import argparse
import http.client
import json
import os
import random
import re
import tempfile
import threading
import time
import urllib.parse
import zlib
from pathlib import Path

from office import PASSWORD, Office, Running, p99
from store import laid

FIRST = ["Anja", "Bram", "Carla", "Dirk", "Fatima", "Noor"]
PLACES = ["appelboom", "dijkeik", "parkveld", "molenkade", "heuveliep"]
WORDS = ["paspoort", "kinderopvang", "uitkering", "parkeervergunning", "bezwaarschrift", "verhuizing"]
BODIES = ["gemeente-den-haag", "uwv", "belastingdienst", "cak"]
SHARES = {"queue": 30, "filters": 15, "deep": 5, "case": 30, "name": 8, "text": 8, "wrong": 4}


class User:
    """Somebody at the desk, over one connection that stays open."""

    def __init__(self, desk, name):
        self.address = urllib.parse.urlsplit(desk)
        self.connection = http.client.HTTPConnection(self.address.hostname, self.address.port, timeout=60)
        self.cookies = {}
        csrf = re.search(r'name="csrf" value="([^"]*)"', self.get("/login")).group(1)
        form = urllib.parse.urlencode({"csrf": csrf, "next": "", "name": name, "password": PASSWORD})
        head = {"Origin": desk, "Content-Type": "application/x-www-form-urlencoded"}
        self.ask("POST", "/login", form, head)

    def ask(self, method, path, body=None, head=None):
        head = dict(head or {})
        if self.cookies:
            head["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        self.connection.request(method, path, body, head)
        answer = self.connection.getresponse()
        for line in answer.headers.get_all("Set-Cookie") or []:
            name, value = line.split(";", 1)[0].split("=", 1)
            self.cookies[name] = value
        text = answer.read().decode()
        if answer.status >= 400:
            raise SystemExit(f"{path}: status {answer.status}")
        return text

    def get(self, path):
        return self.ask("GET", path)


def mistyped(rng, word):
    """With two letters in each other's place."""
    at = rng.randrange(1, len(word) - 2)
    return word[:at] + word[at + 1] + word[at] + word[at + 2:]


def path_of(kind, rng, size, cases):
    last = min(200, max(2, size // 60))
    return {
        "queue": lambda: "/" + rng.choice(["", "?queue=beoordelen", "?queue=doorverwijzen"]),
        "filters": lambda: rng.choice([f"/?about={rng.choice(BODIES)}", "/?who=me&status=mine", "/?due=late", "/?status=closed",
                                       "/?sort=newest", f"/?queue=beoordelen&about={rng.choice(BODIES)}"]),
        "deep": lambda: f"/?page={rng.randrange(1, last)}",
        "case": lambda: f"/cases/{rng.choice(cases)}",
        "name": lambda: f"/?q={rng.choice(FIRST)}+{rng.choice(PLACES)}",
        "text": lambda: f"/?q={rng.choice(WORDS)}+{rng.choice(['dossier', 'balie', rng.choice(WORDS)])}",
        "wrong": lambda: f"/?q={mistyped(rng, rng.choice(WORDS))}",
    }[kind]()


def work(desk, name, seed, args, size, cases, found, weights):
    rng, user = random.Random(seed), User(desk, name)
    end = time.monotonic() + args.seconds
    kinds, shares = list(SHARES), list(SHARES.values())
    time.sleep(rng.random() * args.think)
    while time.monotonic() < end:
        kind = rng.choices(kinds, shares)[0]
        path = path_of(kind, rng, size, cases)
        began = time.perf_counter()
        page = user.get(path)
        found[kind].append((time.perf_counter() - began) * 1000)
        weights[kind] = max(weights[kind], (len(page.encode()), len(zlib.compress(page.encode()))))
        time.sleep(rng.expovariate(1 / args.think))


def texts_behind(desk):
    address = urllib.parse.urlsplit(desk)
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=60)
    connection.request("GET", "/metrics")
    lines = connection.getresponse().read().decode().splitlines()
    behind = [line.split()[-1] for line in lines if line.startswith("bode_texts_behind ")]
    return float(behind[0]) if behind else None


def measure(args, office):
    names = [f"proef{number}" for number in range(args.users)]
    for name in names:
        office.user(name)
    running = Running(office)
    try:
        running.wait(lambda running: running.count("bode is running"), each=0.01)
        began = time.monotonic()
        while not args.now and texts_behind(running.desk) != 0:
            running.measure()
            time.sleep(0.2)
        taken_in = time.monotonic() - began
        looker = User(running.desk, names[0])
        pages = [json.loads(looker.get(f"/api/v1/cases?status=all&sort=newest&page={page}")) for page in range(1, 12)]
        cases = [case["number"] for page in pages for case in page["cases"]]
        size = pages[0]["total"]
        found, weights = {kind: [] for kind in SHARES}, {kind: (0, 0) for kind in SHARES}
        users = [threading.Thread(target=work, args=(running.desk, name, seed, args, size, cases, found, weights))
                 for seed, name in enumerate(names)]
        for user in users:
            user.start()
        for user in users:
            user.join()
        running.measure()
        load = os.getloadavg()[0]
        words = sum(file.stat().st_size for file in office.store.resolve().glob("index-texts/*")) / 2**20
        print(f"{size} cases, {args.users} users, {args.think} s between pages, {os.cpu_count()} cores, load {load:.1f}; daemon "
              f"{running.peaks['daemon']} MB at most; words of texts {words:.1f} MB, "
              + (f"{texts_behind(running.desk):.0f} entries behind" if args.now else f"taken in within {taken_in:.1f} s of the start"))
        print(f"{'page':>8} {'many':>6} {'p50 ms':>7} {'p99 ms':>7} {'kB':>6} {'kB gzip':>8}", flush=True)
        for kind, times in found.items():
            if times:
                times.sort()
                plain, packed = weights[kind]
                print(f"{kind:>8} {len(times):>6} {times[len(times) // 2]:>7.1f} {p99(times):>7.1f} {plain / 1000:>6.1f} "
                      f"{packed / 1000:>8.1f}", flush=True)
    finally:
        running.stop()
        for name in names:
            office.told("user", "remove", name)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bode")
    parser.add_argument("maker", nargs="?")
    parser.add_argument("sizes", type=int, nargs="*")
    parser.add_argument("--store", type=Path)
    parser.add_argument("--stores", type=Path)
    parser.add_argument("--now", action="store_true")
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--think", type=float, default=0.5)
    args = parser.parse_args()
    for size in args.sizes if args.store is None else [None]:
        with tempfile.TemporaryDirectory(dir=args.dir, prefix="bode-desk-") as folder:
            office = Office(args.bode, Path(folder))
            if size is None:
                office.store.symlink_to(args.store.resolve())
            else:
                laid(office, args.stores, size, args.maker)
            measure(args, office)


if __name__ == "__main__":
    main()
