//! Messages: RFC 5322 and 2045–2049 (format), 3676 (format=flowed), 3464 (delivery status), 6522 (reports).
//!
//! Invariant: size, number of parts and nesting are bounded before a parser sees a byte; every attachment is a
//! document, read or named as unread.

pub(super) mod body;
pub(super) mod header;
pub(super) mod html;
pub(super) mod message;
pub(super) mod parts;
mod patterns;
