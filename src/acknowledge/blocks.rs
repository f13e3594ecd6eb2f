//! The words of an answer between template and medium: the same blocks become plain text, HTML and a letter,
//! so that the three can never differ.
//!
//! A template is plain text: paragraphs with an empty line between them, `# ` before a heading, `- ` before
//! each item of a list, `| ` before a line that must stay a line of its own (an address).

/// Characters of a line of a message: RFC 5322 §2.1.1 asks for 78 at most.
const LINE_CHARS_MAX: usize = 72;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    Heading(String),
    Paragraph(String),
    List(Vec<String>),
    /// Lines that stay apart.
    Lines(Vec<String>),
}

/// One language's part of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// ISO 639-1.
    pub language: String,
    pub blocks: Vec<Block>,
}

/// Reads a filled-in template.
pub fn parse(text: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut fresh = true;
    for line in text.lines().map(str::trim) {
        if line.is_empty() {
            fresh = true;
            continue;
        }
        if let Some(heading) = line.strip_prefix("# ") {
            blocks.push(Block::Heading(heading.trim().to_owned()));
            fresh = true;
            continue;
        }
        let item = line.strip_prefix("- ");
        let kept = line.strip_prefix("| ");
        match (blocks.last_mut(), item, kept) {
            (Some(Block::List(items)), Some(item), _) if !fresh => items.push(item.trim().to_owned()),
            (_, Some(item), _) => blocks.push(Block::List(vec![item.trim().to_owned()])),
            (Some(Block::Lines(lines)), _, Some(kept)) if !fresh => lines.push(kept.trim().to_owned()),
            (_, _, Some(kept)) => blocks.push(Block::Lines(vec![kept.trim().to_owned()])),
            (Some(Block::Paragraph(text)), ..) if !fresh => join(text, line),
            (Some(Block::List(items)), ..) if !fresh => {
                if let Some(last) = items.last_mut() {
                    join(last, line);
                }
            }
            _ => blocks.push(Block::Paragraph(line.to_owned())),
        }
        fresh = false;
    }
    blocks
}

fn join(text: &mut String, line: &str) {
    text.push(' ');
    text.push_str(line);
}

/// As it is typed: what [`parse`] reads again.
pub fn typed(sections: &[Section]) -> String {
    let block = |block: &Block| match block {
        Block::Heading(text) => format!("# {text}"),
        Block::Paragraph(text) => text.clone(),
        Block::List(items) => items.iter().map(|item| format!("- {item}")).collect::<Vec<_>>().join("\n"),
        Block::Lines(lines) => lines.iter().map(|line| format!("| {line}")).collect::<Vec<_>>().join("\n"),
    };
    let blocks: Vec<String> = sections.iter().flat_map(|section| &section.blocks).map(block).collect();
    blocks.join("\n\n")
}

/// Plain text with short lines, for text/plain.
pub fn text(sections: &[Section]) -> String {
    let mut text = String::new();
    for (number, section) in sections.iter().enumerate() {
        if number > 0 {
            text.push_str(&"-".repeat(40));
            text.push_str("\n\n");
        }
        for block in &section.blocks {
            match block {
                Block::Heading(heading) => {
                    // A line of its own above its text; signs around it would be read aloud.
                    wrap(&mut text, heading, "", "");
                    text.push('\n');
                }
                Block::Paragraph(paragraph) => {
                    wrap(&mut text, paragraph, "", "");
                    text.push('\n');
                }
                Block::List(items) => {
                    items.iter().for_each(|item| wrap(&mut text, item, "- ", "  "));
                    text.push('\n');
                }
                Block::Lines(lines) => {
                    lines.iter().for_each(|line| wrap(&mut text, line, "", ""));
                    text.push('\n');
                }
            }
        }
    }
    while text.ends_with("\n\n") {
        text.pop();
    }
    text
}

fn wrap(text: &mut String, words: &str, first: &str, further: &str) {
    let mut line = first.to_owned();
    let mut empty = true;
    for word in words.split_whitespace() {
        if !empty && line.chars().count() + 1 + word.chars().count() > LINE_CHARS_MAX {
            text.push_str(&line);
            text.push('\n');
            line = further.to_owned();
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    text.push_str(&line);
    text.push('\n');
}

/// The same words as HTML: no script, no picture, nothing loaded from elsewhere.
pub fn html(sections: &[Section], title: &str) -> String {
    let language = sections.first().map_or("nl", |section| section.language.as_str());
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n</head>\n\
         <body style=\"font-family: Arial, sans-serif; font-size: 16px; line-height: 1.5; max-width: 40em\">\n",
        escape(language),
        escape(title)
    );
    for (number, section) in sections.iter().enumerate() {
        if number > 0 {
            html.push_str("<hr>\n");
        }
        html.push_str(&format!("<div lang=\"{}\">\n", escape(&section.language)));
        for block in &section.blocks {
            match block {
                Block::Heading(heading) => {
                    html.push_str(&format!("<h2 style=\"font-size: 18px\">{}</h2>\n", escape(heading)));
                }
                Block::Paragraph(paragraph) => html.push_str(&format!("<p>{}</p>\n", escape(paragraph))),
                Block::List(items) => {
                    html.push_str("<ul>\n");
                    items.iter().for_each(|item| html.push_str(&format!("<li>{}</li>\n", escape(item))));
                    html.push_str("</ul>\n");
                }
                Block::Lines(lines) => {
                    let lines: Vec<String> = lines.iter().map(|line| escape(line)).collect();
                    html.push_str(&format!("<p>{}</p>\n", lines.join("<br>\n")));
                }
            }
        }
        html.push_str("</div>\n");
    }
    html.push_str("</body>\n</html>\n");
    html
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_three_media() {
        let blocks = parse(
            "# Kop\nEen zin die\ndoorloopt.\n\n- een\n- twee\n  en meer\n\n| Postbus 1\n| 2000 AA Stad\n",
        );
        assert_eq!(
            blocks,
            [
                Block::Heading("Kop".into()),
                Block::Paragraph("Een zin die doorloopt.".into()),
                Block::List(vec!["een".into(), "twee en meer".into()]),
                Block::Lines(vec!["Postbus 1".into(), "2000 AA Stad".into()]),
            ]
        );
        let sections = [Section { language: "nl".into(), blocks }];
        assert_eq!(
            text(&sections),
            "Kop\n\nEen zin die doorloopt.\n\n- een\n- twee en meer\n\nPostbus 1\n2000 AA Stad\n"
        );
        let html = html(&sections, "a<b");
        assert!(html.contains("<title>a&lt;b</title>") && html.contains("<li>twee en meer</li>"));
        assert!(html.contains("<p>Postbus 1<br>\n2000 AA Stad</p>"));
    }

    #[test]
    fn lines_are_short_and_markup_is_harmless() {
        let long = "woord ".repeat(60);
        let sections = [Section { language: "nl".into(), blocks: parse(&format!("{long}\n\n<script>\"&'")) }];
        assert!(text(&sections).lines().all(|line| line.chars().count() <= LINE_CHARS_MAX));
        assert!(html(&sections, "").contains("&lt;script&gt;&quot;&amp;&#39;"));
    }
}
