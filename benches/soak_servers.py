"""A real Dovecot (IMAP) and Exim (submission, delivery into Maildir folders) for the soak, on loopback and without rights.

A message comes in as a delivery agent lays it: a file in `new` of the Maildir that Dovecot serves.
"""
import os
import shutil
import signal
import subprocess

from office import OFFICE
from peer import answers, free_port, until

PASSWORD = "soak-geheim"


def certificates(folder):
    make = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "60"]
    name, quietly = ["-addext", "subjectAltName=DNS:localhost"], {"check": True, "stderr": subprocess.DEVNULL}
    subprocess.run([*make, "-subj", "/CN=proef", *name, "-keyout", folder / "authority.key", "-out", folder / "authority.pem"], **quietly)
    subprocess.run([*make, "-CA", folder / "authority.pem", "-CAkey", folder / "authority.key", "-subj", "/CN=localhost", *name, "-addext",
                    "basicConstraints=critical,CA:FALSE", "-keyout", folder / "key.pem", "-out", folder / "certificate.pem"], **quietly)


class Servers:
    def __init__(self, folder):
        self.dir = folder
        self.imaps, self.submissions = free_port(), free_port()
        self.programs, self.laid = {}, 0
        self.inbox, self.sent = folder / "mail" / OFFICE, folder / "sent"
        for sub in ("mail", "sent", "dovecot/base", "dovecot/state", "exim/spool", "log"):
            (folder / sub).mkdir(parents=True)
        for sub in ("new", "cur", "tmp"):
            (self.inbox / sub).mkdir(parents=True)
        certificates(folder)
        (folder / "password").write_text(PASSWORD + "\n")
        root = os.getuid() == 0
        self.user = "nobody" if root else subprocess.run(["id", "-un"], capture_output=True, text=True).stdout.strip()
        self.group = subprocess.run(["id", "-gn", self.user], capture_output=True, text=True).stdout.strip()
        self.before = ["setpriv", "--reuid", self.user, "--regid", self.group, "--clear-groups"] if root else []
        (folder / "dovecot.conf").write_text(self.dovecot())
        (folder / "exim.conf").write_text(self.exim())
        if root:
            folder.chmod(0o755)
            for path in [*folder.rglob("*"), folder]:
                shutil.chown(path, self.user, self.group)

    def dovecot(self):
        d, u, g = self.dir, self.user, self.group
        return (f"base_dir = {d}/dovecot/base\nstate_dir = {d}/dovecot/state\nlog_path = {d}/log/dovecot\nprotocols = imap\n"
                f"listen = 127.0.0.1\ndefault_internal_user = {u}\ndefault_internal_group = {g}\ndefault_login_user = {u}\n"
                f"mail_uid = {u}\nmail_gid = {g}\nfirst_valid_uid = 1\nfirst_valid_gid = 1\nmail_location = maildir:{d}/mail/%Lu\n"
                f"auth_username_format = %Lu\nssl = required\nssl_cert = <{d}/certificate.pem\nssl_key = <{d}/key.pem\n"
                f"passdb {{\n  driver = static\n  args = password={PASSWORD}\n}}\n"
                f"userdb {{\n  driver = static\n  args = uid={u} gid={g} home={d}/mail/%Lu allow_all_users=yes\n}}\n"
                "service anvil {\n  chroot =\n}\nservice stats {\n  chroot =\n}\n"
                "service imap-login {\n  chroot =\n  inet_listener imap {\n    port = 0\n  }\n"
                f"  inet_listener imaps {{\n    port = {self.imaps}\n    ssl = yes\n  }}\n}}\n")

    def exim(self):
        d = self.dir
        login = f"${{if and{{{{eq{{$auth2}}{{{OFFICE}}}}}{{eq{{$auth3}}{{{PASSWORD}}}}}}}}}"
        return (f"exim_user = {self.user}\nexim_group = {self.group}\nprimary_hostname = mx.example.nl\nspool_directory = {d}/exim/spool\n"
                f"log_file_path = {d}/log/exim-%s\npid_file_path = {d}/exim/pid\nkeep_environment =\nlocal_interfaces = 127.0.0.1\n"
                f"daemon_smtp_ports = {self.submissions}\ntls_on_connect_ports = {self.submissions}\ntls_advertise_hosts = *\n"
                f"tls_certificate = {d}/certificate.pem\ntls_privatekey = {d}/key.pem\ndeliver_drop_privilege\nnever_users =\nhost_lookup =\n"
                "rfc1413_query_timeout = 0s\nacl_smtp_rcpt = rcpt\nauth_advertise_hosts = *\nsmtp_accept_queue_per_connection = 0\n\n"
                "begin acl\nrcpt:\n  deny !authenticated = *\n  accept\n\n"
                "begin routers\nall:\n  driver = accept\n  transport = folder\n\n"
                f"begin transports\nfolder:\n  driver = appendfile\n  maildir_format\n  directory = {d}/sent\n  create_directory\n  "
                f"user = {self.user}\n  group = {self.group}\n\nbegin retry\n* * F,2h,1s\n\n"
                f"begin authenticators\nplain:\n  driver = plaintext\n  public_name = PLAIN\n  server_condition = {login}\n  server_set_id = $auth2\n")

    def start(self, name):
        command = {"dovecot": ["/usr/sbin/dovecot", "-F", "-c", str(self.dir / "dovecot.conf")],
                   "exim": ["/usr/sbin/exim4", "-C", str(self.dir / "exim.conf"), "-bdf", "-q1s"]}[name]
        with open(self.dir / f"log/{name}-stderr", "ab") as log:
            self.programs[name] = subprocess.Popen([*self.before, *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                                   start_new_session=True)
        port = self.imaps if name == "dovecot" else self.submissions
        until(lambda: answers(port), 20, name)

    def tell(self, name, sign):
        """A signal to a server and all that it started."""
        if name in self.programs:
            try:
                os.killpg(self.programs[name].pid, sign)
            except ProcessLookupError:
                pass

    def end(self, name):
        if name in self.programs:
            self.tell(name, signal.SIGTERM)
            try:
                self.programs[name].wait(10)
            except subprocess.TimeoutExpired:
                pass
            self.tell(name, signal.SIGKILL)
            self.programs.pop(name).wait()

    def lay(self, content, at):
        """A message for the office that came at a time (seconds)."""
        self.laid += 1
        name = f"{int(at)}.{self.laid:06}.soak"
        path = self.inbox / "tmp" / name
        path.write_bytes(content.replace(b"\r\n", b"\n"))
        if self.before:
            shutil.chown(path, self.user, self.group)
        os.utime(path, (at, at))
        os.rename(path, self.inbox / "new" / name)

    def toml(self):
        common = f'host = "localhost"\ntls = "implicit"\nca_file = "{self.dir}/authority.pem"\nuser = "{OFFICE}"\npassword = {{ file = "{self.dir}/password" }}\n'
        return (f'[mailbox]\nport = {self.imaps}\n{common}done_folder = "Verwerkt"\nanswer_from = 2026-01-01\n\n'
                f"[smtp]\nport = {self.submissions}\n{common}\n")
