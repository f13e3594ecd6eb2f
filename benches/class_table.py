#!/usr/bin/env python3
"""Which real mail gets an answer? No machine may; a person does, or a person of the office looks first.

Real messages from the test fixtures of public mail programs, which are fetched by hand and kept out of this repository.
What a message is comes from the folder or the file name that its own project gave it (a set of bounces, a folder of
auto-replies, the archive of a mailing list), never from bode.

    python3 benches/class_table.py BODE SETS [--reasons FILE]

BODE is the program, SETS a directory with each project as OWNER+NAME; what is missing is told with the command that
fetches it. Each message is judged once (equal bytes count once), as saved mail: without a Return-Path an answer would go
to the author, so nothing is silent only because the fixture lost its envelope. Exit status 1 when a machine is answered,
when fewer than 1,000 machines were tried, or when more than 2 % of the persons get neither an answer nor a look.
--reasons writes a line for each message, to be read by eye: set, file, outcome, subject, reason.
"""

import argparse
import collections
import email.parser
import email.policy
import email.utils
import fnmatch
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

MACHINES_MIN = 1000
SILENT_SHARE_MAX = 0.02
BATCH = 200
CONFIG = pathlib.Path(__file__).resolve().parent.parent / "config" / "den-haag.toml"

# Project, folder and pattern in it, what its project says that it is; then what is left out, and why it is.
MACHINES = [
    ("sisimai/set-of-emails", "maildir/bsd/arf-*", "reports"),
    ("sisimai/set-of-emails", "maildir/bsd/rfc3834-*", "auto-replies"),
    ("sisimai/set-of-emails", "maildir/bsd/*", "bounces"),
    ("sisimai/set-of-emails", "maildir/err/*", "bounces"),
    ("sisimai/set-of-emails", "maildir/dos/*", "bounces"),
    ("sisimai/set-of-emails", "maildir/mac/*", "bounces"),
    ("sisimai/set-of-emails", "maildir/tmp/*", "bounces"),
    ("sisimai/set-of-emails", "mailbox/mbox-*", "bounces"),
    ("jaredmauch/mailman2-python3", "tests/bounces/*.txt", "bounces"),
    ("rjbs/Mail-DeliveryStatus-BounceParser", "t/corpus/*autoreply*", "auto-replies"),
    ("rjbs/Mail-DeliveryStatus-BounceParser", "t/corpus/*vacation*", "auto-replies"),
    ("rjbs/Mail-DeliveryStatus-BounceParser", "t/corpus/*", "bounces"),
    ("yaslama/bouncehammer", "examples/*message*.eml", "bounces"),
    ("mailgun/flanker", "tests/fixtures/messages/bounce/*", "bounces"),
    ("mailgun/flanker", "tests/fixtures/messages/complaints/*", "reports"),
    ("mailgun/flanker", "tests/fixtures/messages/disposition-notification.eml", "reports"),
    ("postalsys/emailengine", "test/fixtures/bounces/*.eml", "bounces"),
    ("postalsys/emailengine", "test/fixtures/autoreply/*.eml", "auto-replies"),
    ("postalsys/emailengine", "test/fixtures/complaints/*.eml", "reports"),
    ("mysociety/alaveteli", "spec/fixtures/files/track-response-*oof*.eml", "auto-replies"),
    ("mysociety/alaveteli", "spec/fixtures/files/autoresponse-header.eml", "auto-replies"),
    ("mysociety/alaveteli", "spec/fixtures/files/track-response-*.eml", "bounces"),
    ("mikel/mail", "spec/fixtures/emails/multipart_report_emails/*", "bounces"),
    ("jstedfast/MimeKit", "UnitTests/TestData/messages/delivery-status*", "bounces"),
    ("jstedfast/MimeKit", "UnitTests/TestData/messages/bounce.txt", "bounces"),
    ("jstedfast/MimeKit", "UnitTests/TestData/messages/disposition-notification*", "reports"),
    ("jstedfast/MimeKit", "UnitTests/TestData/messages/feedback-report*", "reports"),
    ("jhillyerd/enmime", "dsn/testdata/*.raw", "bounces"),
    ("bestpractical/rt", "t/data/emails/multipart-report", "bounces"),
    ("zedshaw/lamson", "tests/bounce.msg", "bounces"),
    ("rspamd/rspamd", "test/functional/messages/newsletter.eml", "newsletters"),
    ("rspamd/rspamd", "test/functional/messages/transactional.eml", "no-reply"),
    ("notmuch/notmuch", "test/corpora/lkml/cur/*", "lists"),
]
PERSONS = [
    ("sisimai/set-of-emails", "maildir/not/*", "no bounces"),
    ("redmine/redmine", "test/fixtures/mail_handler/*.eml", "to a help desk"),
    ("mysociety/alaveteli", "spec/fixtures/files/*.eml", "to and from authorities"),
    ("freescout-help-desk/freescout", "tests/Messages/*.eml", "to a help desk"),
    ("mailgun/talon", "tests/fixtures/standard_replies/*.eml", "replies"),
    ("mikel/mail", "spec/fixtures/emails/plain_emails/*", "plain"),
    ("mikel/mail", "spec/fixtures/emails/mime_emails/*", "with parts"),
    ("mikel/mail", "spec/fixtures/emails/attachment_emails/*", "with attachments"),
    ("mikel/mail", "spec/fixtures/emails/multi_charset/*", "other scripts"),
    ("mikel/mail", "spec/fixtures/emails/rfc2822/*", "examples of RFC 2822"),
    ("zbateson/mail-mime-parser", "tests/_data/emails/m*.txt", "with parts"),
    ("php-mime-mail-parser/php-mime-mail-parser", "tests/mails/*", "with parts"),
    ("apache/james-mime4j", "core/src/test/resources/mimetools-testmsgs/*.msg", "with parts"),
    ("nylas/sync-engine", "inbox/test/data/raw_message_*.txt", "from a mail client"),
    ("jhillyerd/enmime", "testdata/mail/*.raw", "with parts"),
    ("kreuzberg-dev/kreuzberg", "test_documents/email/eml/*/*.eml", "with attachments"),
    ("Unstructured-IO/unstructured", "example-docs/eml/*.eml", "with attachments"),
    ("notmuch/notmuch", "test/corpora/default/*", "archive without the list's fields"),
]
# Not what their folder says, as anybody sees who opens them.
BOUNCE_PARSER, MAILMAN = "rjbs/Mail-DeliveryStatus-BounceParser", "jaredmauch/mailman2-python3"
LEFT_OUT = {
    (BOUNCE_PARSER, "t/corpus/non-autoreply.msg"): "its name says that it is none",
    (BOUNCE_PARSER, "t/corpus/spam-bogus-email-in-report.msg"): "spam itself: its project tests that it is no bounce",
    (BOUNCE_PARSER, "t/corpus/spam-lots-of-bogus-addresses.msg"): "spam itself",
    (BOUNCE_PARSER, "t/corpus/spam-with-badly-parsed-email.msg"): "spam itself",
    (BOUNCE_PARSER, "t/corpus/spam-with-image.msg"): "spam itself",
    (MAILMAN, "tests/bounces/groupwise_03.txt"): "a hotel's reply, typed in Outlook",
}
# Machines among the persons, read by eye: they count as machines.
READ_AS_MACHINES = {
    ("sisimai/set-of-emails", "maildir/not/rb-issue-368-bug.eml"): "bounces",
    ("mysociety/alaveteli", "spec/fixtures/files/empty-return-path.eml"): "bounces",
    ("mysociety/alaveteli", "spec/fixtures/files/humberside-police-odd-mime-type.eml"): "bounces",
    ("mysociety/alaveteli", "spec/fixtures/files/utf-7-conversion.eml"): "bounces",
    ("mikel/mail", "spec/fixtures/emails/plain_emails/raw_email_multiple_from.eml"): "no-reply",
    ("mikel/mail", "spec/fixtures/emails/mime_emails/raw_email_encoded_stack_level_too_deep.eml"): "no-reply",
    ("mikel/mail", "spec/fixtures/emails/mime_emails/raw_email_with_mimepart_without_content_type.eml"): "bounces",
    ("zbateson/mail-mime-parser", "tests/_data/emails/m4006.txt"): "reports",
    ("zbateson/mail-mime-parser", "tests/_data/emails/m0024.txt"): "lists",
    ("php-mime-mail-parser/php-mime-mail-parser", "tests/mails/failure.eml"): "bounces",
    ("php-mime-mail-parser/php-mime-mail-parser", "tests/mails/m0009"): "no-reply",
    ("php-mime-mail-parser/php-mime-mail-parser", "tests/mails/m0015"): "newsletters",
    ("php-mime-mail-parser/php-mime-mail-parser", "tests/mails/m0024"): "lists",
    ("apache/james-mime4j", "core/src/test/resources/mimetools-testmsgs/badbound.msg"): "bounces",
    ("apache/james-mime4j", "core/src/test/resources/mimetools-testmsgs/jt-0498.msg"): "lists",
    ("nylas/sync-engine", "inbox/test/data/raw_message_with_many_recipients.txt"): "lists",
    ("jhillyerd/enmime", "testdata/mail/ctype-bug.raw"): "no-reply",
    ("jhillyerd/enmime", "testdata/mail/multipart-wo-boundary.raw"): "bounces",
    ("jhillyerd/enmime", "testdata/mail/mime-bad-content-type.raw"): "no-reply",
    ("jhillyerd/enmime", "testdata/mail/mime-blank-media-name.raw"): "no-reply",
    ("jhillyerd/enmime", "testdata/mail/mime-duplicate-param.raw"): "no-reply",
    ("jhillyerd/enmime", "testdata/mail/mime-unquoted-tspecials-param.raw"): "no-reply",
    ("jhillyerd/enmime", "testdata/mail/mime-bad-content-transfer-encoding.raw"): "no-reply",
    ("Unstructured-IO/unstructured", "example-docs/eml/email-no-html-content-1.eml"): "no-reply",
    ("Unstructured-IO/unstructured", "example-docs/eml/email-no-utf8-2014-03-17.111517.eml"): "no-reply",
    ("Unstructured-IO/unstructured", "example-docs/eml/email-replace-mime-encodings-error-1.eml"): "no-reply",
    ("Unstructured-IO/unstructured", "example-docs/eml/email-replace-mime-encodings-error-2.eml"): "lists",
    ("Unstructured-IO/unstructured", "example-docs/eml/email-replace-mime-encodings-error-3.eml"): "newsletters",
    ("Unstructured-IO/unstructured", "example-docs/eml/email-replace-mime-encodings-error-4.eml"): "newsletters",
} | {
    # The archive kept the list's fields of these.
    ("notmuch/notmuch", f"test/corpora/default/{where}:2,"): "lists"
    for where in ["foo/new/03", "new/04", "bar/baz/05", "foo/cur/08", "bar/cur/20", "bar/new/21", "bar/new/22",
                  "bar/baz/23", "bar/baz/24"]
}


def project_dir(sets, project):
    """Where a project lies, or nothing."""
    place = sets / project.replace("/", "+")
    return place if place.is_dir() else None


def files_of(sets, project, pattern):
    """Regular files below a project that match; `*` also crosses folders."""
    place = project_dir(sets, project)
    if place is None:
        return
    for folder, _, names in sorted(os.walk(place)):
        for name in sorted(names):
            path = pathlib.Path(folder) / name
            inner = path.relative_to(place).as_posix()
            if fnmatch.fnmatchcase(inner, pattern) and not path.is_symlink() and path.stat().st_size > 0:
                yield path, inner


FIELD = re.compile(rb"^[!-9;-~]+[ \t]*:")


def messages_of(data, several):
    """The messages of a file: a mailbox holds several. What has no header is no message."""
    data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").lstrip(b"\n")
    start = rb"(?m)(?:\A|(?<=\n\n))From [^\n]*\n" if several else rb"\AFrom [^\n]*\n"
    parts = re.split(start, data)
    for part in parts:
        lines = part.split(b"\n", 2)
        if FIELD.match(lines[0]) and (len(lines) < 2 or not lines[1] or lines[1][:1] in b" \t" or FIELD.match(lines[1])):
            yield part


def writer(message):
    """The address that an answer could go to at all: some fixtures have none, or only a part of a header."""
    header = email.parser.BytesHeaderParser(policy=email.policy.compat32).parsebytes(message)
    addresses = [address for _, address in email.utils.getaddresses(map(str, header.get_all("From", [])))]
    return next((address for address in addresses if re.fullmatch(r"[^@\s]+@[^@\s]+", address)), None)


def collect(sets, table, seen, persons):
    """(project, kind) → [(where it stands, bytes)], each message once."""
    found = collections.OrderedDict()
    for project, pattern, kind in table:
        for path, inner in files_of(sets, project, pattern):
            if (project, inner) in LEFT_OUT or (persons and (project, inner) in READ_AS_MACHINES):
                continue
            data = path.read_bytes()
            # A set of templates: its own tests fill these in too.
            data = data.replace(b"EMAIL_FROM", b"writer@example.org").replace(b"EMAIL_TO", b"office@example.net")
            for at, message in enumerate(messages_of(data, "mbox" in path.name or "messages" in path.name)):
                digest = hashlib.sha256(message).digest()
                if digest not in seen and (not persons or writer(message)):
                    seen.add(digest)
                    found.setdefault((project, kind), []).append((f"{inner}#{at}" if at else inner, message))
    return found


def judge(bode, messages, scratch):
    """What bode would do with each message: its lines of `triage --json`, in order."""
    told = []
    for start in range(0, len(messages), BATCH):
        paths = []
        for at, (_, message) in enumerate(messages[start:start + BATCH]):
            path = scratch / f"{start + at}.eml"
            path.write_bytes(message)
            paths.append(path)
        command = [bode, "--config", CONFIG, "--quiet", "--no-progress", "triage", "--json", *paths]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        told += [json.loads(line) for line in done.stdout.splitlines()]
        for path in paths:
            path.unlink()
    if len(told) != len(messages):
        sys.exit(f"bode told of {len(told)} messages, not {len(messages)}")
    return told


def outcome(line):
    if "error" in line:
        return "refused", line["error"]
    if line["automatic"]:
        # Set aside; staff see it there.
        return "set aside", f'{line["automatic"]["class"]}: {line["automatic"]["reason"]}'
    answer = line["acknowledgement"]
    return ("answered" if answer["send"] else "held" if answer["held"] else "silent"), answer["reason"]


def table(title, rows, reasons):
    """Prints a row for each set; gives the sum."""
    names = ["set aside", "silent", "held", "answered", "refused"]
    print(f"\n{title:64}{'n':>6}" + "".join(f"{name:>11}" for name in names))
    total = collections.Counter()
    for (project, kind), told in rows.items():
        counts = collections.Counter(outcome(line)[0] for _, line in told)
        total.update(counts)
        print(f"{project + ', ' + kind:64}{len(told):6}" + "".join(f"{counts[name]:11}" for name in names))
        for where, line in told:
            what, why = outcome(line)
            subject = " ".join((line.get("subject") or "").split())
            reasons.write("\t".join([title, project, where, what, subject[:80], why]) + "\n")
    print(f"{'all':64}{sum(total.values()):6}" + "".join(f"{total[name]:11}" for name in names))
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("bode", type=pathlib.Path)
    parser.add_argument("sets", type=pathlib.Path)
    parser.add_argument("--reasons", type=pathlib.Path, default=pathlib.Path(os.devnull))
    arguments = parser.parse_args()
    for project in sorted({row[0] for row in MACHINES + PERSONS}):
        if project_dir(arguments.sets, project) is None:
            into = arguments.sets / project.replace("/", "+")
            print(f"missing: git clone --depth 1 https://github.com/{project} {into}", file=sys.stderr)
    seen, sums = set(), []
    with tempfile.TemporaryDirectory() as scratch, arguments.reasons.open("w") as reasons:
        moved = [(project, inner, kind) for (project, inner), kind in READ_AS_MACHINES.items()]
        for title, sets in (("machines", MACHINES + moved), ("persons", PERSONS)):
            found = collect(arguments.sets, sets, seen, persons=title == "persons")
            told = judge(arguments.bode, [message for row in found.values() for message in row], pathlib.Path(scratch))
            lines = iter(told)
            rows = {key: [(where, next(lines)) for where, _ in row] for key, row in found.items()}
            sums.append(table(title, rows, reasons))
    machines, persons = sums
    tried, asked = sum(machines.values()), sum(persons.values())
    silent = asked - persons["answered"] - persons["held"]
    print(f"\n{tried} machines, {machines['answered']} answered; "
          f"{asked} persons, {asked - silent} answered or held ({(asked - silent) / max(asked, 1):.1%})")
    bad = machines["answered"] > 0 or tried < MACHINES_MIN or silent > SILENT_SHARE_MAX * asked
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
