//! Whose words are they? Splits the text of a message into the writer's own words, quotes, forwarded messages,
//! signatures and disclaimers.
//!
//! Works on lines, as mail programs in Dutch and English write them (RFC 3676 for `>` and `-- `). Invariant:
//! the parts are in order, in characters, without overlap, and cover the whole text. When in doubt a line is the
//! writer's own: own words read as a quote would be lost to the judgement, a quote read as own words is seen by
//! a person. Closing formula and name stay own words; the block of contact data under them is the signature.

use super::patterns::{
    ATTRIBUTION, ATTRIBUTION_LATE, CLOSING, CONTACT, DATE_OR_ADDRESS, DEVICE, DISCLAIMER, DISCLAIMER_START,
    FORWARD, FROM_LINE, HEADER_LINE, ORIGINAL, POSTSCRIPT, RULE, TELLING_HEADER_LINE, matches,
};
use crate::record::{Part, PartKind};

/// Lines of a signature after `--`. Longer is a text that happens to have dashes above it.
const SIGNATURE_LINES_MAX: usize = 25;

/// Lines over which "Op … schreef …:" may be broken.
const ATTRIBUTION_LINES_MAX: usize = 4;

/// Lines of a header block above a quoted or forwarded message.
const HEADER_BLOCK_LINES_MAX: usize = 14;

/// Splits a text. `forwards`: the message's header speaks of a forwarded message, not of a reply; it decides
/// what a cited message with a header block is.
pub(in crate::extract) fn split(text: &str, forwards: bool) -> Vec<Part> {
    let lines: Vec<&str> = text.split('\n').collect();
    let mut kinds = vec![PartKind::Own; lines.len()];
    mark_cited(&lines, &mut kinds, forwards);
    mark_endings(&lines, &mut kinds);
    give_blanks(&lines, &mut kinds);
    join(&lines, &kinds)
}

fn is_quoted(line: &str) -> bool {
    let line = line.trim_start();
    // ">> Betaal nu <<" is a button, not a quote.
    line.starts_with('>') && !line.ends_with("<<")
}

fn is_blank(line: &str) -> bool {
    line.trim().is_empty()
}

/// Quotes and forwarded messages.
fn mark_cited(lines: &[&str], kinds: &mut [PartKind], forwards: bool) {
    let mut n = 0;
    while n < lines.len() {
        let Some((body, kind)) = cited_from(lines, n, forwards) else {
            n += 1;
            continue;
        };
        let end = cited_to(lines, body);
        for mark in &mut kinds[n..end] {
            *mark = kind;
        }
        n = end.max(n + 1);
    }
}

/// Does a cited message start on line `n`? Gives the line on which its own text starts, and what it is.
fn cited_from(lines: &[&str], n: usize, forwards: bool) -> Option<(usize, PartKind)> {
    let line = lines[n];
    let by_header = if forwards { PartKind::Forwarded } else { PartKind::Quote };
    let bare = line.trim_start_matches(['>', ' ']);
    if matches(&FORWARD, bare) {
        return Some((after_header_block(lines, n + 1), PartKind::Forwarded));
    }
    if is_quoted(line) {
        return Some((n, PartKind::Quote));
    }
    if matches(&ORIGINAL, bare) {
        return Some((after_header_block(lines, n + 1), by_header));
    }
    if let Some(after) = attribution(lines, n) {
        return Some((after, PartKind::Quote));
    }
    // Outlook draws a rule above the header block.
    let first = if matches(&RULE, line) { next_text(lines, n + 1) } else { n };
    if first < lines.len() && matches(&FROM_LINE, lines[first].trim_start()) {
        let after = after_header_block(lines, first);
        let telling = lines[first..after]
            .iter()
            .filter(|line| matches(&TELLING_HEADER_LINE, line.trim_start()))
            .count();
        let of_header =
            lines[first..after].iter().filter(|line| matches(&HEADER_LINE, line.trim_start())).count();
        if of_header >= 3 && telling >= 1 || of_header >= 2 && telling >= 2 {
            return Some((after, by_header));
        }
    }
    None
}

/// The line after "Op … schreef …:", when it starts on line `n`. It must name a date or an address, and cite
/// something or stand at the end.
fn attribution(lines: &[&str], n: usize) -> Option<usize> {
    let mut joined = String::new();
    for (count, line) in lines[n..].iter().take(ATTRIBUTION_LINES_MAX).enumerate() {
        if is_blank(line) || (count > 0 && is_quoted(line)) {
            return None;
        }
        if count > 0 {
            joined.push(' ');
        }
        joined.push_str(line.trim());
        // So both patterns end; most lines do not, and the patterns are large.
        if !joined.ends_with(':') {
            continue;
        }
        let whole = matches(&ATTRIBUTION, &joined) || (count == 0 && matches(&ATTRIBUTION_LATE, &joined));
        if whole && matches(&DATE_OR_ADDRESS, &joined) {
            let after = n + count + 1;
            let cites = lines.get(next_text(lines, after)).is_none_or(|line| is_quoted(line));
            // Without `>` it must look like a mail program's line: an address or a time of day.
            let by_program =
                joined.contains('@') || joined.contains(':') && joined.trim_end_matches(':').contains(':');
            return (cites || by_program).then_some(after);
        }
    }
    None
}

/// The line after a block of header lines (and their continuations) that may start on line `n`.
fn after_header_block(lines: &[&str], n: usize) -> usize {
    let mut at = next_text(lines, n);
    let start = at;
    let mut last_header = None;
    while at < lines.len() && at - start < HEADER_BLOCK_LINES_MAX {
        let line = lines[at].trim_start_matches(['>', ' ']);
        if matches(&HEADER_LINE, line) {
            last_header = Some(at);
        } else if is_blank(line) {
            // Some programs put empty lines between the header lines.
            let next = next_text(lines, at);
            if next >= lines.len() || !matches(&HEADER_LINE, lines[next].trim_start_matches(['>', ' '])) {
                break;
            }
        } else if last_header.is_none_or(|last| at - last > 3) || !is_continued(lines, at) {
            break;
        }
        at += 1;
    }
    last_header.map_or(n, |_| at)
}

/// Is line `n` the tail of a header line that was broken?
fn is_continued(lines: &[&str], n: usize) -> bool {
    lines[n].starts_with([' ', '\t']) || n > 0 && lines[n - 1].trim_end().ends_with([',', ';'])
}

fn next_text(lines: &[&str], n: usize) -> usize {
    (n..lines.len()).find(|&at| !is_blank(lines[at])).unwrap_or(lines.len())
}

/// Where a cited message ends whose text starts on line `body`: after its `>` lines when it has them (what
/// follows is the writer's again), else at the end.
fn cited_to(lines: &[&str], body: usize) -> usize {
    let first = next_text(lines, body);
    if first >= lines.len() || !is_quoted(lines[first]) {
        return lines.len();
    }
    let mut end = first;
    while end < lines.len() {
        if is_quoted(lines[end]) {
            end += 1;
            continue;
        }
        let next = next_text(lines, end);
        // An empty line within a quote; a line that a program wrapped badly stays with its quote.
        if next > end && next < lines.len() && is_quoted(lines[next]) {
            end = next;
        } else if next == end && is_wrapped(lines, end) {
            end += 1;
        } else {
            break;
        }
    }
    end
}

/// A short line between two quoted lines, the first of which is as long as a wrapped line: its tail.
fn is_wrapped(lines: &[&str], n: usize) -> bool {
    n > 0
        && lines[n - 1].chars().count() >= 60
        && lines[n].chars().count() <= 30
        && lines.get(n + 1).is_some_and(|line| is_quoted(line))
}

/// Signatures and disclaimers, within each run of own words.
fn mark_endings(lines: &[&str], kinds: &mut [PartKind]) {
    let mut start = 0;
    while start < lines.len() {
        if kinds[start] != PartKind::Own {
            start += 1;
            continue;
        }
        let end = (start..lines.len()).find(|&n| kinds[n] != PartKind::Own).unwrap_or(lines.len());
        mark_disclaimer(&lines[start..end], &mut kinds[start..end]);
        mark_signature(&lines[start..end], &mut kinds[start..end]);
        start = end;
    }
}

/// From the first paragraph that reads like a lawyer's to the end of the run; never the first paragraph of a
/// text.
fn mark_disclaimer(lines: &[&str], kinds: &mut [PartKind]) {
    let mut n = 0;
    let mut seen_text = false;
    while n < lines.len() {
        if is_blank(lines[n]) {
            n += 1;
            continue;
        }
        let end = (n..lines.len()).find(|&at| is_blank(lines[at])).unwrap_or(lines.len());
        let from = if matches(&RULE, lines[n]) && n + 1 < end { n + 1 } else { n };
        let says = |text: &str| matches(&DISCLAIMER, text);
        if seen_text
            && matches(&DISCLAIMER_START, lines[from])
            && (says(&lines[from..end].join(" ")) || says(lines[from]))
        {
            for kind in &mut kinds[n..] {
                *kind = PartKind::Disclaimer;
            }
            return;
        }
        // A disclaimer may stand directly under the signature, without an empty line.
        if seen_text || end - n > 1 {
            let within = (n + 1..end).find(|&at| {
                matches(&DISCLAIMER_START, lines[at]) && matches(&DISCLAIMER, &lines[at..end].join(" "))
            });
            if let Some(at) = within.filter(|&at| at * 2 >= lines.len()) {
                for kind in &mut kinds[at..] {
                    *kind = PartKind::Disclaimer;
                }
                return;
            }
        }
        seen_text = true;
        n = end;
    }
}

fn mark_signature(lines: &[&str], kinds: &mut [PartKind]) {
    let own_end = kinds.iter().position(|&kind| kind != PartKind::Own).unwrap_or(lines.len());
    for n in 0..own_end {
        if matches(&DEVICE, lines[n].trim()) {
            kinds[n] = PartKind::Signature;
        }
    }
    // RFC 3676: everything under `-- `.
    if let Some(dashes) = (0..own_end).rev().find(|&n| lines[n].trim_end() == "--" || lines[n].trim() == "—")
        && own_end - dashes <= SIGNATURE_LINES_MAX
    {
        kinds[dashes..own_end].fill(PartKind::Signature);
        return;
    }
    let Some(closing) = (0..own_end).rev().find(|&n| matches(&CLOSING, lines[n])) else { return };
    // Under the closing formula: the name (up to two lines without a gap), then perhaps a block of contact data.
    let name = next_text(lines, closing + 1);
    let mut block = name;
    while block < own_end && block - name < 2 && !is_blank(lines[block]) && !matches(&CONTACT, lines[block]) {
        block += 1;
    }
    let tail = block..own_end;
    let texts = tail.clone().filter(|&n| !is_blank(lines[n])).count();
    let contacts = tail.clone().filter(|&n| matches(&CONTACT, lines[n])).count();
    let mut tail = tail;
    let postscript = tail.find(|&n| matches(&POSTSCRIPT, lines[n]));
    let end = postscript.unwrap_or(own_end);
    if contacts > 0 && texts <= SIGNATURE_LINES_MAX && contacts * 4 >= texts {
        kinds[block.min(end)..end].fill(PartKind::Signature);
    }
}

/// Empty lines belong to what stands before them; at the start, to what follows.
fn give_blanks(lines: &[&str], kinds: &mut [PartKind]) {
    for n in 1..lines.len() {
        if is_blank(lines[n]) {
            kinds[n] = kinds[n - 1];
        }
    }
    let first = next_text(lines, 0);
    if let Some(&kind) = kinds.get(first) {
        kinds[..first].fill(kind);
    }
}

fn join(lines: &[&str], kinds: &[PartKind]) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut at = 0;
    for (n, (line, &kind)) in lines.iter().zip(kinds).enumerate() {
        let end = at + line.chars().count() + usize::from(n + 1 < lines.len());
        match parts.last_mut() {
            Some(last) if last.kind == kind => last.end = end,
            _ if end > at => parts.push(Part { start: at, end, kind }),
            _ => {}
        }
        at = end;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use PartKind::*;

    /// Lines, each with the letter of its part before a bar.
    fn check(marked: &str, forwards: bool) {
        let text: Vec<&str> = marked.lines().map(|line| line.split_once('|').unwrap().1).collect();
        let text = text.join("\n");
        let parts = split(&text, forwards);
        let mut at = 0;
        for part in &parts {
            assert_eq!(part.start, at);
            assert!(part.end > part.start);
            at = part.end;
        }
        assert_eq!(at, text.chars().count());
        let mut start = 0;
        let mut got = String::new();
        for line in text.split('\n') {
            let kind =
                parts.iter().find(|part| part.start <= start && start < part.end).map(|part| part.kind);
            let letter = match kind {
                Some(Own) => 'o',
                Some(Quote) => 'q',
                Some(Forwarded) => 'f',
                Some(Signature) => 's',
                Some(Disclaimer) => 'd',
                None => ' ',
            };
            got.push_str(&format!("{letter}|{line}\n"));
            start += line.chars().count() + 1;
        }
        let wanted: String = marked.lines().map(|line| format!("{line}\n")).collect();
        assert_eq!(got, wanted);
    }

    #[test]
    fn a_reply_above_a_quote() {
        check(
            "o|Beste Fleur,\no|\no|Bel gerust.\no|\no|Tamara\no|\nq|Op wo 11 mrt 2026 om 09:14 schreef Klachten:\n\
             q|> Beste mevrouw,\nq|> wij bellen u.",
            false,
        );
        check(
            "o|ja\no|\nq|On Mon, Mar 2, 2026 at 9:14 AM Jan Jansen\nq|<jan@example.nl> wrote:\nq|\nq|> nee",
            false,
        );
        check(
            "o|ja\nq|Jan Jansen <jan@example.nl> schreef op 2 maart 2026 om 09:00:\nq|nee\nq|\nq|en meer",
            false,
        );
        check("o|ja\no|\nq|> Geachte heer,\nq|> nee\nq|\no|Dit zeg ik zelf weer.", false);
    }

    #[test]
    fn own_sentences_are_no_attribution() {
        check("o|Op 13 april 2026 schreef de gemeente mij het volgende:\no|dat ik moest wachten.", false);
        check("o|Daarop schreef de wethouder:\no|\"nee\"", false);
        check("o|>> Betaal nu met iDEAL <<", false);
        check("o|Van: Jan Jansen\no|Aan: Gemeente Haarlem\no|\no|Geachte gemeente,", false);
    }

    #[test]
    fn a_cited_message_is_a_quote_in_a_reply_and_else_forwarded() {
        let block = "|-----Oorspronkelijk bericht-----\n?|Van: A. Slinger <a@example.nl>\n?|Verzonden: maandag 10 augustus 2026 16:02\n\
                     ?|Aan: Balie\n?|Onderwerp: klacht\n?|\n?|Aan het gemeentehuis,\n?|ik klaag.";
        check(&format!("o|Zie onder.\no|\nf{}", block.replace('?', "f")), true);
        check(&format!("o|Zie onder.\no|\nq{}", block.replace('?', "q")), false);
        check(
            "o|Zie onder.\nf|________________________________\nf|Van: X <x@example.nl>\nf|Verzonden: maandag\nf|Onderwerp: y\nf|\nf|tekst",
            true,
        );
    }

    #[test]
    fn a_forwarded_message_ends_with_its_quoted_lines() {
        check(
            "o|Daarna deze mail:\no|\nf|---------- Forwarded message ----------\nf|Van: Politie <p@example.nl>\nf|Datum: 18 april 2024\n\
             f|Onderwerp: afronding\nf|> Geachte heer,\nf|> ongegrond.\nf|\no|Ik loop nog om dat plein heen.",
            true,
        );
        check("f|Begin doorgestuurd bericht:\nf|\nf|> Van: X\nf|> Onderwerp: y\nf|>\nf|> tekst", false);
        check(
            "f|---------- Forwarded message ---------\nf|Van: DUO <d@example.nl>\nf|Date: ma 19 okt 2026\nf|Subject: x\nf|To: y\nf|\nf|Beste,\nf|wij",
            false,
        );
    }

    #[test]
    fn signatures_and_disclaimers_are_not_own_words() {
        check("o|x Noor\no|\ns|Verstuurd vanaf mijn iPhone", false);
        check("o|Marieke\no|Osdorp\no|\ns|Sent from Outlook for Android", false);
        check(
            "o|Neemt u dit in onderzoek?\no|\no|Vriendelijke groet,\no|Remco Hagen\no|\ns|--\ns|Remco Hagen\ns|Gemeente Amsterdam | Verkeer\ns|\n\
             d|Het is de gemeente Amsterdam niet toegestaan om via dit bericht vertrouwelijk te worden.",
            false,
        );
        check(
            "o|Graag antwoord.\no|\no|Met vriendelijke groet,\no|\no|J. de Vries\ns|Adviseur vergunningen\ns|T: 070-1234567\ns|www.example.nl\ns|\n\
             d|Disclaimer: aan dit bericht kunnen geen rechten worden ontleend.",
            false,
        );
        check("o|Groet,\no|Piet\no|Haarlem", false);
        check(
            "o|Beste,\no|\no|weg\no|\nd|------- Disclaimer -------\nd|De informatie verzonden met dit e-mailbericht is uitsluitend bestemd voor u.",
            false,
        );
        check(
            "o|Dit bericht is vertrouwelijk en uitsluitend bestemd voor de ombudsman.\no|\no|Ik klaag.",
            false,
        );
        check("o|Groet,\no|Piet\ns|06-12345678\ns|\no|P.S. bel mij", false);
    }

    #[test]
    fn only_a_quote_and_nothing() {
        check("q|> a\nq|> b", false);
        assert_eq!(split("", false), []);
        assert_eq!(split("\n\nhoi", false), [Part { start: 0, end: 5, kind: Own }]);
    }
}
