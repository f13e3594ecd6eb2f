//! The tokens of RTF: groups, control words, bytes and runs of text.
//!
//! Invariant: every step goes forward in the input; a token never holds more than it.

/// Letters of a control word; the longest in use has about thirty.
const WORD_BYTES_MAX: usize = 64;

/// Digits of a parameter.
const DIGITS_MAX: usize = 12;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Open,
    Close,
    /// A control word with its parameter, or a control symbol.
    Word(&'a str, Option<i32>),
    /// `\'hh`.
    Byte(u8),
    /// Text as it stands, without line ends.
    Text(&'a [u8]),
}

/// The tokens that are left.
pub(super) struct Tokens<'a> {
    rest: &'a [u8],
}

impl<'a> Tokens<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next token; `None` at the end.
    pub fn next(&mut self) -> Option<Token<'a>> {
        while let Some(b'\r' | b'\n' | 0) = self.rest.first() {
            self.rest = &self.rest[1..];
        }
        let (&first, after) = self.rest.split_first()?;
        match first {
            b'{' => {
                self.rest = after;
                Some(Token::Open)
            }
            b'}' => {
                self.rest = after;
                Some(Token::Close)
            }
            b'\\' => self.control(after),
            _ => {
                let end = self.rest.iter().position(|byte| b"{}\\\r\n\0".contains(byte));
                Some(Token::Text(self.take(end.unwrap_or(self.rest.len()))))
            }
        }
    }

    /// The next bytes, as they are: what follows `\bin`.
    pub fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    fn control(&mut self, after: &'a [u8]) -> Option<Token<'a>> {
        self.rest = after;
        let &first = after.first()?;
        if first == b'\'' {
            let digit = |at: usize| after.get(at).and_then(|&byte| (byte as char).to_digit(16));
            if let (Some(high), Some(low)) = (digit(1), digit(2)) {
                self.rest = &after[3..];
                return Some(Token::Byte((high * 16 + low) as u8));
            }
            self.rest = &after[1..];
            return Some(Token::Text(b""));
        }
        if !first.is_ascii_alphabetic() {
            let symbol = self.take(1);
            return Some(Token::Word(std::str::from_utf8(symbol).unwrap_or("?"), None));
        }
        let letters = after.iter().take(WORD_BYTES_MAX).take_while(|byte| byte.is_ascii_alphabetic()).count();
        let word = std::str::from_utf8(self.take(letters)).unwrap_or_default();
        let sign = usize::from(self.rest.first() == Some(&b'-'));
        let digits =
            self.rest[sign..].iter().take(DIGITS_MAX).take_while(|byte| byte.is_ascii_digit()).count();
        let mut value = None;
        if digits > 0 {
            let number = std::str::from_utf8(self.take(sign + digits)).unwrap_or_default();
            let number = number.parse::<i64>().unwrap_or(0);
            value = Some(number.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32);
        }
        if self.rest.first() == Some(&b' ') {
            self.rest = &self.rest[1..];
        }
        Some(Token::Word(word, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_token() {
        let mut tokens = Tokens::new(b"{\\rtf1 a b\r\nc\\'e9\\*\\li-720x\\bin2{}}\\\n");
        let expected = [
            Token::Open,
            Token::Word("rtf", Some(1)),
            Token::Text(b"a b"),
            Token::Text(b"c"),
            Token::Byte(0xe9),
            Token::Word("*", None),
            Token::Word("li", Some(-720)),
            Token::Text(b"x"),
            Token::Word("bin", Some(2)),
        ];
        for token in expected {
            assert_eq!(tokens.next(), Some(token));
        }
        assert_eq!(tokens.take(2), b"{}");
        assert_eq!(tokens.next(), Some(Token::Close));
        assert_eq!(tokens.next(), Some(Token::Word("\n", None)));
        assert_eq!(tokens.next(), None);
    }
}
