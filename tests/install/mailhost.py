"""A real Dovecot and a real Exim in the root, as an office has them: IMAP and submission over TLS by an authority of its own, a
mailbox for every address of ombudsman.example.nl and example.org, delivered to by Exim and read by Dovecot."""
from pathlib import Path

OFFICE = "klacht@ombudsman.example.nl"
CITIZEN = "jansen@example.org"
PASSWORD = "geheim-voor-de-proef"
HOST = "mail.example.nl"

DOVECOT = f"""
protocols = imap
listen = 127.0.0.1
log_path = /var/log/dovecot.log
mail_location = maildir:/srv/mail/%u
first_valid_uid = 100
disable_plaintext_auth = yes
ssl = required
ssl_cert = </etc/mailhost/server.pem
ssl_key = </etc/mailhost/server.key
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid=vmail gid=vmail home=/srv/mail/%u
}}
"""

EXIM = f"""
primary_hostname = {HOST}
daemon_smtp_ports = 465
tls_on_connect_ports = 465
local_interfaces = 127.0.0.1
tls_advertise_hosts = *
tls_certificate = /etc/mailhost/server.pem
tls_privatekey = /etc/mailhost/server.key
acl_smtp_rcpt = of_the_house
never_users =
log_file_path = /var/log/exim4/%slog
begin acl
of_the_house:
  accept authenticated = *
  deny
begin routers
mailbox:
  driver = accept
  domains = ombudsman.example.nl : example.org
  transport = maildir
begin transports
maildir:
  driver = appendfile
  maildir_format
  directory = /srv/mail/${{local_part_data}}@${{domain_data}}
  create_directory
  user = vmail
  group = vmail
  return_path_add
  delivery_date_add
  envelope_to_add
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and {{{{eq{{$auth2}}{{{OFFICE}}}}}{{eq{{$auth3}}{{{PASSWORD}}}}}}}}}
  server_set_id = $auth2
  server_advertise_condition = ${{if def:tls_in_cipher}}
"""

# A part of an address that came from outside is tainted in Exim: what names a file comes from a list of ours.
EXIM = EXIM.replace(
    "  domains = ombudsman.example.nl : example.org\n",
    "  domains = ombudsman.example.nl : example.org\n  local_parts = klacht : mislukt : jansen : pietersen\n",
)

PACKAGES = ["dovecot-imapd", "exim4-daemon-light", "openssl"]


def lay(root: Path, run):
    """Installs and configures both in the root; `run` runs a command in it, with the network."""
    # Neither starts while it is installed: they start with the machine.
    run("apt-get", "install", "-q", "-y", "--no-install-recommends", *PACKAGES)
    run("adduser", "--quiet", "--system", "--group", "--home", "/srv/mail", "vmail")
    keys = root / "etc/mailhost"
    keys.mkdir()
    make = lambda *arguments: run("openssl", *arguments)
    make("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=Proef-CA", "-keyout",
         "/etc/mailhost/ca.key", "-out", "/etc/mailhost/ca.pem", "-addext", "basicConstraints=critical,CA:TRUE")
    make("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={HOST}", "-keyout", "/etc/mailhost/server.key", "-out", "/etc/mailhost/server.csr")
    (keys / "extensions").write_text(f"subjectAltName=DNS:{HOST}\nextendedKeyUsage=serverAuth\n")
    make("x509", "-req", "-in", "/etc/mailhost/server.csr", "-CA", "/etc/mailhost/ca.pem", "-CAkey", "/etc/mailhost/ca.key",
         "-CAcreateserial", "-days", "30", "-extfile", "/etc/mailhost/extensions", "-out", "/etc/mailhost/server.pem")
    run("chgrp", "Debian-exim", "/etc/mailhost/server.key")
    run("chmod", "640", "/etc/mailhost/server.key")
    (root / "etc/dovecot/dovecot.conf").write_text(DOVECOT)
    (root / "etc/exim4/exim4.conf").write_text(EXIM)
    hosts = root / "etc/hosts"
    hosts.write_text(f"127.0.0.1 localhost {HOST}\n")


def complaint(number: int) -> str:
    """A citizen's message; each is another one."""
    return (
        f"From: A. Jansen <{CITIZEN}>\nTo: {OFFICE}\nSubject: Klacht over de gemeente ({number})\n"
        f"Message-ID: <klacht-{number}@example.org>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n"
        f"Geachte ombudsman,\n\nIk heb een klacht over de gemeente Den Haag. Op mijn brief nummer {number} kreeg ik geen antwoord, en de\n"
        "medewerker aan de balie was onbeleefd tegen mij.\n\nMet vriendelijke groet,\nA. Jansen\n"
    )
