//! Those machine checks of the Matterhorn Protocol 1.1 (PDF/UA-1, ISO 14289-1) that a letter of ours can fail, on a
//! reader (lopdf) that is not the writer (krilla). Not checked, for a letter has none: pictures, tables, forms,
//! annotations, JavaScript, embedded files, encryption; each of these is a fault here.
#![allow(clippy::unwrap_used, clippy::panic, reason = "in tests a panic is the failure that is wanted")]

use lopdf::content::Content;
use lopdf::{Dictionary, Document, Object, ObjectId};
use std::collections::BTreeMap;

/// What a screen reader gets.
#[derive(Debug, Default)]
pub struct Told {
    pub pages: usize,
    /// All text of the structure tree in its order.
    pub spoken: String,
    /// H1, H2 in order.
    pub headings: Vec<String>,
    /// Every /Lang below the catalog's.
    pub languages: Vec<String>,
    /// Text that is not read out.
    pub artifacts: Vec<String>,
}

type Found<T> = Result<T, String>;

fn need(holds: bool, clause: &str) -> Found<()> {
    if holds { Ok(()) } else { Err(clause.to_owned()) }
}

fn name(object: Option<&Object>) -> String {
    object
        .and_then(|object| object.as_name().ok())
        .map(|n| String::from_utf8_lossy(n).into_owned())
        .unwrap_or_default()
}

fn string(object: &Object) -> String {
    object.as_str().map(|text| String::from_utf8_lossy(text).into_owned()).unwrap_or_default()
}

struct Reader {
    document: Document,
    /// Page and MCID → text.
    marked: BTreeMap<(ObjectId, i64), String>,
    /// Which of them the tree has.
    reached: Vec<(ObjectId, i64)>,
    told: Told,
}

pub fn check(pdf: &[u8]) -> Found<Told> {
    let document = Document::load_mem(pdf).map_err(|error| error.to_string())?;
    let mut reader = Reader { document, marked: BTreeMap::new(), reached: Vec::new(), told: Told::default() };
    reader.head()?;
    let pages: Vec<ObjectId> = reader.document.get_pages().into_values().collect();
    reader.told.pages = pages.len();
    for page in &pages {
        reader.page(*page)?;
    }
    reader.tree()?;
    reader.parents(&pages)?;
    Ok(reader.told)
}

impl Reader {
    fn follow<'a>(&'a self, object: &'a Object) -> &'a Object {
        match object {
            Object::Reference(id) => self.document.get_object(*id).unwrap_or(&Object::Null),
            other => other,
        }
    }

    fn at<'a>(&'a self, dictionary: &'a Dictionary, key: &[u8]) -> Option<&'a Object> {
        dictionary.get(key).ok().map(|object| self.follow(object))
    }

    fn catalog(&self) -> Found<&Dictionary> {
        self.document.catalog().map_err(|error| error.to_string())
    }

    fn head(&mut self) -> Found<()> {
        let catalog = self.catalog()?;
        need(!self.document.is_encrypted(), "26: encrypted")?;
        let marked = self.at(catalog, b"MarkInfo").and_then(|info| info.as_dict().ok());
        let marked = marked.and_then(|info| info.get(b"Marked").ok()).and_then(|m| m.as_bool().ok());
        need(marked == Some(true), "01-007: MarkInfo Marked")?;
        let viewer = self.at(catalog, b"ViewerPreferences").and_then(|prefs| prefs.as_dict().ok());
        let shows =
            viewer.and_then(|prefs| prefs.get(b"DisplayDocTitle").ok()).and_then(|d| d.as_bool().ok());
        need(shows == Some(true), "07-001: DisplayDocTitle")?;
        need(
            self.at(catalog, b"Lang").map(string).as_deref() == Some("nl-NL"),
            "11-006: Lang of the document",
        )?;
        let metadata = self.at(catalog, b"Metadata").and_then(|stream| stream.as_stream().ok());
        let metadata = metadata.ok_or("06-001: no metadata")?;
        let xmp = metadata.decompressed_content().unwrap_or_else(|_| metadata.content.clone());
        let xmp = String::from_utf8_lossy(&xmp).into_owned();
        need(
            xmp.contains("pdfuaid:part>1<") || xmp.contains("pdfuaid:part=\"1\""),
            "06-002: the PDF/UA identifier",
        )?;
        need(xmp.contains("<dc:title>") && xmp.contains("2026-000042-6"), "06-003: dc:title")?;
        for key in [&b"AcroForm"[..], b"OpenAction", b"AA", b"Collection"] {
            need(!catalog.has(key), "a letter has no forms, actions or files")?;
        }
        Ok(())
    }

    /// Every mark on the page is tagged or an artifact, in fonts that are embedded and can be read back.
    fn page(&mut self, page: ObjectId) -> Found<()> {
        let dictionary = self.document.get_dictionary(page).map_err(|error| error.to_string())?;
        need(!dictionary.has(b"Annots"), "28: annotations")?;
        need(dictionary.has(b"StructParents"), "01: StructParents")?;
        let mut encodings = BTreeMap::new();
        for (key, font) in self.document.get_page_fonts(page).map_err(|error| error.to_string())? {
            self.font(font)?;
            let encoding = font.get_font_encoding(&self.document).map_err(|error| error.to_string())?;
            encodings.insert(key, encoding);
        }
        let bytes = self.document.get_page_content(page);
        let content = Content::decode(&bytes).map_err(|error| error.to_string())?;
        let (mut open, mut font, mut text) = (Vec::<Option<i64>>::new(), None, String::new());
        let mut marked = Vec::new();
        let mut artifacts = Vec::new();
        for operation in &content.operations {
            match operation.operator.as_str() {
                "BDC" | "BMC" => {
                    let kind = name(operation.operands.first());
                    let properties = operation.operands.get(1).and_then(|o| o.as_dict().ok());
                    let mcid = properties.and_then(|p| p.get(b"MCID").ok()).and_then(|m| m.as_i64().ok());
                    need(open.is_empty(), "01-001: marked content within marked content")?;
                    need((kind == "Artifact") != mcid.is_some(), "01-003: neither artifact nor tagged")?;
                    open.push(mcid);
                    text.clear();
                }
                "EMC" => match open.pop() {
                    Some(Some(mcid)) => marked.push(((page, mcid), text.clone())),
                    Some(None) => artifacts.push(text.clone()),
                    None => return Err("EMC without a beginning".into()),
                },
                "Tf" => font = operation.operands.first().and_then(|o| o.as_name().ok()).map(<[u8]>::to_vec),
                "Tj" | "TJ" | "'" | "\"" => {
                    need(!open.is_empty(), "01-005: text that is neither tagged nor an artifact")?;
                    let encoding = font
                        .as_ref()
                        .and_then(|font| encodings.get(font))
                        .ok_or("31: a font that is not there")?;
                    let strings = operation.operands.iter().flat_map(|operand| match operand {
                        Object::Array(parts) => parts.clone(),
                        other => vec![other.clone()],
                    });
                    for string in strings.filter(|operand| operand.as_str().is_ok()) {
                        let octets = string.as_str().unwrap();
                        let decoded =
                            Document::decode_text(encoding, octets).map_err(|error| error.to_string())?;
                        need(
                            !decoded.is_empty() && !decoded.contains(['\0', '\u{fffd}']),
                            "31-027: a glyph without a character",
                        )?;
                        text.push_str(&decoded);
                    }
                }
                "f" | "F" | "f*" | "S" | "s" | "B" | "B*" | "b" | "b*" | "sh" | "Do" => {
                    need(matches!(open.last(), Some(None)), "01-005: a drawing that is no artifact")?;
                }
                _ => {}
            }
        }
        need(open.is_empty(), "marked content without an end")?;
        self.marked.extend(marked);
        self.told.artifacts.extend(artifacts.into_iter().filter(|text| !text.trim().is_empty()));
        Ok(())
    }

    fn font(&self, font: &Dictionary) -> Found<()> {
        need(font.has(b"ToUnicode"), "31-027: ToUnicode")?;
        need(name(self.at(font, b"Subtype")) == "Type0", "31: a composite font")?;
        need(name(self.at(font, b"Encoding")) == "Identity-H", "31-006: Identity-H")?;
        let below = self.at(font, b"DescendantFonts").and_then(|below| below.as_array().ok());
        let below = below.and_then(|below| below.first()).map(|below| self.follow(below));
        let below = below.and_then(|below| below.as_dict().ok()).ok_or("31: DescendantFonts")?;
        if name(self.at(below, b"Subtype")) == "CIDFontType2" {
            need(below.has(b"CIDToGIDMap"), "31-004: CIDToGIDMap")?;
        }
        let descriptor = self.at(below, b"FontDescriptor").and_then(|d| d.as_dict().ok());
        let descriptor = descriptor.ok_or("31: FontDescriptor")?;
        let embedded = [&b"FontFile"[..], b"FontFile2", b"FontFile3"].iter().any(|key| descriptor.has(key));
        need(embedded, "31-009: embedded")
    }

    fn tree(&mut self) -> Found<()> {
        let root = self.at(self.catalog()?, b"StructTreeRoot").and_then(|root| root.as_dict().ok()).cloned();
        let root = root.ok_or("01: StructTreeRoot")?;
        need(root.has(b"ParentTree"), "01: ParentTree")?;
        let kids = self.kids(&root);
        need(kids.len() == 1, "one Document")?;
        for kid in kids {
            self.element(&kid, "", None)?;
        }
        let mut levels = self.told.headings.iter().map(|tag| tag[1..].parse::<u32>().unwrap());
        let mut before = levels.next();
        need(before == Some(1), "14-002: the first heading is H1")?;
        for level in levels {
            need(Some(level) <= before.map(|before| before + 1), "14-003: a level of headings is left out")?;
            before = Some(level);
        }
        for (place, text) in &self.marked {
            need(self.reached.contains(place), &format!("01: {text:?} is in no element"))?;
        }
        let mut reached = self.reached.clone();
        reached.sort_unstable();
        reached.dedup();
        need(reached.len() == self.reached.len(), "content in two elements")
    }

    fn kids(&self, of: &Dictionary) -> Vec<Object> {
        match self.at(of, b"K") {
            Some(Object::Array(kids)) => kids.clone(),
            Some(other) => vec![other.clone()],
            None => Vec::new(),
        }
    }

    fn element(&mut self, object: &Object, parent: &str, page: Option<ObjectId>) -> Found<()> {
        let element = match self.follow(object) {
            Object::Integer(mcid) => return self.content(page.ok_or("content without a page")?, *mcid),
            Object::Dictionary(element) => element.clone(),
            other => return Err(format!("{other:?} in the structure tree")),
        };
        let page = element.get(b"Pg").ok().and_then(|page| page.as_reference().ok()).or(page);
        if name(element.get(b"Type").ok()) == "MCR" {
            let mcid = element.get(b"MCID").and_then(Object::as_i64).map_err(|error| error.to_string())?;
            return self.content(page.ok_or("content without a page")?, mcid);
        }
        let tag = name(element.get(b"S").ok());
        let fits = match tag.as_str() {
            "Document" => parent.is_empty(),
            "P" | "H1" | "H2" | "L" => parent == "Document",
            "LI" => parent == "L",
            "Lbl" | "LBody" => parent == "LI",
            "Span" => !parent.is_empty(),
            _ => false,
        };
        need(fits, &format!("09: {tag} within {parent:?}"))?;
        if tag.starts_with('H') {
            self.told.headings.push(tag.clone());
        }
        if let Ok(language) = element.get(b"Lang") {
            let language = string(language);
            need(["nl", "en"].contains(&&language[..2]), &format!("11: {language:?}"))?;
            self.told.languages.push(language);
        }
        let kids = self.kids(&element);
        need(!kids.is_empty(), &format!("{tag} is empty"))?;
        for kid in kids {
            self.element(&kid, &tag, page)?;
        }
        if tag != "Span" {
            self.told.spoken.push('\n');
        }
        Ok(())
    }

    fn content(&mut self, page: ObjectId, mcid: i64) -> Found<()> {
        let text = self.marked.get(&(page, mcid)).ok_or("content that is on no page")?;
        self.told.spoken.push_str(text);
        self.reached.push((page, mcid));
        Ok(())
    }

    /// From each page's content back to its elements.
    fn parents(&self, pages: &[ObjectId]) -> Found<()> {
        let root = self.at(self.catalog()?, b"StructTreeRoot").and_then(|root| root.as_dict().ok());
        let tree = root.and_then(|root| self.at(root, b"ParentTree")).and_then(|tree| tree.as_dict().ok());
        let numbers = tree.and_then(|tree| self.at(tree, b"Nums")).and_then(|nums| nums.as_array().ok());
        let numbers = numbers.ok_or("01: ParentTree without Nums")?;
        for page in pages {
            let dictionary = self.document.get_dictionary(*page).unwrap();
            let key = dictionary.get(b"StructParents").and_then(Object::as_i64).unwrap_or(-1);
            let entry = numbers.chunks(2).find(|pair| pair[0].as_i64().is_ok_and(|number| number == key));
            let entry = entry.map(|pair| self.follow(&pair[1])).and_then(|entry| entry.as_array().ok());
            let here = self.marked.keys().filter(|(at, _)| at == page).count();
            need(entry.is_some_and(|entry| entry.len() == here), "01: ParentTree of a page")?;
        }
        Ok(())
    }
}

/// The same letter with one promise broken at a time, and which.
pub fn broken(pdf: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let change = |what: &dyn Fn(&mut Document)| {
        let mut document = Document::load_mem(pdf).unwrap();
        what(&mut document);
        let mut bytes = Vec::new();
        document.save_to(&mut bytes).unwrap();
        bytes
    };
    let remove = |key: &'static [u8]| change(&|document| drop(document.catalog_mut().unwrap().remove(key)));
    fn strip(object: &mut Object, key: &[u8]) {
        match object {
            Object::Array(parts) => parts.iter_mut().for_each(|part| strip(part, key)),
            Object::Dictionary(dictionary) => {
                dictionary.remove(key);
                dictionary.iter_mut().for_each(|(_, value)| strip(value, key));
            }
            _ => {}
        }
    }
    let each = |document: &mut Document, key: &[u8]| {
        document.objects.values_mut().for_each(|object| strip(object, key));
    };
    vec![
        ("MarkInfo", remove(b"MarkInfo")),
        ("Lang", remove(b"Lang")),
        ("Metadata", remove(b"Metadata")),
        ("ViewerPreferences", remove(b"ViewerPreferences")),
        ("StructTreeRoot", remove(b"StructTreeRoot")),
        ("ToUnicode", change(&|document| each(document, b"ToUnicode"))),
        (
            "FontFile2",
            change(&|document| {
                each(document, b"FontFile2");
                each(document, b"FontFile3");
            }),
        ),
        ("ParentTree", change(&|document| each(document, b"ParentTree"))),
        (
            "untagged text",
            change(&|document| {
                let page = document.get_pages()[&1];
                let mut content = document.get_page_content(page);
                let at = content.windows(3).position(|w| w == b"EMC").unwrap();
                content.splice(at..at, b"EMC /Artifact BMC ".iter().copied());
                content.extend_from_slice(b"\n0 0 9 9 re f\n");
                document.change_page_content(page, content).unwrap();
            }),
        ),
    ]
}
