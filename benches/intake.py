#!/usr/bin/env python3
"""What taking in costs: durable syncs a message (counted by strace), messages a second, processor time a message, memory.

usage: intake.py [--messages N] [--dir DIR] [--only lone|daemon|import] [--real-time] BODE

lone     one message at a time in the Maildir of an idle daemon, until its acknowledgement was sent and noted
daemon   a Maildir that is full when the daemon starts, until every acknowledgement was sent and noted
import   `bode import` of as many messages; their acknowledgements wait in the outbox

The messages are plain text of about 2 kB, all unlike and of different writers, and are answered over SMTP to a server
that takes everything. Rate and processor time are taken without strace. Everything is durable: a sync is shared, never
left out. `verify` must be clean after each. Needs a bode built with --release, and strace.
"""
import argparse
import shutil
import tempfile
import time
from pathlib import Path

from office import DONE_WORDS, Office, Running, Sink, fill_maildir, drop, message, per

QUIET = 1.0  # seconds after which a lone message has nothing more to sync


def started(office, **how):
    running = Running(office, **how)
    running.wait(lambda running: running.count("bode is running"))
    return running


def proven(office, pieces):
    report = office.verify()
    assert not report["exceptions"], report["exceptions"][:3]
    assert report["pieces"] == pieces, (report["pieces"], pieces)
    return report


def lone(bode, folder, messages):
    office = Office(bode, folder, Sink(folder / "tls"))
    running = started(office, trace=True)
    # The first message starts the workers and makes the first files.
    counted = []
    for number in range(messages + 1):
        time.sleep(QUIET)
        before = running.syncs()
        drop(office.maildir, number, message(number))
        running.wait(lambda running: running.count("answer sent") == number + 1)
        time.sleep(QUIET)
        after = running.syncs()
        counted.append({name: after[name] - before[name] for name in after})
    running.stop()
    proven(office, messages + 1)
    total = {name: sum(one[name] for one in counted[1:]) for name in counted[0]}
    print(f"lone message, sending included: {per(total, messages)}, over {messages}", flush=True)


def daemon(bode, folder, messages, trace, real_time):
    sink = Sink(folder / "tls")
    office = Office(bode, folder, sink)
    fill_maildir(office.maildir, messages)
    running = started(office, trace=trace, real_time=real_time)
    began = time.monotonic()
    judged = running.wait(lambda running: running.count(*DONE_WORDS) == messages, each=0.1)
    used = running.measure()
    sent = running.wait(lambda running: running.count("answer sent") == messages, each=0.1)
    if trace:
        print(f"backlog by the daemon, sending included: {per(running.syncs(), messages)}, over {messages}", flush=True)
    else:
        print(f"backlog by the daemon: {messages / (judged - began):.0f} messages a second judged, "
              f"{messages / (sent - began):.0f} a second sent; {used / messages * 1000:.2f} ms of processor a message when "
              f"judged, {running.measure() / messages * 1000:.2f} ms with sending and start; "
              f"peak memory: daemon {running.peaks['daemon']} MB, worker {running.peaks.get('worker', 0)} MB", flush=True)
    running.stop()
    report = proven(office, messages)
    assert report["answers"]["sent"] == messages == len(set(sink.taken)) == len(sink.taken), (report, len(sink.taken))


def by_import(bode, folder, messages, trace, real_time):
    office = Office(bode, folder)
    source = folder / "te-importeren"
    fill_maildir(source, messages)
    running = Running(office, trace=trace, arguments=("--quiet", "import", str(source)), real_time=real_time)
    used = 0
    while running.process.poll() is None:
        used = max(used, running.measure())
        time.sleep(0.02)
    seconds = time.monotonic() - running.began
    if trace:
        print(f"backlog by import: {per(running.syncs(), messages)}, over {messages}", flush=True)
    else:
        print(f"backlog by import: {messages / seconds:.0f} messages a second with start and end, "
              f"{used / messages * 1000:.2f} ms of processor a message; peak memory: command {running.peaks['daemon']} MB, "
              f"worker {running.peaks.get('worker', 0)} MB", flush=True)
    proven(office, messages)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bode")
    parser.add_argument("--messages", type=int, default=3000)
    parser.add_argument("--lone", type=int, default=10)
    parser.add_argument("--dir", type=Path)
    parser.add_argument("--only", choices=["lone", "daemon", "import"])
    parser.add_argument("--no-trace", action="store_true", help="rates only")
    parser.add_argument("--real-time", action="store_true", help="before other work on the machine (chrt -r 10)")
    args = parser.parse_args()

    def each(work, *arguments):
        folder = Path(tempfile.mkdtemp(dir=args.dir, prefix="bode-intake-"))
        try:
            work(args.bode, folder, *arguments)
        finally:
            shutil.rmtree(folder)

    if args.only in (None, "lone") and not args.no_trace:
        each(lone, args.lone)
    for name, work in (("daemon", daemon), ("import", by_import)):
        if args.only in (None, name):
            if not args.no_trace:
                each(work, args.messages, True, False)
            each(work, args.messages, False, args.real_time)


if __name__ == "__main__":
    main()
