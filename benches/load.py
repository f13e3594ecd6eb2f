#!/usr/bin/env python3
"""A backlog of messages and scans, then a burst, through the real daemon.

usage: load.py [--messages N] [--scans N] [--burst-a-minute N] [--burst-minutes N] [--senders N] [--dir DIR] BODE

Messages lie in the Maildir when the daemon starts, scans in the scan folder; then mails come in at an even pace. Each
sender writes several. Printed: memory over time, pieces registered and not yet judged (what is in hand must stay within
the row of the workers: nothing is fetched that cannot be worked on), pages of the desk meanwhile, the rate; at the end
the order of records and cases of each sender against that of arrival, answers, and `verify`. Ends with status 1 when one
of them does not hold. Needs a bode built with --release; for scans Pillow and tesseract's Dutch.
"""
import argparse
import json
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

from office import DONE_WORDS, Browser, Office, Running, Sink, drop, fill_maildir, message, p99, text, writer

# Of src/limits.rs: pieces in the row, those in the workers' places on 2 cores, and one batch of each source.
IN_HAND_MAX = 256 + 8 + 2 * 50


def scan(path, number):
    """One page of a typed letter, as a picture in a PDF."""
    from PIL import Image, ImageDraw, ImageFont

    page = Image.new("1", (1654, 2339), 1)
    draw = ImageDraw.Draw(page)
    font = ImageFont.truetype("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", 28)
    lines = []
    for sentence in [f"Brief {number}", "", *text(number, seed=2, chars=700), "", writer(number)[0]]:
        while len(sentence) > 75:
            cut = sentence.rfind(" ", 0, 75)
            lines.append(sentence[:cut])
            sentence = sentence[cut + 1:]
        lines.append(sentence)
    for row, line in enumerate(lines):
        draw.text((160, 160 + row * 44), line, font=font, fill=0)
    page.save(path, resolution=200)


class Desk(threading.Thread):
    """Somebody who looks at the queue twice a second."""

    def __init__(self, desk):
        super().__init__(daemon=True)
        self.browser, self.times, self.ended = Browser(desk), [], False

    def run(self):
        while not self.ended:
            self.times += self.browser.times(["/"])
            time.sleep(0.5)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bode")
    parser.add_argument("--messages", type=int, default=50_000)
    parser.add_argument("--scans", type=int, default=5_000)
    parser.add_argument("--burst-a-minute", type=int, default=500)
    parser.add_argument("--burst-minutes", type=float, default=10)
    parser.add_argument("--senders", type=int, help="how many write all of it; default a third of the messages")
    parser.add_argument("--dir", type=Path)
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=args.dir, prefix="bode-load-"))
    try:
        held = run(args, folder)
    finally:
        shutil.rmtree(folder)
    sys.exit(0 if held else 1)


def run(args, folder):
    senders = args.senders or max(1, args.messages // 3)
    burst = int(args.burst_a_minute * args.burst_minutes)
    sink = Sink(folder / "tls")
    office = Office(args.bode, folder, sink)
    fill_maildir(office.maildir, args.messages, senders=senders)
    for number in range(args.scans):
        scan(office.scans / f"brief-{number:06}.pdf", number)
    print(f"{args.messages} messages of {senders} senders and {args.scans} scans lie ready; then {burst} more at "
          f"{args.burst_a_minute} a minute", flush=True)
    office.user()
    running = Running(office)
    running.wait(lambda running: running.count("bode is running"))
    desk = Desk(running.desk)
    desk.start()
    began, laid, told, in_hand_most = time.monotonic(), 0, 0.0, 0
    all_of_it = args.messages + args.scans + burst
    samples, burst_began = [], None
    while True:
        counts = running.look()
        used = running.measure()
        now = time.monotonic() - began
        registered, judged = counts.get("registered", 0), running.count(*DONE_WORDS)
        in_hand_most = max(in_hand_most, registered - judged)
        samples.append(running.memory)
        if burst_began is None and judged >= args.messages + args.scans:
            burst_began = now
            print(f"backlog judged in {now:.0f} s: {judged / now:.0f} a second, {used / judged * 1000:.1f} ms of processor each", flush=True)
        if burst_began is not None:
            due = min(burst, int((now - burst_began) * args.burst_a_minute / 60) + 1)
            for number in range(laid, due):
                drop(office.maildir, args.messages + number, message(args.messages + number, senders=senders))
            laid = max(laid, due)
        if now >= told:
            print(f"{now:6.0f} s  registered {registered:>6}  judged {judged:>6}  sent {len(sink.taken):>6}  daemon "
                  f"{running.memory:>4} MB  queue page p99 {p99(sorted(desk.times or [0])):.0f} ms", flush=True)
            told = now + max(10, now / 10)
        if judged == all_of_it and laid == burst and not waiting(office):
            break
        if running.process.poll() is not None:
            raise SystemExit("the daemon ended by itself")
        time.sleep(0.2)
    running.wait(lambda running: running.count("answer sent") >= len(set(sink.taken)) and not waiting(office), each=0.5)
    desk.ended = True
    running.stop()
    return told_at_the_end(args, office, sink, senders, samples, in_hand_most, desk, all_of_it)


def waiting(office):
    """Pieces at the sources that were not taken yet."""
    return any((office.maildir / "new").iterdir()) or any(office.scans.glob("*.pdf"))


def told_at_the_end(args, office, sink, senders, samples, in_hand_most, desk, all_of_it):
    report = office.verify()
    cases = json.loads(office.told("cases", "list", "--json"))
    order = {}
    for path in sorted((office.store / "originals").glob("[0-9]*/*/record.json")):
        record = json.loads(path.read_text())
        if "maildir" in json.dumps(record["origin"]):
            number = int(json.dumps(record["origin"]).split("1772400000.", 1)[1].split(".", 1)[0])
            order.setdefault(number % senders, []).append((number, record["number"]))
    case_of = {record: case["number"] for case in cases for record in case["records"]}
    out_of_order = 0
    for pieces in order.values():
        pieces.sort()
        records = [record for _, record in pieces]
        # A message that joined an earlier case has its number again.
        of_cases = list(dict.fromkeys(case_of[record] for record in records if record in case_of))
        out_of_order += records != sorted(records) or of_cases != sorted(of_cases)
    half = len(samples) // 2
    early, late = max(samples[:half] or [0]), max(samples[half:] or [0])
    told = [
        (f"pieces {report['pieces']} of {all_of_it}, exceptions {len(report['exceptions'])}",
         report["pieces"] == all_of_it and not report["exceptions"]),
        (f"most pieces in hand {in_hand_most} (at most {IN_HAND_MAX})", in_hand_most <= IN_HAND_MAX),
        (f"senders out of order {out_of_order} of {len(order)}", out_of_order == 0),
        (f"answers taken by the mail server {len(sink.taken)}, sent {report['answers']['sent']}",
         len(sink.taken) == report["answers"]["sent"]),
        (f"memory of the daemon: at most {early} MB in the first half, {late} MB in the second", late <= early * 1.5 + 50),
        (f"queue page meanwhile: p99 {p99(sorted(desk.times)):.0f} ms over {len(desk.times)}", True),
    ]
    for line, holds in told:
        print(("holds   " if holds else "DOES NOT HOLD   ") + line, flush=True)
    return all(holds for _, holds in told)


if __name__ == "__main__":
    main()
