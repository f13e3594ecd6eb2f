"""Request Tracker 5 as Debian packs it, on loopback: PostgreSQL with Debian's own settings (durable), the prefork web server
that `rt-server` brings (Starlet), mail by `rt-mailgate` as an alias of a mail server would pipe it, acknowledgements by the
scrip "On Create Autoreply To Requestors" through a sendmail (msmtp, which hands on at once and keeps no queue).

RT's manual advises PostgreSQL or MySQL for more than trying, and several web processes.
"""
import os
import shutil
import signal
import subprocess
from pathlib import Path

from peer import Peer, answers, as_user, free_port, until

SERVER = "/usr/share/request-tracker5/libexec/rt-server"
WORKERS = 4   # web processes, and mails at the same time: twice the cores of a small server


class RequestTracker(Peer):
    name = "Request Tracker"
    does = ("finds or makes the user, makes the ticket with its transaction and attachments, runs the scrips, fills in the reply and "
            "keeps a copy of it as a transaction")
    setting = f"PostgreSQL (Debian's settings), Starlet with {WORKERS} processes, rt-mailgate a message, {WORKERS} at a time"

    @property
    def version(self):
        return subprocess.run(["dpkg-query", "-W", "-f", "${Version}", "request-tracker5"], capture_output=True, text=True).stdout

    def start(self):
        self.dir.chmod(0o755)
        self.port, self.pg_port = free_port(), free_port()
        programs = max(Path("/usr/lib/postgresql").glob("*/bin"))
        data = self.dir / "pg"
        data.mkdir()
        self.database = as_user("postgres")
        if self.database:
            shutil.chown(data, "postgres")
        run = {"check": True, "stdout": subprocess.DEVNULL, "cwd": "/"}
        subprocess.run([*self.database, str(programs / "initdb"), "-D", str(data), "-A", "trust", "-U", "postgres", "-E", "UTF8",
                        "--locale=C.UTF-8"], **run)
        self.spawn([*self.database, str(programs / "postgres"), "-D", str(data), "-p", str(self.pg_port),
                    "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={data}"], "postgres",
                   ends_by=signal.SIGINT, cwd="/")  # with SIGTERM it waits for those that are connected
        ready = [str(programs / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.pg_port)]
        until(lambda: subprocess.run(ready).returncode == 0, 60, "PostgreSQL")
        sendmail = self.dir / "msmtprc"
        sendmail.write_text(f"account default\nhost 127.0.0.1\nport {self.sink.plain_port}\nfrom rt@ombudsman.example.nl\ntls off\nauth off\n")
        config, nothing = self.dir / "site.pm", self.dir / "site.d"
        nothing.mkdir()
        config.write_text(
            "Set($rtname, 'proef'); Set($Organization, 'example.nl');\n"
            f"Set($WebDomain, '127.0.0.1'); Set($WebPort, {self.port}); Set($WebPath, '');\n"
            f"Set($DatabaseType, 'Pg'); Set($DatabaseHost, '127.0.0.1'); Set($DatabasePort, {self.pg_port});\n"
            "Set($DatabaseName, 'rt5'); Set($DatabaseUser, 'rt_user'); Set($DatabasePassword, 'proef');\n"
            "Set($CorrespondAddress, 'klacht@ombudsman.example.nl'); Set($CommentAddress, 'klacht@ombudsman.example.nl');\n"
            "Set($MailCommand, 'sendmailpipe'); Set($SendmailPath, '/usr/bin/msmtp');\n"
            f"Set($SendmailArguments, '-C {sendmail} -oi');\n"
            "Set($LogToSyslog, undef); Set($LogToSTDERR, 'error'); Set($LogToFile, undef);\n1;\n")
        self.env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "RT_SITE_CONFIG": str(config), "RT_SITE_CONFIG_DIR": str(nothing)}
        setup = ["rt-setup-database-5", "--dba", "postgres"]
        with open(self.dir / "setup.log", "wb") as log:
            run = {"check": True, "stdout": log, "stderr": log, "env": self.env | {"PGPASSWORD": "proef"}, "cwd": "/", "stdin": subprocess.DEVNULL}
            subprocess.run([*setup, "--action", "init", "--dba-password", "proef"], **run)
            rights = self.dir / "rights.pl"
            rights.write_text("@ACL = map { { GroupDomain => 'SystemInternal', GroupType => 'Everyone', Queue => 'General', "
                              "Right => $_ } } qw(CreateTicket ReplyToTicket SeeQueue);\n1;\n")
            subprocess.run([*setup, "--action", "insert", "--datafile", str(rights), "--dba-password", "proef"], **run)
        self.spawn([*as_user("www-data"), SERVER, "--server", "Starlet", "--port", str(self.port), "--host", "127.0.0.1",
                    "--max-workers", str(WORKERS)], "rt", env=self.env, cwd="/")
        until(lambda: answers(self.port), 120, "the web server of RT")

    def feed(self, messages):
        gate = ["rt-mailgate-5", "--queue", "General", "--action", "correspond", "--url", f"http://127.0.0.1:{self.port}/"]
        self.bring_all(gate, messages, WORKERS, cwd="/")

    def stored(self):
        said = subprocess.run(["psql", "-h", "127.0.0.1", "-p", str(self.pg_port), "-U", "postgres", "-Atc",
                               "select count(*) from tickets", "rt5"], capture_output=True, text=True, check=True, cwd="/")
        return int(said.stdout)
