//! How mail programs and their users write, in Dutch and English and a little of the neighbours' languages: the
//! lines above a cited message, closing formulas, signatures and disclaimers.
//!
//! Invariant: every pattern compiles (a test says so) and looks at single lines or short paragraphs only.

use regex::{Regex, RegexBuilder};
use std::sync::LazyLock;

/// What a pattern may hold of states that it met: more makes none of these faster, and each reading process has its own.
const STATES_BYTES_MAX: usize = 256 * 1024;

/// A pattern of this file. They are constants, each used by a test: one that does not compile matches nothing.
fn pattern(text: &str) -> Option<Regex> {
    RegexBuilder::new(text).dfa_size_limit(STATES_BYTES_MAX).build().ok()
}

macro_rules! patterns {
    ($($name:ident = $text:expr;)+) => {
        $(pub(in crate::extract) static $name: LazyLock<Option<Regex>> = LazyLock::new(|| pattern($text));)+
        #[cfg(test)]
        const PATTERNS: &[(&str, &LazyLock<Option<Regex>>)] = &[$((stringify!($name), &$name)),+];
    };
}

patterns! {
    // "Op wo 11 mrt 2026 om 09:14 schreef X:", "On …, X wrote:", "Le … a écrit :", "Am … schrieb X:"
    ATTRIBUTION = r"(?is)^(?:op|on|le|am|el|den|dne)\b.{4,300}?\b(?:schreef|wrote|a écrit|schrieb|escribió|het volgende geschreven)\b.{0,200}:\s*$";
    // "X <x@example.nl> schreef op 2 maart 2026 om 09:00:"
    ATTRIBUTION_LATE = r"(?is)^\S.{0,150}\b(?:schreef|wrote)\b.{0,80}:\s*$";
    DATE_OR_ADDRESS = r"(?i)\d{1,2}:\d{2}|\b(?:19|20)\d{2}\b|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}|\S@\S";
    ORIGINAL = r"(?i)^[-_*\s]{0,40}(?:oorspronkelijk(?:e)? (?:bericht|e-?mail|afspraak)|original (?:message|appointment)|ursprüngliche nachricht|message d'origine)[-_*\s:]{0,40}$";
    FORWARD = r"(?i)^[-_*\s]{0,40}(?:(?:begin )?doorgestuurd(?:e)? (?:bericht|e-?mail)|doorgezonden bericht|(?:begin )?forwarded message|forwarded by .{1,80}|weitergeleitete nachricht|message transféré)[-_*\s:]{0,40}$";
    FROM_LINE = r"(?i)^\*?(?:van|from|von|de|afzender)\s?\*?:\*?\s*\S";
    HEADER_LINE = r"(?i)^\*?(?:van|from|von|de|afzender|verzonden|sent|gesendet|envoyé|datum|date|aan|to|an|à|cc|bcc|onderwerp|subject|betreff|betreft|objet|belang|importance|prioriteit|priority|bijlagen?|attachments?|reply-to|antwoord aan|beantwoorden aan)\s?\*?:";
    TELLING_HEADER_LINE = r"(?i)^\*?(?:verzonden|sent|gesendet|envoyé|datum|date|onderwerp|subject|betreff|objet)\s?\*?:";
    DEVICE = r"(?i)^[-–—\s]*(?:(?:verstuurd|verzonden|gestuurd|sent|gesendet|envoyé)\s+(?:vanaf|vanuit|van|met|via|from|using|with|door|mit|von|depuis)\b.{0,80}|(?:download|get|haal|verkrijg)\s+outlook\b.{0,60}|outlook (?:voor|for) (?:ios|android)\b.{0,40}|yahoo mail\b.{0,60}|hanki outlook.{0,40})$";
    CLOSING = r"(?i)^\s*(?:m\.?v\.?g\.?|(?:met|mit|with)?\s*(?:de )?(?:(?:zeer |heel )?(?:vriendelijke|hartelijke|beleefde|warme|oprechte|lieve|sportieve|muzikale|kind|best|warm) )*(?:groet(?:en|jes|je)?|hoogachting|achting|regards|wishes)|hoogachtend|gr(?:tj?e?s|oetjes|\.)?|gegroet|(?:yours )?(?:sincerely|faithfully)|(?:thank you|thanks|bedankt|dank u wel)(?: alvast)?)\s*[,.!]?\s*(?:van\s*)?$";
    CONTACT = r"(?i)\S@\S+\.\w|https?://|www\.|\|\s|^\s*(?:t|tel|telefoon|m|mob|mobiel|e|e-?mail|f|fax|i|kvk|btw|iban|werkdagen|aanwezig|bezoekadres|postadres|postbus)\b\s*[:.]?\s|(?:\+31|\b0)[\s()-]*\d[\d\s()-]{7,}|\b(?:b\.?v\.?|n\.?v\.?|senior|medewerker|adviseur|manager|directeur|beleidsmedewerker)\b";
    DISCLAIMER = r"(?i)^[-_*\s]*disclaimer\b|\b(?:e-?mail|bericht|message|informatie|information|transmission)\b.{0,120}\b(?:vertrouwelijk|uitsluitend (?:bestemd|bedoeld)|confidential|privileged|intended (?:only|solely|recipient)|alleen bestemd voor)|\b(?:geen rechten (?:worden |kunnen )?(?:worden )?ontleend|niet de geadresseerde|not the intended recipient|are not the addressee)|(?:denk|think) (?:aan het milieu|before you print)|consider the environment|aansprakelijkheid .{0,80}e-?mail|staat niet in voor de (?:juiste|volledige)";
    DISCLAIMER_START = r"(?i)^[-_*\s]*(?:disclaimer|dit (?:e-?mail)?\s?-?\s?bericht|deze (?:e-?mail|boodschap)|this (?:e-?mail|message|communication)|de (?:informatie|inhoud|in dit)|the (?:information|content)|aan (?:dit|deze)|denk aan|please consider|(?:het|de) (?:is de )?gemeente .{0,60}(?:niet toegestaan|aansprakelijk|sluit|aanvaardt)|indien u niet|if you (?:are|have)|geen rechten)";
    POSTSCRIPT = r"(?i)^\s*p\.?\s?s\b";
    RULE = r"^\s*[-_=*]{3,}\s*$";
}

pub(in crate::extract) fn matches(pattern: &LazyLock<Option<Regex>>, line: &str) -> bool {
    pattern.as_ref().is_some_and(|pattern| pattern.is_match(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_compiles() {
        for (name, pattern) in PATTERNS {
            assert!(pattern.is_some(), "{name}");
        }
    }
}
