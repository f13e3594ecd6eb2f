"""What the benches of intake, load and store share: invented post, an office on disk, a mail server that takes
everything, a running bode, and what it costs (processor time, memory, syncs).

Messages and letters are invented; they depend on their number and the seed alone.
"""
import json
import os
import random
import re
import resource
import signal
import socketserver
import ssl
import subprocess
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OFFICE = "klacht@ombudsman.example.nl"
PASSWORD = "zeven groene fietsen bij de sluis"
# What the log says of a piece that is judged.
DONE_WORDS = ("judged: a new case", "judged: part of a case", "judged: set aside")
SYNCS = ("fsync", "fdatasync", "syncfs", "sync_file_range")

FIRST = ("Anja Bram Carla Dirk Els Fatima Gert Hanna Ilse Jan Karin Leo Mia Noor Otto Petra Quinten Rosa Sem Tess Umar Vera "
         "Wim Xandra Yara Zeger").split()
LAST = ("Appel Boom Dijk Eik Fluit Gracht Heuvel Iep Jager Kade Linde Molen Noord Oever Park Rietveld Sloot Toren Uiterwaard "
        "Veld Water Zand").split()
BODIES = ("de gemeente Den Haag", "het stadsloket van Den Haag", "de afdeling Burgerzaken van de gemeente Den Haag",
          "de dienst Sociale Zaken van Den Haag", "het UWV", "de Belastingdienst", "de gemeentebelastingen van Den Haag",
          "de afdeling Vergunningen van de gemeente Den Haag")
WRONGS = ("De medewerker aan de balie was onbeleefd tegen mij en liet mij niet uitspreken.",
          "Ik heb drie keer gebeld en iedere keer kreeg ik een ander antwoord.",
          "Mijn aanvraag ligt er nu al maanden en niemand kan mij zeggen wanneer er een besluit komt.",
          "Er is een brief met mijn gegevens naar het oude adres gestuurd.",
          "De behandelaar zou mij terugbellen en heeft dat nooit gedaan.",
          "Ik moest het formulier opnieuw invullen, terwijl ik het al had ingeleverd.",
          "De afspraak ging niet door en niemand had mij dat verteld.",
          "Ik voel mij niet serieus genomen door de manier waarop met mij is gesproken.",
          "De uitleg die ik kreeg klopt niet met wat er op de website staat.",
          "Mijn bezwaar zou zijn ontvangen, maar men kan het niet meer vinden.")
FILLERS = ("Ik woon hier al jaren en ik heb nooit eerder geklaagd.", "Mijn buurvrouw was erbij en heeft het ook gehoord.",
           "Ik heb alles bewaard en kan het laten zien als dat nodig is.", "Dit heeft mij veel tijd en zorgen gekost.",
           "Ik begrijp dat het druk is, maar dit kan zo niet.", "Ik hoop dat u hier iets mee kunt.",
           "Ik wil graag weten hoe dit heeft kunnen gebeuren.", "Op mijn vorige brief heb ik geen antwoord gekregen.")


def writer(number, senders=None):
    """Name and address of a writer; `senders`: how many there are in all."""
    who = number % senders if senders else number
    name = f"{FIRST[who % len(FIRST)]} {LAST[who // len(FIRST) % len(LAST)]}"
    return name, f"schrijver-{who}@voorbeeld.example.org"


def text(number, seed=1, chars=1500):
    rng = random.Random(seed * 1_000_003 + number)
    lines = [f"Ik heb een klacht over {rng.choice(BODIES)}. Dit gaat over dossier {rng.randrange(10**9)}."]
    while sum(map(len, lines)) < chars:
        day = f"{rng.randrange(1, 29)} {rng.choice(['januari', 'februari', 'maart'])}"
        lines.append(f"Op {day} was ik er voor de {rng.randrange(1, 40)}e keer. {rng.choice(WRONGS)} {rng.choice(FILLERS)}")
    return lines


def message(number, seed=1, senders=None, chars=1500):
    """A plain text message of about 2 kB, unlike the others."""
    name, address = writer(number, senders)
    rng = random.Random(seed * 7_000_003 + number)
    body = "\r\n".join(text(number, seed, chars))
    return (f"Return-Path: <{address}>\r\nFrom: {name} <{address}>\r\nTo: {OFFICE}\r\n"
            f"Subject: Klacht {number}: {rng.choice(WRONGS)[:40]}\r\n"
            f"Date: Mon, 02 Mar 2026 {9 + number // 3600 % 9:02}:{number // 60 % 60:02}:{number % 60:02} +0100\r\n"
            f"Message-ID: <bericht-{seed}-{number}@voorbeeld.example.org>\r\nMIME-Version: 1.0\r\n"
            f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
            f"{body}\r\n\r\nMet vriendelijke groet,\r\n{name}\r\n").encode()


def fill_maildir(folder, count, seed=1, senders=None, first=0):
    """Lays messages in `new` of a Maildir, as a mail server does."""
    for sub in ("new", "cur", "tmp"):
        (folder / sub).mkdir(parents=True, exist_ok=True)
    for number in range(first, first + count):
        drop(folder, number, message(number, seed, senders))


def drop(folder, number, content):
    name = f"1772400000.{number:09}.proef"
    (folder / "tmp" / name).write_bytes(content)
    os.rename(folder / "tmp" / name, folder / "new" / name)


class Sink:
    """A mail server that takes everything and keeps nothing but the number, and the recipients in order: over TLS on `port`,
    and without on `plain_port`, for programs that would otherwise have to be given our certificate."""

    def __init__(self, folder):
        sink = self
        self.taken = []
        folder.mkdir(parents=True, exist_ok=True)
        self.ca = folder / "authority.pem"
        make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        name = ["-addext", "subjectAltName=DNS:localhost"]
        quietly = {"check": True, "stderr": subprocess.DEVNULL}
        subprocess.run([*make, "-subj", "/CN=proef", *name, "-keyout", folder / "authority.key", "-out", self.ca], **quietly)
        subprocess.run([*make, "-CA", self.ca, "-CAkey", folder / "authority.key", "-subj", "/CN=localhost", *name, "-addext",
                        "basicConstraints=critical,CA:FALSE", "-keyout", folder / "server.key", "-out", folder / "server.pem"],
                       **quietly)
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(folder / "server.pem", folder / "server.key")

        class Session(socketserver.StreamRequestHandler):
            def say(self, line):
                self.wfile.write(line + b"\r\n")

            def handle(self):
                to = None
                self.say(b"220 proef ESMTP")
                while line := self.rfile.readline():
                    verb = line[:4].upper()
                    if verb == b"EHLO":
                        self.say(b"250-proef\r\n250-8BITMIME\r\n250-PIPELINING\r\n250 SIZE 50000000")
                    elif verb == b"DATA":
                        self.say(b"354 go on")
                        while (line := self.rfile.readline()) not in (b".\r\n", b""):
                            pass
                        sink.taken.append(to)
                        self.say(b"250 taken")
                    elif verb == b"QUIT":
                        return self.say(b"221 bye")
                    else:
                        if verb == b"RCPT":
                            to = line.split(b"<", 1)[1].split(b">", 1)[0].decode()
                        self.say(b"250 ok")

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True

            def get_request(self):
                connection, address = super().get_request()
                return tls.wrap_socket(connection, server_side=True), address

        class Plain(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True
            request_queue_size = 100

        self.server, self.plain = Server(("127.0.0.1", 0), Session), Plain(("127.0.0.1", 0), Session)
        self.port, self.plain_port = (server.server_address[1] for server in (self.server, self.plain))
        for server in (self.server, self.plain):
            threading.Thread(target=server.serve_forever, daemon=True).start()


class Office:
    """Configuration, store and sources of one office in a directory. The proof of the day reads every file of the store: by default, at
    half past six, it would fall into whatever is measured first after that."""

    def __init__(self, bode, folder, sink=None, more=""):
        self.bode, self.dir = Path(bode).resolve(), folder
        self.maildir, self.scans, self.store = folder / "postvak", folder / "scans", folder / "store"
        for sub in ("new", "cur", "tmp"):
            (self.maildir / sub).mkdir(parents=True, exist_ok=True)
        self.scans.mkdir(exist_ok=True)
        smtp = f'[smtp]\nhost = "localhost"\nport = {sink.port}\nca_file = "{sink.ca}"\n\n' if sink else ""
        self.config = folder / "office.toml"
        self.config.write_text(
            f'rules = "{ROOT}/rules"\ntemplates = "{ROOT}/templates"\nstore = "store"\n'
            f'office_file = "{ROOT}/config/den-haag.toml"\n\n'
            f'[maildir]\ndir = "postvak"\npoll_seconds = 1\nanswer_from = 2026-01-01\n\n'
            f'[scan]\ndir = "scans"\nstill_seconds = 1\n\n{smtp}'
            f'[answers]\nfrom_name = "Ombudsman"\nfrom_address = "{OFFICE}"\nreturn_path = "mislukt@ombudsman.example.nl"\n'
            f'own_addresses = ["{OFFICE}"]\nsend = {"true" if sink else "false"}\nhour_max = 1000000\n\n'
            f'[letters]\nplace = "Den Haag"\n\n[ledger]\nat = "23:59"\n\n'
            f'[desk]\nlisten = "127.0.0.1:0"\nmetrics_open = true\n{more}\n')

    def command(self, *arguments):
        return [str(self.bode), "--config", str(self.config), "--quiet", *arguments]

    def told(self, *arguments):
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, check=True).stdout

    def verify(self):
        return json.loads(subprocess.run(self.command("verify", "--json"), capture_output=True, text=True).stdout)

    def user(self, name="proef"):
        subprocess.run(self.command("user", "add", name, "--role", "admin"), input=PASSWORD + "\n",
                       text=True, check=True, capture_output=True)


class Tail:
    """The lines that were added to a file since the last look."""

    def __init__(self, path):
        self.path, self.read, self.rest = path, 0, b""

    def lines(self):
        with open(self.path, "rb") as file:
            file.seek(self.read)
            new = file.read()
        self.read += len(new)
        *whole, self.rest = (self.rest + new).split(b"\n")
        return whole


class Running:
    """A running daemon, its log, and what it has cost so far. `trace`: under strace, which counts its syncs."""

    def __init__(self, office, trace=False, arguments=("run",), real_time=False):
        self.office = office
        self.log_path, self.trace_path = office.dir / "log.jsonl", office.dir / "strace.txt"
        before = []
        if trace:
            before = ["strace", "-f", "-qq", "--seccomp-bpf", "-e", "trace=" + ",".join(SYNCS), "-e", "signal=none",
                      "-o", str(self.trace_path)]
        if real_time:
            before = ["chrt", "-r", "10", *before]
        self.children_before = resource.getrusage(resource.RUSAGE_CHILDREN)
        self.log = open(self.log_path, "wb")
        self.process = subprocess.Popen([*before, str(office.bode), "--log", "json", "--config", str(office.config), *arguments],
                                        stdout=subprocess.DEVNULL, stderr=self.log)
        self.began = time.monotonic()
        self.tail = Tail(self.log_path)
        self.counts = {}
        self.desk = None
        self.peaks = {}

    def look(self):
        """Counts the lines of the log since the last look, by what they say."""
        for line in self.tail.lines():
            try:
                fields = json.loads(line)["fields"]
            except ValueError:
                raise SystemExit(f"bode says: {line.decode()}") from None
            said = fields.get("message", "")
            self.counts[said] = self.counts.get(said, 0) + 1
            if fields.get("desk"):
                self.desk = "http://" + fields["desk"]
        return self.counts

    def count(self, *sayings):
        return sum(count for said, count in self.counts.items() if said in sayings)

    def wait(self, enough, seconds=600, each=0.02):
        end = time.monotonic() + seconds
        while True:
            self.look()
            self.measure()
            if enough(self):
                return time.monotonic()
            if self.process.poll() is not None:
                raise SystemExit(f"the daemon ended by itself; see {self.log_path}")
            if time.monotonic() > end:
                raise SystemExit(f"not in {seconds} s: {self.counts}")
            time.sleep(each)

    def tree(self):
        """The processes of bode below the one that was started, the daemon first."""
        found, row = [], [self.process.pid]
        while row:
            pid = row.pop(0)
            try:
                name = Path(f"/proc/{pid}/comm").read_text().strip()
                row += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
            except OSError:
                continue
            for task in list_dir(f"/proc/{pid}/task"):
                if task != str(pid):
                    try:
                        row += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
                    except OSError:
                        pass
            if name == self.office.bode.name[:15]:
                found.append(pid)
        return found

    def measure(self):
        """Peak memory by process, and processor seconds of all so far."""
        seconds = 0.0
        for index, pid in enumerate(self.tree()):
            try:
                stat = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
                status = Path(f"/proc/{pid}/status").read_text()
            except OSError:
                continue
            if "VmHWM" not in status:
                continue  # it has just ended
            ticks = sum(map(int, stat[11:13] if index else stat[11:15]))
            seconds += ticks / os.sysconf("SC_CLK_TCK")
            peak = int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) // 1024
            now = int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) // 1024
            kind = "worker" if index else "daemon"
            self.peaks[kind] = max(self.peaks.get(kind, 0), peak)
            if not index:
                self.memory = now
        return seconds

    def syncs(self):
        """Syncs so far by name."""
        found = dict.fromkeys(SYNCS, 0)
        for call in re.findall(r"\b(%s)\(" % "|".join(SYNCS), self.trace_path.read_text()):
            found[call] += 1
        return found

    def stop(self):
        """Ends it as systemd would. Returns the seconds that this took."""
        began = time.monotonic()
        for pid in self.tree()[:1]:
            os.kill(pid, signal.SIGTERM)
        self.process.wait(60)
        self.log.close()
        return time.monotonic() - began


def list_dir(path):
    try:
        return os.listdir(path)
    except OSError:
        return []


class Browser:
    """Somebody at the desk."""

    def __init__(self, desk, name="proef"):
        self.desk = desk
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        page = self.get("/login")
        csrf = re.search(r'name="csrf" value="([^"]*)"', page).group(1)
        form = {"csrf": csrf, "next": "", "name": name, "password": PASSWORD}
        body = "&".join(f"{key}={urllib.request.quote(value)}" for key, value in form.items()).encode()
        request = urllib.request.Request(desk + "/login", data=body, headers={"Origin": desk})
        self.opener.open(request, timeout=30).read()

    def get(self, path):
        with self.opener.open(self.desk + path, timeout=60) as answer:
            return answer.read().decode()

    def times(self, paths):
        """Milliseconds of each, in order of size."""
        found = []
        for path in paths:
            began = time.perf_counter()
            self.get(path)
            found.append((time.perf_counter() - began) * 1000)
        return sorted(found)


def p99(times):
    return times[min(len(times) - 1, int(len(times) * 0.99))]


def per(syncs, messages):
    total = sum(syncs.values())
    kinds = ", ".join(f"{count} {name}" for name, count in syncs.items() if count)
    return f"{total / messages:.2f} syncs a message ({kinds})"
