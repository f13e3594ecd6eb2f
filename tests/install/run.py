#!/usr/bin/env python3
"""The package on a clean machine: tests/install/run.py PACKAGE.deb [--keep]

Makes a minimal Debian 12 (debootstrap; kept in ~/.cache/bode-test/debian-12), boots it with its own systemd (systemd-nspawn, a network
of its own), lays a Dovecot and an Exim in it, and then does what README says under "Install", step by step: each command that it runs
must stand there. The first mail must be answered within three minutes of the machine's time from the first step on. Then: what root
does beside the daemon belongs to the daemon; a reload; a daemon that hangs is started anew by the watchdog; an upgrade keeps what the
office changed and starts the instance anew; removal and purge keep every record. Needs root; prints the seconds of each step.
"""
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import mailhost  # noqa: E402

HERE = Path(__file__).resolve().parents[2]
BASE = Path(os.environ.get("BODE_TEST_CACHE", Path.home() / ".cache/bode-test")) / "debian-12"
MIRROR = os.environ.get("DEBIAN_MIRROR", "http://deb.debian.org/debian")
SECONDS_MAX = 180
DEADLINE = 600
INSTANCE = "den-haag"
CONFIG = f"/etc/bode/{INSTANCE}.toml"
UNIT = f"bode@{INSTANCE}"

SETUP = f"""bode setup --office {INSTANCE} --live --no-questions
 --imap-host {mailhost.HOST} --imap-user {mailhost.OFFICE} --imap-password-file /root/password
 --smtp-host {mailhost.HOST} --smtp-user {mailhost.OFFICE} --smtp-password-file /root/password
 --ca-file /etc/mailhost/ca.pem --return-path mislukt@ombudsman.example.nl --admin beheer""".split()

began = time.monotonic()
steps = []


def tell(what, since):
    steps.append((what, time.monotonic() - since))
    print(f"{steps[-1][1]:7.1f} s  {what}", flush=True)


def host(*command, **more):
    return subprocess.run(command, check=True, **more)


def base():
    """The clean root, made once."""
    if not (BASE / "etc/os-release").exists():
        since = time.monotonic()
        BASE.parent.mkdir(parents=True, exist_ok=True)
        half = BASE.with_suffix(".half")
        shutil.rmtree(half, ignore_errors=True)
        host("debootstrap", "--variant=minbase", "--include=systemd,systemd-sysv,dbus", "bookworm", half, MIRROR, stdout=subprocess.DEVNULL)
        half.rename(BASE)
        tell("(once) a minimal Debian 12", since)


class Machine:
    """The clean root under a layer of its own; first with the network and not booted, then booted without one."""

    def __init__(self, place: Path):
        self.place, self.root, self.booted = place, place / "root", None
        for name in ("upper", "work", "root"):
            (place / name).mkdir(parents=True)
        layers = f"lowerdir={BASE},upperdir={place}/upper,workdir={place}/work"
        host("mount", "-t", "overlay", "overlay", "-o", layers, self.root)
        shutil.copy("/etc/resolv.conf", self.root / "etc/resolv.conf")
        (self.root / "etc/apt/sources.list").write_text(
            f"deb {MIRROR} bookworm main\ndeb {MIRROR}-security bookworm-security main\n"
        )
        (self.root / "usr/sbin/policy-rc.d").write_text("#!/bin/sh\nexit 101\n")
        (self.root / "usr/sbin/policy-rc.d").chmod(0o755)

    def offline(self, *command):
        """Before it is booted: with the network of this machine."""
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
        done = subprocess.run(["chroot", self.root, *command], env=environment, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(command)}: {done.stdout}\n{done.stderr}")
        return done.stdout

    def boot(self):
        (self.root / "usr/sbin/policy-rc.d").unlink()
        log = open(self.place / "console.log", "wb")
        self.booted = subprocess.Popen(
            ["systemd-nspawn", "-q", "-D", self.root, "--register=no", "--keep-unit", "--private-network", "--console=pipe", "--boot"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )
        self.wait(lambda: self.leader() and self.inside("systemctl", "is-system-running", check=False).stdout.strip() in ("running", "degraded"), "it boots")

    def leader(self):
        children = Path(f"/proc/{self.booted.pid}/task/{self.booted.pid}/children").read_text().split()
        return children[0] if children else None

    def inside(self, *command, check=True, stdin=None):
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8", "HOME": "/root"}
        enter = ["nsenter", "-t", self.leader(), "-m", "-u", "-i", "-n", "-p", "-r", "-w"]
        done = subprocess.run([*enter, *command], env=environment, input=stdin, capture_output=True, text=True)
        if check and done.returncode:
            self.fail(f"{' '.join(command)}: exit status {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def wait(self, until, what, seconds=DEADLINE):
        end = time.monotonic() + seconds
        while not until():
            if time.monotonic() > end or self.booted.poll() is not None:
                self.fail(f"in vain: {what}")
            time.sleep(0.1)

    def fail(self, why):
        told = ""
        if self.leader():
            log = subprocess.run(["nsenter", "-t", self.leader(), "-m", "-p", "-r", "journalctl", "--no-pager", "-u", "bode@*", "-n", "60", "-o", "cat"], capture_output=True, text=True)
            told = log.stdout
        sys.exit(f"FAILED {why}\n{told}\nconsole: {self.place}/console.log")

    def end(self):
        if self.booted and self.booted.poll() is None:
            # Its systemd takes this for a power button.
            if leader := self.leader():
                subprocess.run(["kill", "-s", "RTMIN+4", leader])
            try:
                self.booted.wait(60)
            except subprocess.TimeoutExpired:
                self.booted.kill()
                self.booted.wait()
        subprocess.run(["umount", self.root])


def readme():
    """The commands under README's "Install", without sudo."""
    text = (HERE / "README.md").read_text()
    section = text.split("\n## Install\n")[1].split("\n## ")[0]
    return " ".join(section.replace("\\\n", " ").replace("sudo ", "").split())


def said(command, told):
    """A step that README does not tell is no step."""
    if command not in told:
        sys.exit(f"FAILED README says nothing of: {command}")


def answers(machine):
    new = machine.root / f"srv/mail/{mailhost.CITIZEN}/new"
    return sorted(new.iterdir()) if new.is_dir() else []


def state(machine, *names):
    shown = machine.inside("systemctl", "show", UNIT, *(f"-p{name}" for name in names)).stdout
    pairs = dict(line.split("=", 1) for line in shown.splitlines())
    return [pairs[name] for name in names]


def digests(folder: Path):
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def expect(machine, holds, what):
    if not holds:
        machine.fail(what)


def newer(package: Path, place: Path):
    """The same package with a higher version and a shipped rule file that differs."""
    tree = place / "newer"
    host("dpkg-deb", "-R", package, tree)
    control = tree / "DEBIAN/control"
    control.write_text(control.read_text().replace("Version: ", "Version: 99:", 1))
    shipped = tree / "usr/share/bode/rules/words.toml"
    shipped.write_text(shipped.read_text() + "\n# of the newer version\n")
    (tree / "DEBIAN/md5sums").unlink(missing_ok=True)
    host("dpkg-deb", "--root-owner-group", "-Znone", "-b", tree, place / "newer.deb", stdout=subprocess.DEVNULL)
    shutil.rmtree(tree)
    return place / "newer.deb"


def main():
    package = Path(next(one for one in sys.argv[1:] if not one.startswith("--"))).resolve()
    base()
    place = Path(tempfile.mkdtemp(prefix="install-", dir=HERE / "target"))
    machine = Machine(place)
    try:
        through(machine, package, place)
    finally:
        machine.end()
        if "--keep" not in sys.argv:
            shutil.rmtree(place, ignore_errors=True)


def by_hand(machine, told):
    """The configuration as README has it written by hand: its first lines and four sections changed, passwords in files."""
    own = f"/var/lib/bode/{INSTANCE}"
    for command in (
        f"install -d -o bode -g bode -m 700 {own}",
        f"cp -r /usr/share/bode/rules /usr/share/bode/templates {own}/",
        f"chown -R bode:bode {own}",
        f"cp /usr/share/bode/config/{INSTANCE}.toml {CONFIG}",
    ):
        said(command, told)
        machine.inside(*command.split())
    path = machine.root / CONFIG[1:]
    text = path.read_text()
    for key in ("rules", "templates", "store"):
        text = re.sub(rf'(?m)^{key} = "[^"]*"', f'{key} = "{own}/{key}"', text)
    server = f'host = "{mailhost.HOST}"\nuser = "{mailhost.OFFICE}"\nca_file = "/etc/mailhost/ca.pem"\n'
    path.write_text(
        f'{text}\n[mailbox]\n{server}password = {{ file = "/etc/bode/{INSTANCE}.imap-password" }}\ndone_folder = "Verwerkt"\n'
        f'[smtp]\n{server}password = {{ file = "/etc/bode/{INSTANCE}.smtp-password" }}\n'
        f'[answers]\nsend = true\nfrom_name = "Ombudsman"\nfrom_address = "{mailhost.OFFICE}"\n'
        f'return_path = "mislukt@ombudsman.example.nl"\nown_addresses = ["{mailhost.OFFICE}"]\n'
    )
    for what in ("imap", "smtp"):
        machine.inside("install", "-m", "640", "-g", "bode", "/root/password", f"/etc/bode/{INSTANCE}.{what}-password")


def through(machine, package, place):
    told = readme()
    since = time.monotonic()
    machine.offline("apt-get", "update", "-q")
    mailhost.lay(machine.root, machine.offline)
    (machine.root / "root/password").write_text(mailhost.PASSWORD + "\n")
    (machine.root / "root/password").chmod(0o600)
    shutil.copy(package, machine.root / "root/bode.deb")
    tell("a mail server beside it", since)
    since = time.monotonic()
    machine.offline("apt-get", "install", "-q", "-y", "--download-only", "/root/bode.deb")
    tell("fetching what the package needs", since)
    fetched = steps[-1][1]
    since = time.monotonic()
    machine.boot()
    tell("boot", since)

    # From here on the clock of the bar.
    start = time.monotonic()
    step = time.monotonic()
    said("apt install ./bode_", told)
    machine.inside("apt-get", "install", "-q", "-y", "/root/bode.deb")
    tell("apt install ./bode_….deb", step)
    step = time.monotonic()
    if "bode setup" in told:
        expect(machine, "beheer" in machine.inside(*SETUP).stdout, "setup made no first account")
    else:
        by_hand(machine, told)
    tell("setting up", step)
    step = time.monotonic()
    said(f"systemctl enable --now {UNIT}", told)
    machine.inside("systemctl", "enable", "-q", "--now", UNIT)
    tell(f"systemctl enable --now {UNIT} (ready: mail is taken in, the desk answers)", step)
    step = time.monotonic()
    machine.inside("/usr/sbin/sendmail", "-f", mailhost.CITIZEN, mailhost.OFFICE, stdin=mailhost.complaint(1))
    machine.wait(lambda: len(answers(machine)) == 1, "the first mail is acknowledged")
    tell("first mail acknowledged", step)
    whole = time.monotonic() - start + fetched
    expect(machine, "auto-replied" in answers(machine)[0].read_text(), "the answer is no acknowledgement")
    print(f"{whole:7.1f} s  from the package to the first acknowledgement, fetching included (bar: {SECONDS_MAX})")
    expect(machine, whole < SECONDS_MAX, "slower than the bar")

    active, told_status, kind, restarts, pid = state(machine, "ActiveState", "StatusText", "Type", "NRestarts", "MainPID")
    expect(machine, (active, kind, restarts) == ("active", "notify", "0"), f"{active} {kind} {restarts}")
    expect(machine, told_status.startswith("takes in mail; desk on "), told_status)
    print(f"           systemctl status says: {told_status}")
    judged = machine.inside("systemd-analyze", "security", "--no-pager", UNIT).stdout.splitlines()[-1]
    print(f"           {judged.strip()}")

    # What root does beside the daemon belongs to the daemon.
    said(f"bode --config {CONFIG} user add", told)
    machine.inside("bode", "--config", CONFIG, "user", "add", "--once", "collega")
    machine.inside("bode", "--config", CONFIG, "verify")
    machine.inside("bode", "--config", CONFIG, "health")
    machine.inside("bode", "--config", CONFIG, "doctor")
    foreign = machine.inside("find", "/var/lib/bode", "!", "-user", "bode").stdout
    expect(machine, not foreign, f"not the daemon's: {foreign}")
    open_to_all = machine.inside("find", "/var/lib/bode", "/etc/bode", "-perm", "/o=rwx", "!", "-type", "l").stdout
    closed = machine.inside("stat", "-c", "%a %U:%G", "/etc/bode", "/var/lib/bode", f"/var/lib/bode/{INSTANCE}").stdout.split("\n")[:3]
    expect(machine, closed == ["750 root:bode", "750 bode:bode", "700 bode:bode"], f"{closed}, {open_to_all}")
    for page in ("bode.1.gz", "bode-run.1.gz"):
        expect(machine, (machine.root / "usr/share/man/man1" / page).is_file(), page)

    step = time.monotonic()
    machine.inside("systemctl", "reload", UNIT)
    machine.wait(lambda: state(machine, "ActiveState", "MainPID") == ["active", pid], "it is there after a reload")
    tell("reload", step)

    # One that hangs is started anew.
    step = time.monotonic()
    drop_in = machine.root / f"etc/systemd/system/{UNIT}.service.d"
    drop_in.mkdir(parents=True)
    (drop_in / "watchdog.conf").write_text("[Service]\nWatchdogSec=10\n")
    machine.inside("systemctl", "daemon-reload")
    machine.inside("systemctl", "restart", UNIT)
    (pid,) = state(machine, "MainPID")
    machine.inside("sh", "-c", f"kill -STOP {pid}")
    machine.wait(lambda: state(machine, "NRestarts", "ActiveState") == ["1", "active"], "the watchdog starts it anew")
    (drop_in / "watchdog.conf").unlink()
    machine.inside("systemctl", "daemon-reload")
    tell("a daemon that hangs is killed and started anew by the watchdog (of 10 s)", step)

    # An upgrade: what the office changed stays, the instance starts anew.
    step = time.monotonic()
    shutil.copy(newer(package, place), machine.root / "root/newer.deb")
    changed = {"config": machine.root / CONFIG[1:], "rules": machine.root / f"var/lib/bode/{INSTANCE}/rules/words.toml"}
    for path in changed.values():
        path.write_text(path.read_text() + "\n# of the office\n")
    kept = {name: path.read_bytes() for name, path in changed.items()}
    (pid,) = state(machine, "MainPID")
    machine.inside("apt-get", "install", "-q", "-y", "/root/newer.deb")
    active, after = state(machine, "ActiveState", "MainPID")
    expect(machine, active == "active" and after != pid, f"after the upgrade: {active}, {pid} → {after}")
    expect(machine, kept == {name: path.read_bytes() for name, path in changed.items()}, "the upgrade wrote over the office's files")
    expect(machine, "of the newer version" in (machine.root / "usr/share/bode/rules/words.toml").read_text(), "the shipped rules are old")
    machine.inside("bode", "--config", CONFIG, "rules", "diff", "/usr/share/bode/rules")
    machine.inside("/usr/sbin/sendmail", "-f", mailhost.CITIZEN, mailhost.OFFICE, stdin=mailhost.complaint(2))
    machine.wait(lambda: len(answers(machine)) == 2, "a mail after the upgrade is acknowledged")
    tell("upgrade; the instance runs the new program, and answers the next mail", step)

    # Removal and purge keep the records.
    step = time.monotonic()
    store = machine.root / f"var/lib/bode/{INSTANCE}"
    machine.inside("systemctl", "stop", UNIT)
    before = digests(store)
    machine.inside("systemctl", "start", UNIT)
    machine.inside("apt-get", "remove", "-q", "-y", "bode")
    expect(machine, state(machine, "MainPID") == ["0"], "the daemon outlives the package")
    purged = machine.inside("apt-get", "purge", "-q", "-y", "bode").stdout
    expect(machine, "/var/lib/bode stays" in purged, purged)
    after = digests(store)
    originals = {name: digest for name, digest in before.items() if "/originals/" in f"/{name}"}
    expect(machine, len(originals) > 4 and all(after.get(name) == digest for name, digest in originals.items()), "a purge touched records")
    expect(machine, (machine.root / CONFIG[1:]).is_file(), "the configuration went with the package")
    dangling = list((machine.root / "etc/systemd/system").glob("*.wants/bode@*"))
    expect(machine, not dangling, f"{dangling}")
    machine.inside("apt-get", "install", "-q", "-y", "/root/bode.deb")
    machine.inside("bode", "--config", CONFIG, "verify")
    tell("removed, purged, installed again: every record is there and verify holds", step)
    print(f"{time.monotonic() - began:7.1f} s  in all")


if __name__ == "__main__":
    main()
