//! HTML as a row of tokens, by the HTML standard's tokenizer (html5ever): read in one pass without a tree, so that no nesting,
//! however deep or broken, costs more than its length.

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, CharacterTokens, StartTag, TagToken, Token, TokenSink, TokenSinkResult, Tokenizer,
    TokenizerOpts,
};
use std::cell::RefCell;

pub(super) use html5ever::tokenizer::Tag;

/// Elements without content.
pub(super) const VOID: &[&str] = &[
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track",
    "wbr",
];

/// What is made of the tokens.
pub(super) trait Page {
    /// An element begins. False: it has no content, whatever its name says.
    fn start(&mut self, tag: &Tag) -> bool;
    fn end(&mut self, name: &str);
    fn characters(&mut self, text: &str);
}

/// Hands the tokens of `html` to `page`, and gives it back.
pub(super) fn read<P: Page>(html: &str, page: P) -> P {
    let tokenizer = Tokenizer::new(Sink(RefCell::new(page)), TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from_slice(html));
    let _ = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.0.into_inner()
}

struct Sink<P>(RefCell<P>);

impl<P: Page> TokenSink for Sink<P> {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut page = self.0.borrow_mut();
        match token {
            TagToken(tag) if tag.kind == StartTag => {
                return match page.start(&tag) {
                    true => content_of(&tag.name),
                    false => TokenSinkResult::Continue,
                };
            }
            TagToken(tag) => page.end(&tag.name),
            CharacterTokens(text) => page.characters(&text),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

/// How the content of an element is to be read: that of some holds no tags.
fn content_of(name: &str) -> TokenSinkResult<()> {
    match name {
        "style" | "noframes" | "xmp" | "iframe" | "noembed" => TokenSinkResult::RawData(RawKind::Rawtext),
        "script" => TokenSinkResult::RawData(RawKind::ScriptData),
        "title" | "textarea" => TokenSinkResult::RawData(RawKind::Rcdata),
        "plaintext" => TokenSinkResult::Plaintext,
        _ => TokenSinkResult::Continue,
    }
}
