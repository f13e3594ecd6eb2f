"""Roundup from PyPI, on loopback: the classic template with SQLite, the backend that its manual calls fastest, and its web
server running. Mail comes in either of the two ways of its manual: `roundup-mailgw` on the command line for each message, as an
alias of a mail server pipes it, or one `roundup-mailgw … mailbox` that reads a whole mailbox. The author gets the first message
back with the number of the issue (`messages_to_author = new`), which is Roundup's acknowledgement.
"""
import configparser
import os
import re
import subprocess
from email import message_from_bytes
from mailbox import mbox

from peer import Peer, answers, free_port, until

AT_ONCE = 2  # messages at the same time; SQLite has one writer


class Roundup(Peer):
    name = "Roundup, a process a message"
    does = "finds or makes the user, keeps the text, makes message and issue, indexes the words, sends the message to the issue's list"
    setting = f"SQLite, classic template, roundup-server; roundup-mailgw a message, {AT_ONCE} at a time"
    venv = None

    @property
    def version(self):
        ask = [str(self.venv / "bin/python"), "-c", "import roundup; print(roundup.__version__)"]
        return subprocess.run(ask, capture_output=True, text=True).stdout.strip()

    def start(self):
        self.tracker = self.dir / "tracker"
        admin = [str(self.venv / "bin/roundup-admin"), "-i", str(self.tracker)]
        quiet = {"check": True, "stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "timeout": 120}
        subprocess.run([*admin, "install", "classic", "sqlite"], **quiet)
        self.port = free_port()
        ini = self.tracker / "config.ini"
        config = configparser.RawConfigParser()
        config.read(ini)
        config["main"].update({"admin_email": "beheer@ombudsman.example.nl", "dispatcher_email": "beheer@ombudsman.example.nl"})
        config["tracker"].update({"web": f"http://127.0.0.1:{self.port}/proef/", "email": "klacht@ombudsman.example.nl"})
        config["mail"].update({"domain": "ombudsman.example.nl", "host": "127.0.0.1", "port": str(self.sink.plain_port)})
        config["nosy"]["messages_to_author"] = "new"
        with open(ini, "w") as file:
            config.write(file)
        # Who is unknown may write: the template has these lines as comments.
        schema = self.tracker / "schema.py"
        words = schema.read_text()
        words = re.sub(r"^#(db\.security\.addPermissionToRole\('Anonymous', 'Email Access'\))", r"\1", words, flags=re.M)
        schema.write_text(words + "\nfor one in 'issue', 'file', 'msg':\n    db.security.addPermissionToRole('Anonymous', 'Create', one)\n")
        subprocess.run([*admin, "initialise", "proef-wachtwoord"], **quiet)
        # It asks root to say whom it is to be.
        root = ["-u", "root"] if os.getuid() == 0 else []
        self.spawn([str(self.venv / "bin/roundup-server"), "-n", "127.0.0.1", "-p", str(self.port), *root, f"proef={self.tracker}"], "server")
        until(lambda: answers(self.port), 60, "roundup-server")

    def gateway(self):
        return [str(self.venv / "bin/roundup-mailgw"), str(self.tracker)]

    def feed(self, messages):
        self.bring_all(self.gateway(), messages, AT_ONCE)

    def stored(self):
        admin = [str(self.venv / "bin/roundup-admin"), "-i", str(self.tracker)]
        return len(subprocess.run([*admin, "list", "issue"], capture_output=True, text=True, check=True).stdout.splitlines())


class RoundupMailbox(Roundup):
    name = "Roundup, one process a mailbox"
    setting = "SQLite, classic template, roundup-server; one roundup-mailgw over the whole mailbox"

    def feed(self, messages):
        path = self.dir / "post.mbox"
        path.unlink(missing_ok=True)
        box = mbox(path)
        for content in messages:
            box.add(message_from_bytes(content))
        box.close()
        self.bring([*self.gateway(), "mailbox", str(path)], b"")
