//! Text as it stands on the page, written from a stream of paragraphs, table cells and what stands apart.

/// Text boxes within text boxes that are told apart.
const APART_MAX: usize = 50;

/// Tables within tables whose cells are told apart.
const CELLS_MAX: usize = 500;

/// Text being written.
#[derive(Debug)]
pub(super) struct Page {
    /// The page itself, and what stands apart and is being written.
    levels: Vec<Level>,
    /// Levels past the bound, written into the one around them.
    beyond: usize,
}

#[derive(Debug, Default)]
struct Level {
    text: String,
    /// Where the cells that are open begin.
    cells: Vec<usize>,
    /// Stood apart within the paragraph, and follows it.
    waiting: String,
}

impl Page {
    pub fn new() -> Self {
        Self { levels: vec![Level::default()], beyond: 0 }
    }

    pub fn put(&mut self, text: &str) {
        if let Some(level) = self.levels.last_mut() {
            level.text.push_str(text);
        }
    }

    /// The end of a paragraph, after which comes what stood apart in it.
    pub fn end_paragraph(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            level.text.push('\n');
            level.text.push_str(&std::mem::take(&mut level.waiting));
        }
    }

    pub fn begin_cell(&mut self) {
        if let Some(level) = self.levels.last_mut()
            && level.cells.len() < CELLS_MAX
        {
            level.cells.push(level.text.len());
        }
    }

    /// As [`Page::put`], of text in which every run of blanks and line ends is one blank.
    pub fn put_flowing(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                ' ' | '\t' | '\n' | '\r' => {
                    let ends_blank = self.levels.last().is_none_or(|level| level.text.ends_with([' ', '\n']));
                    if !ends_blank {
                        self.put(" ");
                    }
                }
                c => self.put(c.encode_utf8(&mut [0; 4])),
            }
        }
    }

    /// The end of a cell: its last paragraph end becomes a gap in the row, unless it is empty.
    pub fn end_cell(&mut self, gap: &str) {
        if let Some(level) = self.levels.last_mut() {
            let start = level.cells.pop().unwrap_or(0).min(level.text.len());
            let length = level.text.get(start..).map_or(0, |cell| cell.trim_end().len());
            level.text.truncate(start + length);
            if length > 0 {
                level.text.push_str(gap);
            }
        }
    }

    pub fn end_row(&mut self, gap: &str) {
        if let Some(level) = self.levels.last_mut() {
            if level.text.ends_with(gap) {
                level.text.truncate(level.text.len() - gap.len());
            }
            level.text.push('\n');
        }
    }

    pub fn begin_apart(&mut self) {
        if self.levels.len() < APART_MAX {
            self.levels.push(Level::default());
        } else {
            self.beyond += 1;
        }
    }

    pub fn end_apart(&mut self) {
        if self.beyond > 0 {
            self.beyond -= 1;
        } else if self.levels.len() > 1
            && let Some(apart) = self.levels.pop()
            && let Some(around) = self.levels.last_mut()
        {
            around.waiting.push_str(&apart.text);
            around.waiting.push_str(&apart.waiting);
        }
    }

    pub fn into_text(mut self) -> String {
        while self.levels.len() > 1 {
            self.beyond = 0;
            self.end_apart();
        }
        self.levels.pop().map(|level| level.text + &level.waiting).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_and_boxes() {
        let mut page = Page::new();
        page.put("a");
        page.begin_apart();
        page.put("kader");
        page.end_paragraph();
        page.end_apart();
        page.put("b");
        page.end_paragraph();
        for cell in ["", "c", "d"] {
            page.begin_cell();
            page.put(cell);
            page.end_paragraph();
            page.end_cell(" | ");
        }
        page.end_row(" | ");
        page.put_flowing(" e\n  f");
        assert_eq!(page.into_text(), "ab\nkader\nc | d\ne f");
    }
}
