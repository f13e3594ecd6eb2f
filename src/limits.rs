//! Every bound of the house, in one place, each with its unit and its reason.
//!
//! Invariant: no loop, buffer, queue or wait in this program is without a bound, and reaching one is a
//! named outcome (a [`Problem`](crate::record::Problem), a reason for silence, a message), never silence.

use std::time::Duration;

/// Bytes of one message or scan. Mail servers of Dutch governments commonly stop at 50 to 150 MB; what is
/// larger stays where it is and is told to staff.
pub const PIECE_BYTES_MAX: u64 = 100 * 1024 * 1024;

/// Messages taken from a mailbox before the first of them must have been settled: bounds memory and what
/// a crash makes the next start fetch again.
pub const BATCH_PIECES_MAX: usize = 50;

/// Bytes fetched from a mailbox in one batch; a batch ends early when it is reached.
pub const BATCH_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Records waiting between register and the workers. The register stops taking in when it is full: what
/// has not been fetched is safe where it is.
pub const PIPELINE_RECORDS_MAX: usize = 256;

/// Characters of text kept of one document. A novel has about a million.
pub const DOCUMENT_CHARS_MAX: usize = 2_000_000;

/// Characters of a message in which the gate looks for our own sentences: many times our longest answer.
pub const OWN_WORDS_CHARS_MAX: usize = 60_000;

/// Documents of a message in which it looks for them: the body is the first.
pub const OWN_WORDS_DOCUMENTS_MAX: usize = 8;

/// Documents (body parts and attachments) read from one piece.
pub const DOCUMENTS_MAX: usize = 200;

/// How deep messages within messages (and archives within archives) are opened.
pub const NESTING_MAX: usize = 5;

/// Body parts counted before a message is handed to the parser; more is a hostile message.
pub const BODY_PARTS_MAX: usize = 2_000;

/// Pages recognised or rendered of one document.
pub const PAGES_MAX: u32 = 200;

/// Pages of one document whose text layer is read: a few milliseconds each.
pub const TEXT_PAGES_MAX: u32 = 2_000;

/// Pixels of one image before it is decoded: A3 at 600 dpi is 70 million.
pub const IMAGE_PIXELS_MAX: u64 = 120_000_000;

/// Pixels of one HEIC photo. Its decoder takes up to 14 bytes for each; phones make 12 to 50 million.
pub const HEIC_PIXELS_MAX: u64 = 64_000_000;

/// Pixels of the longer side of a page that the desk shows: enough to read, on a screen of any width.
pub const PAGE_PICTURE_SIDE_MAX: u32 = 1600;

/// Pages of one document whose pictures a page of the desk shows; the rest is in the original.
pub const SHOWN_PAGES_MAX: u32 = 10;

/// Pictures of pages that the desk keeps in memory, and their bytes: of what some people look at right now.
pub const PICTURES_MAX: usize = 48;
pub const PICTURES_BYTES_MAX: usize = 24 * 1024 * 1024;

/// Of the HTML of a message as the desk shows it: pieces and characters (more than anybody writes), pictures that came with it, and
/// their bytes together.
pub const FORMATTED_SHOWN_MAX: usize = 30_000;
pub const FORMATTED_CHARS_MAX: usize = 300_000;
pub const FORMATTED_PICTURES_MAX: usize = 20;
pub const FORMATTED_PICTURE_BYTES_MAX: usize = 3 * 1024 * 1024;

/// Bytes that one document may grow to when it is unpacked.
pub const UNPACKED_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Time for reading one document without its pages.
pub const READ_TIME_MAX: Duration = Duration::from_secs(60);

/// Extra time for each page that is recognised. A page takes about one second of one core.
pub const PAGE_TIME_MAX: Duration = Duration::from_secs(20);

/// Time for one piece in all, whatever it holds.
pub const PIECE_TIME_MAX: Duration = Duration::from_secs(600);

/// Time for the virus scanner to look at one piece. clamd itself stops at two minutes (`MaxScanTime`).
pub const SCAN_TIME_MAX: Duration = Duration::from_secs(150);

/// Parts of one piece that the virus scanner is asked about: each document twice at the most, as it came and as text.
pub const SCANS_MAX: usize = 2 * DOCUMENTS_MAX;

/// Memory (address space) of one worker.
pub const WORKER_MEMORY_BYTES_MAX: u64 = 1536 * 1024 * 1024;

/// Bytes of an answer from a worker: text, places and confidence of the largest document.
pub const WORKER_REPLY_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Header fields of one message that are kept.
pub const HEADER_FIELDS_MAX: usize = 400;

/// Characters of one header field that are kept.
pub const HEADER_FIELD_CHARS_MAX: usize = 4_000;

/// Attempts to send one answer before staff are asked for another way. With the pauses of the outbox
/// this is about three days, as SMTP senders do.
pub const SEND_ATTEMPTS_MAX: u32 = 20;

/// Answers handed over of which the note is not on disk yet: what a power cut may send once more. They share a sync.
pub const SENT_UNSYNCED_MAX: usize = 8;

/// The longest time that a judged piece waits for the disk where nobody asks for it: a power cut has it judged again.
pub const UNSYNCED_TIME_MAX: Duration = Duration::from_millis(250);

/// Rounds of the outbox begin so far apart, unless a full batch is due: in a backlog they then share their syncs.
pub const ROUND_TIME_MIN: Duration = Duration::from_millis(100);

/// Time for one SMTP or IMAP exchange before the connection is given up.
pub const NETWORK_TIME_MAX: Duration = Duration::from_secs(60);

/// Time for the reply to an SMTP command (RFC 5321 §4.5.3.2.2: five minutes, for servers that look names up first).
pub const SMTP_REPLY_TIME_MAX: Duration = Duration::from_secs(5 * 60);

/// Time for the content of a message, until the server says that it has taken it (RFC 5321 §4.5.3.2.6: ten minutes;
/// less makes copies).
pub const SMTP_TAKEN_TIME_MAX: Duration = Duration::from_secs(10 * 60);

/// Connections to the mail server at the same time: an office's server is shared with people.
pub const SMTP_CONNECTIONS_MAX: usize = 4;

/// Attempts at one answer of which nobody knows whether it was taken, before staff are told: each may be a copy.
pub const UNSURE_ATTEMPTS_MAX: u32 = 5;

/// Time that a command may take that prints a secret, and bytes that are read of it.
pub const SECRET_TIME_MAX: Duration = Duration::from_secs(10);
pub const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// IDLE is renewed after this time; RFC 2177 allows 29 minutes, many firewalls forget earlier.
pub const IDLE_TIME_MAX: Duration = Duration::from_secs(9 * 60);

/// A claim on a mailbox that was not renewed for so long is of a program that is gone. Longer than any pause in which a
/// program that lives cannot reach its server and still goes on by itself.
pub const CLAIM_TIME_MAX: Duration = Duration::from_secs(10 * 60);

/// Claims that are looked at: there are two of each program.
pub const CLAIMS_MAX: usize = 100;

/// The longest pause between two attempts to reach a server.
pub const RECONNECT_PAUSE_MAX: Duration = Duration::from_secs(300);

/// Time that a stop waits for the pieces in hand before it leaves them to the next start.
pub const DRAIN_TIME_MAX: Duration = Duration::from_secs(20);

/// How often it is looked whether the daemon rests, to give back memory that only work needs.
pub const REST_LOOK_TIME: Duration = Duration::from_secs(60);

/// Processor time within that at which it still rests: a hundredth of a core.
pub const REST_WORK_TIME_MAX: Duration = Duration::from_millis(600);

/// For so long a person counts as looking at a case after the page was asked for or said so itself.
pub const PRESENCE_TIME_MAX: Duration = Duration::from_secs(60);

/// Cases of which it is kept who looks at them.
pub const PRESENCE_CASES_MAX: usize = 1_000;

/// Bytes of the originals of one case that are sent on in one package.
pub const TRANSFER_BYTES_MAX: u64 = 100 * 1024 * 1024;

/// Cases that are decided together.
pub const TOGETHER_CASES_MAX: usize = 50;

/// Rows on one page of the queue.
pub const PAGE_ROWS_MAX: usize = 50;

/// Pages of a list that can be turned to; further down a choice or a search finds it.
pub const LIST_PAGES_MAX: usize = 200;

/// Cases looked at one by one for a page of a list, where no key of the index tells whether they belong to it: some
/// milliseconds. What is found beyond is told as more.
pub const LOOKED_CASES_MAX: usize = 500;

/// Keys counted for the total of a list beyond its page.
pub const COUNTED_CASES_MAX: usize = 10_000;

/// Words of its writer and subject by which a case is found, and characters of one.
pub const FOUND_WORDS_MAX: usize = 24;
pub const FOUND_WORD_CHARS_MAX: usize = 16;

/// What is looked at of the texts of one piece, so that it is found by its words: octets, different words, characters of one.
/// What lies beyond is not found by its words.
pub const TEXT_BYTES_MAX: usize = 4 * 1024 * 1024;
pub const TEXT_WORDS_MAX: usize = 50_000;
pub const TEXT_WORD_CHARS_MAX: usize = 32;

/// Cases under words of texts that are held in memory (some 16 bytes each) before they are written.
pub const FRESH_TEXT_ENTRIES_MAX: usize = 150_000;

/// Entries of the journal of which the texts are taken in at a time, the time between two looks for new ones, and after one that failed.
pub const TEXT_ENTRIES_MAX: usize = 500;
pub const TEXT_LOOK_TIME: Duration = Duration::from_secs(1);
pub const TEXT_RETRY_TIME: Duration = Duration::from_secs(60);

/// Entries of which a command that searches takes in the texts itself: those that no daemon has written down yet.
pub const READ_TEXT_ENTRIES_MAX: usize = 50_000;

/// Words of texts that begin as a word that was typed, and are looked at in each part: the others are told as more.
pub const WORDS_BEGINNING_MAX: usize = 200;

/// Characters of a text that are shown in a list around a word that was looked for, and octets of texts that are read for one page.
pub const SNIPPET_CHARS_MAX: usize = 120;
pub const SNIPPET_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Words that are held against one that was typed wrong: some ten milliseconds.
pub const TYPED_WORDS_LOOKED_MAX: usize = 400_000;

/// Cases of which an overview shows what is due: more is read by nobody.
pub const DUE_CASES_MAX: usize = 2_000;

/// Lines of each list in the daily digest; how many more there are is told.
pub const DIGEST_LINES_MAX: usize = 25;

/// Characters of a note or a reason that a person types.
pub const NOTE_CHARS_MAX: usize = 10_000;

/// Bytes of a form posted to the desk.
pub const FORM_BYTES_MAX: usize = 64 * 1024;

/// Time for one request to the desk, from its header to its answer.
pub const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);

/// Octets of the originals of a case that the desk gives out as one ZIP, made in memory; the command line has no such bound.
pub const DESK_EXPORT_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// Rows of a list that the desk gives as one file; the command line has no such bound.
pub const DESK_CSV_ROWS_MAX: usize = PAGE_ROWS_MAX * LIST_PAGES_MAX;

/// Walks over the index at the same time for commands beside the daemon; each holds a thread.
pub const INDEX_WALKS_MAX: usize = 32;

/// Minutes in which a decision can be taken back, at most: half a day, for the citizen waits as long for the message about it.
pub const UNDO_MINUTES_MAX: u32 = 720;

/// Minutes after which an unused desk session ends, and hours after which any ends, where the office says nothing else.
pub const SESSION_IDLE_MINUTES: u32 = 60;
pub const SESSION_HOURS: u32 = 12;

/// Wrong passwords for one account before it is locked for [`LOGIN_LOCK`].
pub const LOGIN_ATTEMPTS_MAX: u32 = 8;

/// Wrong passwords from one address (of IPv6: one network of 64 bits) before nothing from there is tried for [`LOGIN_LOCK`].
/// An office behind one address has as many people.
pub const LOGIN_ADDRESS_ATTEMPTS_MAX: u32 = 60;

/// Days that a token of the API may be good for.
pub const TOKEN_DAYS_MAX: i64 = 730;

/// How long a password for once is good.
pub const PASSWORD_ONCE_MAX: Duration = Duration::from_secs(72 * 3600);

/// The use of a token is written down at most once in this time.
pub const TOKEN_USE_NOTED: Duration = Duration::from_secs(3600);

/// Changes of accounts that the page shows, the newest.
pub const ACCOUNT_CHANGES_SHOWN_MAX: usize = 200;

/// How long an account stays locked after too many wrong passwords.
pub const LOGIN_LOCK: Duration = Duration::from_secs(15 * 60);

/// Accounts of the desk, and tokens of its API, each.
pub const ACCOUNTS_MAX: usize = 1_000;

/// Characters of a password. Below: too easily guessed. Above: work for whoever wants to keep us busy.
pub const PASSWORD_CHARS_MIN: usize = 12;
pub const PASSWORD_CHARS_MAX: usize = 200;

/// Names for which wrong passwords are counted at the same time: names come from outside.
pub const LOGIN_NAMES_MAX: usize = 10_000;

/// Time from being sent to a sign-in server until coming back from it.
pub const SIGN_IN_TIME_MAX: Duration = Duration::from_secs(10 * 60);

/// Requests of the API that each program may make in a minute where the office says nothing else, and programs that are counted.
pub const API_PER_MINUTE: u32 = 3_000;
pub const API_VISITORS_MAX: usize = 2_000;

/// Writes of programs that are known by their Idempotency-Key, for how long, and bytes of the answer that is kept of each.
pub const IDEMPOTENT_KEYS_MAX: usize = 10_000;
pub const IDEMPOTENT_KEPT: Duration = Duration::from_secs(24 * 3600);
pub const IDEMPOTENT_ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Who tells programs outside what happened: time between two looks at the journal, and entries read at a time.
pub const FOLLOW_LOOK_TIME: Duration = Duration::from_secs(1);
pub const FOLLOW_ENTRIES_MAX: usize = 500;

/// The least bytes of a webhook's secret.
pub const WEBHOOK_SECRET_BYTES_MIN: usize = 24;

/// Handing a case over to the zaaksysteem: time for one exchange (a document goes up in one), and bytes of an answer (a page of a
/// catalogue has a hundred types).
pub const HANDOVER_TIME_MAX: Duration = Duration::from_secs(120);
pub const HANDOVER_REPLY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Bytes of one document that is handed over: it stands in memory in base64. A larger one is named, and a person adds it there.
pub const HANDOVER_DOCUMENT_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Pages of a list of types that are read, and how long what was read of them is used.
pub const CATALOGUE_PAGES_MAX: usize = 20;
pub const CATALOGUE_KEPT: Duration = Duration::from_secs(3600);

/// Characters of the name of who wrote (ZGW, geslachtsnaam).
pub const HANDOVER_NAME_CHARS_MAX: usize = 200;

/// Characters of what a zaaksysteem says of a request that it refuses, and cases of each list that the desk shows.
pub const HANDOVER_SAID_CHARS_MAX: usize = 400;
pub const HANDOVER_SHOWN_MAX: usize = 50;

/// Bytes of an ID token: some carry the names of a few hundred groups.
pub const ID_TOKEN_BYTES_MAX: usize = 64 * 1024;

/// How far the clock of a sign-in server may be off.
pub const OIDC_SKEW_MAX: Duration = Duration::from_secs(60);

/// How long what a sign-in server says of itself is kept, and the least time between two questions for its keys.
pub const OIDC_KEPT: Duration = Duration::from_secs(24 * 3600);
pub const OIDC_KEYS_PAUSE: Duration = Duration::from_secs(60);

/// Keys of a sign-in server that are looked at.
pub const OIDC_KEYS_MAX: usize = 50;

/// Passwords checked at the same time: each takes 19 MiB and some tens of milliseconds of a core.
pub const LOGIN_CHECKS_MAX: usize = 2;

/// Open sessions of the desk; the one unused longest makes room.
pub const SESSIONS_MAX: usize = 1_000;

/// Characters of one document that a page of the desk shows; the rest is a download.
pub const PAGE_TEXT_CHARS_MAX: usize = 60_000;

/// Pieces of one case whose text is shown on one page.
pub const PAGE_PIECES_MAX: usize = 5;

/// Days and letters a day that the print page lists.
pub const PRINT_DAYS_MAX: usize = 60;
pub const PRINT_LETTERS_MAX: usize = 2_000;

/// Bytes of a rules, template or configuration file.
pub const CONFIG_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Compiled size of one regular expression of the rules, so that a rule cannot eat the memory.
pub const REGEX_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Characters of one sentence that a rule looks at; longer ones are cut at a space. The longest sentence
/// that citizens write has about 500.
pub const SENTENCE_CHARS_MAX: usize = 600;

/// Findings kept of one judgement: more is not read by anyone.
pub const FINDINGS_MAX: usize = 200;

/// Bytes of one segment of the journal. A start reads one segment at the most, in well under a second.
pub const SEGMENT_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Bytes of one line of the journal: numbers, digests and ids only. A longer line is not ours.
pub const JOURNAL_LINE_BYTES_MAX: u64 = 64 * 1024;

/// Rule ids named in the journal entry of one judgement; the findings themselves lie in the record's folder.
pub const JOURNAL_RULES_MAX: usize = 100;

/// Lines of an address on a letter, and characters of one that a person typed: what a window can show.
pub const ADDRESS_LINES_MAX: usize = 6;
pub const ADDRESS_CHARS_MAX: usize = 120;

/// Characters of who did something, as the journal has it (an account of the desk or of the machine, `api:` and the name of a token), and
/// of the id of a place to refer to.
pub const ACCOUNT_CHARS_MAX: usize = 100;

/// Characters of a document, and documents of a piece, by which its likeness to other pieces is told.
pub const LIKENESS_CHARS_MAX: usize = 40_000;
pub const LIKENESS_DOCUMENTS_MAX: usize = 10;

/// Pieces remembered under one mark of likeness, the newest: more alike ones are a form letter.
pub const LIKENESS_BUCKET_MAX: usize = 8;

/// Cases offered as alike.
pub const ALIKE_CASES_MAX: usize = 3;

/// Steps from a joined case to the one where it goes on.
pub const JOINED_STEPS_MAX: usize = 10;

/// Messages that a piece refers to and that may come after it, nearest first: a thread is seldom longer.
pub const AWAITED_MSG_IDS_MAX: usize = 20;

/// Characters of a subject or a writer's name kept in a row of the queue; the whole stands in the extract.
pub const ROW_TEXT_CHARS_MAX: usize = 300;

/// The key file of a store: bytes, keys, and characters of a key's name.
pub const KEY_FILE_BYTES_MAX: u64 = 16 * 1024;
pub const KEYS_MAX: usize = 32;
pub const KEY_ID_CHARS_MAX: usize = 40;

/// Looks come to the disk together, so long after the first of them.
pub const LOOKS_SYNC_TIME: Duration = Duration::from_secs(1);

/// Looks at one case that are listed, the newest.
pub const LOOKS_SHOWN_MAX: usize = 1_000;

/// Separator sheets printed at once: a box of paper.
pub const SHEETS_MAX: u32 = 500;

/// Pages of one scan run: the largest feeders hold 750 sheets.
pub const RUN_PAGES_MAX: usize = 2_000;

/// Characters of a barcode's value that divides a run, and how many of them an office may have.
pub const SEPARATOR_CHARS_MAX: usize = 80;
pub const SEPARATORS_MAX: usize = 20;

/// Days that the date of receipt on a separator sheet may lie back: older is a sheet that was left in the tray.
pub const SHEET_DAYS_MAX: i32 = 60;

/// Destroyed pieces named in one entry of the journal: fits a line.
pub const PURGE_ENTRY_PIECES_MAX: usize = 200;

/// Cases destroyed by one request to the daemon: well within the time of a request.
pub const PURGE_BATCH_MAX: usize = 50;

/// The longest term of retention, in years: what is kept longer is kept for good.
pub const RETENTION_YEARS_MAX: u16 = 200;

/// Characters of the name of a sign-in: it is the name of a file.
pub const SIGN_IN_NAME_CHARS_MAX: usize = 40;

/// Time for one token, from connecting to the last byte. As long as a stop may wait for it ([`DRAIN_TIME_MAX`]): cut
/// off, a refresh token that was used up would be lost.
pub const TOKEN_TIME_MAX: Duration = Duration::from_secs(20);

/// Bytes of a token endpoint's answer: a few tokens.
pub const TOKEN_REPLY_BYTES_MAX: usize = 64 * 1024;

/// Bytes of one token, so that the line that carries it in base64 stays below SMTP's 12,288 octets (RFC 4954 §4).
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;

/// How long a token is used at the most, whatever the server says, and how long when it says nothing.
pub const TOKEN_USE_MAX: Duration = Duration::from_secs(24 * 3600);
pub const TOKEN_USE_UNTOLD: Duration = Duration::from_secs(300);

/// A token is renewed so long before it ends (but never more than a fifth of its life), so that none ends on the way.
pub const TOKEN_MARGIN: Duration = Duration::from_secs(300);

/// The longest that a server may ask us to wait (Retry-After); after it we ask again.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3600);

/// The first pause after a server said that it is asked too much and not how long to wait.
pub const THROTTLE_PAUSE: Duration = Duration::from_secs(30);

/// Exceptions of a proof that are told one by one; the rest is counted.
pub const EXCEPTIONS_MAX: usize = 1_000;

/// Time that a piece may wait at its source while the daemon is well, before that is told. A backlog is done in less.
pub const WAIT_TIME_MAX: Duration = Duration::from_secs(4 * 3600);

/// Days that a refused scan may lie in `failed` before the ledger tells of it: over a weekend.
pub const REFUSED_WAIT_DAYS_MAX: i64 = 4;

/// Pieces that the ledger tells by their bytes in one proof, and bytes read for it: what neither origin nor Message-ID tells.
pub const LOOKED_AT_PIECES_MAX: usize = 500;
pub const LOOKED_AT_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Pieces counted at one source: a mailbox with more is a fault of its own.
pub const TALLY_PIECES_MAX: usize = 2_000_000;

/// Age of a proof from which `/healthz` tells that none was made: two days and some hours.
pub const PROOF_AGE_MAX: Duration = Duration::from_secs(50 * 3600);

/// Proofs that the desk shows.
pub const PROOFS_SHOWN_MAX: usize = 42;

/// Bytes of the journal from which a proof folds it on disk, not in memory: some 20,000 cases.
pub const MEMORY_JOURNAL_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// Time that the command line waits for a proof of the running daemon: a store of a million cases takes minutes.
pub const PROOF_TIME_MAX: Duration = Duration::from_secs(3 * 3600);

/// Characters of the ground of a term of retention: it stands in the journal.
pub const BASIS_CHARS_MAX: usize = 200;

/// Places in one case that are shown of a person who is looked for.
pub const PERSON_PLACES_MAX: usize = 8;

/// Days of figures that the desk reads for one page: ten years, some 400,000 counters.
pub const FIGURE_DAYS_MAX: i32 = 3660;

/// Rows of each list of the post room's page.
pub const POST_ROWS_MAX: usize = 300;

/// Scans that people lay in at the same time: each is held in memory whole.
pub const UPLOADS_MAX: usize = 2;

/// Bytes of one rule file that is changed at the desk.
pub const RULE_FILE_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Bytes of a form with a block of a rule file: a block of ours has some ten thousand, percent-encoded three times that.
pub const RULE_FORM_BYTES_MAX: usize = 1024 * 1024;

/// Cases of the archive that a draft of the rules is tried on at the desk: what a person waits for. `rules diff` takes all.
pub const TRIED_CASES_MAX: usize = 500;

/// Published rule sets that the desk lists.
pub const PUBLISHED_SHOWN_MAX: usize = 50;

/// Attempts in which a piece that could not be judged keeps its turn: a minute in all. A reply that came after it, or another
/// mail of its sender, waits for it, so that it finds its case; after that they go on, and one bad piece stops nobody.
pub const IN_ORDER_TRIES_MAX: u32 = 7;

/// Series of one metric: an office has some hundred rules, and a dashboard shows no more.
pub const METRIC_SERIES_MAX: usize = 2_000;

/// Keys of one list that a monitor's question counts: a few milliseconds. More are told as so many.
pub const WATCHED_KEYS_MAX: u64 = 10_000;

/// Warnings and errors of one kind in one [`LOG_WINDOW`]; more are counted. Enough to see each piece of a bad batch.
pub const LOG_LINES_MAX: u32 = 30;
pub const LOG_WINDOW: Duration = Duration::from_secs(60);

/// Cases that the comparison after a rehearsal reads, the newest first: a month of a large office.
pub const REHEARSAL_CASES_MAX: usize = 5_000;
