//! Every metric of the house. `docs/watching.md` explains each; dashboard and alert rules name no other (a test holds both).

use super::Kind::{Counter, Gauge, Histogram};
use super::{Family, Kind};

/// Steps for what takes a moment on disk or processor, and may take minutes for a long scan.
const STAGE_STEPS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];
/// From seconds to the four weeks after which nobody needs steps any more.
const WAIT_STEPS: &[f64] = &[
    1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0, 14400.0, 86400.0, 259200.0, 604800.0,
];

/// Known label values of the stages that a piece goes through.
const STAGES: &[&[&str]] = &[&["register"], &["extract"], &["triage"], &["answer"], &["commit"], &["send"]];
const ALONE: &[&[&str]] = &[&[]];
const SOME: &[&[&str]] = &[];

macro_rules! families {
    ($($id:ident = $kind:expr, $name:literal, $labels:expr, $known:expr, $help:literal;)*) => {
        $(
            #[doc = $help]
            pub static $id: Family = Family { name: $name, kind: $kind, help: $help, labels: $labels, known: $known };
        )*
        /// All of them, in the order of this file.
        pub static ALL: &[&Family] = &[$(&$id),*];
    };
}

const fn histogram(steps: &'static [f64]) -> Kind {
    Histogram(steps)
}

families! {
    BUILD = Gauge, "bode_build_info", &["version", "office"], SOME,
        "Always 1; the labels tell which bode runs for which office.";
    UP = Gauge, "bode_up", &["part"], SOME,
        "Whether a part of the house works (1) or not (0); /healthz tells why.";

    PIECES = Counter, "bode_pieces_total", &["source", "channel"],
        &[&["mailbox", "email"], &["maildir", "email"], &["scans", "letter"]],
        "Pieces taken in and registered.";
    PIECE_BYTES = Counter, "bode_piece_bytes_total", &["source"], SOME,
        "Bytes of the pieces that were registered.";
    PIECES_AGAIN = Counter, "bode_pieces_again_total", &["source"], SOME,
        "Pieces that were byte for byte known already.";
    PIECES_REFUSED = Counter, "bode_pieces_refused_total", &["source"], SOME,
        "Pieces that could not be registered; they stay at their source with the reason.";
    SOURCE_FAILURES = Counter, "bode_source_failures_total", &["source"], SOME,
        "Tries to take in from a source that failed.";
    LAST_PIECE = Gauge, "bode_last_piece_timestamp_seconds", &[], SOME,
        "When the last piece was registered, in seconds since 1970.";
    LEFT_BEHIND = Gauge, "bode_left_behind", &["source"], SOME,
        "Pieces that stay at their source; the desk tells why.";
    WORKING_DAY = Gauge, "bode_working_day", &[], ALONE,
        "Whether today is a working day of the office (1) or a weekend or holiday (0).";

    STAGE_PIECES = Gauge, "bode_stage_pieces", &["stage"], STAGES,
        "Pieces and answers that are in a stage now.";
    STAGE_SECONDS = histogram(STAGE_STEPS), "bode_stage_seconds", &["stage"], STAGES,
        "How long a stage took: a batch for register, an answer for send, a piece for the others.";
    JUDGED_SECONDS = histogram(WAIT_STEPS), "bode_judged_seconds", &[], ALONE,
        "Time from registration to judgement.";
    ANSWERED_SECONDS = histogram(WAIT_STEPS), "bode_answered_seconds", &["channel"], &[&["email"], &["letter"]],
        "Time from legal receipt of a case to its answer going out.";
    JUDGED = Counter, "bode_judged_total", &["became"],
        &[&["case"], &["part-of-case"], &["aside"], &["divided"]],
        "Pieces judged, by what became of them.";
    NOT_YET = Counter, "bode_judging_failures_total", &["part"], &[&["store"], &["reading"]],
        "Tries to judge a piece that failed; it is tried again.";
    STUCK = Gauge, "bode_pieces_stuck", &[], ALONE,
        "Pieces whose last try to judge them failed.";

    UNJUDGED_AGE = Gauge, "bode_oldest_unjudged_seconds", &[], ALONE,
        "Age of the oldest piece that is registered and not judged; 0: there is none.";
    UNDECIDED_AGE = Gauge, "bode_oldest_undecided_seconds", &["queue"], SOME,
        "Age since legal receipt of the first open case of a queue.";
    UNSENT_AGE = Gauge, "bode_oldest_unsent_answer_seconds", &[], ALONE,
        "Age since registration of the oldest piece whose answer waits to go out; 0: there is none.";
    CASES = Gauge, "bode_cases", &["queue", "status"], SOME,
        "Cases by queue and status.";

    ANSWERS_WAITING = Gauge, "bode_outbox_answers", &["state"],
        &[&["waiting"], &["undelivered"], &["letter-to-check"]],
        "Answers that wait to go out, that did not arrive, or whose address a person must check; at most 10000 are counted.";
    GATE = Counter, "bode_gate_total", &["outcome"], &[&["send"], &["hold"], &["withhold"]],
        "What the gate said of the answers to judged pieces.";
    ANSWERS = Counter, "bode_answers_total", &["outcome"],
        &[&["sent"], &["deferred"], &["failed"], &["rehearsed"]],
        "Attempts at answers, by what came of them.";
    SMTP_UNREACHED = Counter, "bode_smtp_failures_total", &[], ALONE,
        "Times that the mail server for answers could not be used.";
    BREAKER = Gauge, "bode_breaker_open", &[], ALONE,
        "Whether the breaker over all answers is open (1).";
    SENDING_PAUSED = Gauge, "bode_sending_paused", &[], ALONE,
        "Whether a person paused all answers (1).";

    DOCUMENTS = Counter, "bode_documents_total", &["method"], SOME,
        "Documents read, by how.";
    PROBLEMS = Counter, "bode_reading_problems_total", &["problem"],
        &[&["encrypted"], &["damaged"], &["too-large"], &["unsupported"], &["timeout"], &["malware"], &["empty"]],
        "Documents that could not be read, or not wholly, by kind.";
    WORKERS = Gauge, "bode_workers", &[], ALONE,
        "Reading processes that run now.";
    WORKER_BYTES = Gauge, "bode_worker_resident_bytes", &[], ALONE,
        "Resident memory of all reading processes together.";
    WORKER_BYTES_MAX = Gauge, "bode_worker_resident_max_bytes", &[], ALONE,
        "Resident memory of the largest reading process.";
    WORKER_STARTS = Counter, "bode_worker_starts_total", &[], ALONE,
        "Reading processes started.";
    WORKERS_LOST = Counter, "bode_workers_lost_total", &["cause"],
        &[&["deadline"], &["died"], &["lied"], &["too-much"]],
        "Reading processes that ended before their work was done; one document each costs its text.";

    RULE_FIRED = Counter, "bode_rule_fired_total", &["rule"], SOME,
        "Pieces on which a rule concluded something.";
    RULE_KEPT = Counter, "bode_rule_kept_total", &["rule"], SOME,
        "Decisions by people that kept what a rule concluded.";
    RULE_OVERRULED = Counter, "bode_rule_overruled_total", &["rule"], SOME,
        "Decisions by people that overruled what a rule concluded.";
    RELOADS = Counter, "bode_reloads_total", &["outcome"], &[&["taken"], &["refused"]],
        "Times that rules, templates and office data were read again.";

    LEDGER_PIECES = Gauge, "bode_ledger_pieces", &[], SOME,
        "Pieces ever registered, at the last proof of the ledger.";
    LEDGER_MISSING = Gauge, "bode_ledger_missing", &[], SOME,
        "The ledger's difference: pieces that the last proof missed.";
    LEDGER_EXCEPTIONS = Gauge, "bode_ledger_exceptions", &[], SOME,
        "Exceptions of the last proof.";
    LEDGER_AGE = Gauge, "bode_ledger_age_seconds", &[], SOME,
        "Age of the last proof.";
    LEDGER_SOURCE = Gauge, "bode_ledger_source_pieces", &["source"], SOME,
        "Pieces that stood at a source, at the last proof.";

    DISK_FREE = Gauge, "bode_disk_free_bytes", &["place"], SOME,
        "Room on the disk of the store, the letters to print and the scans.";
    DISK_SIZE = Gauge, "bode_disk_size_bytes", &["place"], SOME,
        "Size of that disk.";
    INODES_FREE = Gauge, "bode_disk_free_inodes", &["place"], SOME,
        "Files that can still be made on that disk; a store makes several for each piece.";
    BACKUP_AT = Gauge, "bode_last_backup_timestamp_seconds", &[], ALONE,
        "When the last backup of this store was ended, in seconds since 1970; 0: never.";
    CERTIFICATE = Gauge, "bode_certificate_expiry_timestamp_seconds", &["server"], SOME,
        "Until when the certificate holds that a server (such as mailbox, or webhook NAME) showed last, in seconds since 1970.";

    TEXTS_BEHIND = Gauge, "bode_texts_behind", &[], SOME,
        "Entries of the journal whose texts cannot be searched yet.";
    WEBHOOK_BEHIND = Gauge, "bode_webhook_behind", &["webhook"], SOME,
        "Events and entries that wait to be told.";
    WEBHOOK_FAILURES = Counter, "bode_webhook_failures_total", &["webhook"], SOME,
        "Tries that were not taken.";
    ZAAKSYSTEEM_UP = Gauge, "bode_zaaksysteem_up", &[], SOME,
        "Whether the zaaksysteem could be used at the last try (1) or not (0); the desk tells why.";
    HANDOVER_CASES = Gauge, "bode_handover_cases", &["state"], SOME,
        "Decided cases on their way to the zaaksysteem: waiting, refused, or changed after they were handed over.";
    HANDOVERS = Counter, "bode_handovers_total", &["outcome"], SOME,
        "Cases handed over or refused, and rounds that the zaaksysteem hindered.";
    LOOKS = Counter, "bode_looks_total", &["written"], SOME,
        "Looks at cases by people, by whether they were written down.";
    LOGINS_REFUSED = Counter, "bode_logins_refused_total", &[], ALONE,
        "Logins with a wrong name or password.";
    LOGINS_LOCKED = Counter, "bode_logins_locked_total", &[], ALONE,
        "Logins refused because of too many wrong passwords.";

    PROCESS_BYTES = Gauge, "process_resident_memory_bytes", &[], SOME,
        "Resident memory of the daemon, without its reading processes.";
    PROCESS_CPU = Counter, "process_cpu_seconds_total", &[], SOME,
        "Processor time of the daemon, without its reading processes.";
    PROCESS_FILES = Gauge, "process_open_fds", &[], SOME,
        "Files and connections that the daemon has open.";
    PROCESS_FILES_MAX = Gauge, "process_max_fds", &[], SOME,
        "Files and connections that it may have open.";
    PROCESS_START = Gauge, "process_start_time_seconds", &[], ALONE,
        "When the daemon was started, in seconds since 1970.";
}
