//! The HCL 1 reader: which items an object has, and how repeated ones become one value.
//!
//! HCL 1 has no written specification; where this follows an observed rule of its reader the place says so.

use std::collections::BTreeMap;

use crate::cursor::Cursor;
use crate::error::Problem;
use crate::{Entry, Error, Kind, MAX_DEPTH, Span, Value};

mod scalar;

/// Reads a whole document.
pub(crate) fn read(text: &str) -> Result<Value, Error> {
    let mut reader = Reader {
        cursor: Cursor::new(text),
        depth: 0,
    };
    let kind = reader.items(None)?;
    Ok(Value {
        kind,
        span: Span { line: 1, column: 1 },
    })
}

struct Reader<'a> {
    cursor: Cursor<'a>,
    depth: usize,
}

/// The entries of an object so far.
#[derive(Default)]
struct Items {
    entries: Vec<Entry>,
    /// Per key: which entry it is, and whether that is a list because blocks were repeated.
    known: BTreeMap<String, (usize, bool)>,
}

// === impl Reader ===

impl Reader<'_> {
    /// The items of a document, or of an object up to its closing brace if `opened` says where it began.
    fn items(&mut self, opened: Option<Span>) -> Result<Kind, Error> {
        let mut items = Items::default();
        loop {
            self.skip_space()?;
            match (self.cursor.peek(), opened) {
                (None, None) => return Ok(Kind::Object(items.entries)),
                (Some(b'}'), Some(_)) => {
                    self.cursor.advance(1);
                    return Ok(Kind::Object(items.entries));
                }
                (None, Some(span)) => {
                    return Err(self
                        .cursor
                        .expected(format!("the `}}` that closes the `{{` at {span}")));
                }
                _ => {}
            }
            items.add(self.item()?)?;
            self.skip_space()?;
            // Within braces HCL 1 lets a comma stand between items.
            if opened.is_some() {
                self.cursor.eat(b',');
            }
        }
    }

    /// `key = value`, or a block: `key { … }`, `key "label" { … }`.
    fn item(&mut self) -> Result<Entry, Error> {
        let (key, key_span) = self.key("a key")?;
        let mut labels = Vec::new();
        loop {
            self.skip_space()?;
            match self.cursor.peek() {
                Some(b'=') if labels.is_empty() => {
                    self.cursor.advance(1);
                    self.skip_space()?;
                    let value = self.value()?;
                    return Ok(Entry {
                        key,
                        key_span,
                        value,
                    });
                }
                Some(b'{') => break,
                _ if labels.is_empty() => {
                    labels.push(self.key("`=`, `{` or a label after the key")?)
                }
                _ => labels.push(self.key("`{` or another label")?),
            }
            self.check_depth(labels.len())?;
        }
        self.depth += labels.len();
        let mut value = self.value()?;
        self.depth -= labels.len();
        for (key, key_span) in labels.into_iter().rev() {
            let entry = Entry {
                key,
                key_span,
                value,
            };
            value = Value {
                kind: Kind::Object(vec![entry]),
                span: key_span,
            };
        }
        Ok(Entry {
            key,
            key_span,
            value,
        })
    }

    fn key(&mut self, expected: &str) -> Result<(String, Span), Error> {
        let span = self.cursor.span();
        if self.cursor.peek() == Some(b'"') {
            return Ok((self.string()?, span));
        }
        match self.identifier() {
            "" => Err(self.cursor.expected(expected)),
            name => Ok((name.to_owned(), span)),
        }
    }

    fn identifier(&mut self) -> &str {
        let rest = self.cursor.rest();
        if !rest.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            return "";
        }
        let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        let length = rest.find(|c| !inside(c)).unwrap_or(rest.len());
        self.cursor.advance(length);
        &rest[..length]
    }

    fn value(&mut self) -> Result<Value, Error> {
        let span = self.cursor.span();
        let kind = match self.cursor.peek() {
            Some(b'{') => self.nested(|reader| reader.items(Some(span)))?,
            Some(b'[') => self.nested(Self::list)?,
            Some(b'"') => Kind::String(self.string()?),
            Some(b'<') => Kind::String(self.heredoc()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        };
        Ok(Value { kind, span })
    }

    /// Reads a list or an object, one level deeper; the bracket comes next.
    fn nested(&mut self, read: impl Fn(&mut Self) -> Result<Kind, Error>) -> Result<Kind, Error> {
        self.check_depth(1)?;
        self.depth += 1;
        self.cursor.advance(1);
        let kind = read(self)?;
        self.depth -= 1;
        Ok(kind)
    }

    fn check_depth(&mut self, more: usize) -> Result<(), Error> {
        if self.depth + more > MAX_DEPTH {
            return Err(Error::new(Problem::TooDeep { limit: MAX_DEPTH }).at(self.cursor.span()));
        }
        Ok(())
    }

    fn list(&mut self) -> Result<Kind, Error> {
        let mut items = Vec::new();
        loop {
            self.skip_space()?;
            if self.cursor.eat(b']') {
                return Ok(Kind::List(items));
            }
            items.push(self.value()?);
            self.skip_space()?;
            if !self.cursor.eat(b',') && self.cursor.peek() != Some(b']') {
                return Err(self.cursor.expected("`,` or `]`"));
            }
        }
    }

    /// Moves over white space and comments.
    fn skip_space(&mut self) -> Result<(), Error> {
        loop {
            self.cursor.take_while(|byte| byte.is_ascii_whitespace());
            let rest = self.cursor.rest();
            if rest.starts_with('#') || rest.starts_with("//") {
                self.cursor.take_while(|byte| byte != b'\n');
            } else if rest.starts_with("/*") {
                let Some(end) = rest.find("*/") else {
                    return Err(self.cursor.expected("a comment that is closed with `*/`"));
                };
                self.cursor.advance(end + 2);
            } else {
                return Ok(());
            }
        }
    }
}

// === impl Items ===

impl Items {
    /// Adds an item. Objects under one key become a list, as in HCL 1; anything else twice is an error, where
    /// HCL 1 keeps the last.
    fn add(&mut self, entry: Entry) -> Result<(), Error> {
        let Some((at, repeated)) = self.known.get_mut(&entry.key) else {
            self.known
                .insert(entry.key.clone(), (self.entries.len(), false));
            self.entries.push(entry);
            return Ok(());
        };
        let first = &mut self.entries[*at];
        let new_block = matches!(entry.value.kind, Kind::Object(_));
        match &mut first.value.kind {
            Kind::List(blocks) if *repeated && new_block => blocks.push(entry.value),
            Kind::Object(_) if new_block => {
                *repeated = true;
                let span = first.value.span;
                let block = std::mem::replace(
                    &mut first.value,
                    Value {
                        kind: Kind::List(Vec::new()),
                        span,
                    },
                );
                first.value.kind = Kind::List(vec![block, entry.value]);
            }
            _ => {
                let problem = Problem::DuplicateKey {
                    key: entry.key,
                    first: first.key_span,
                };
                return Err(Error::new(problem).at(entry.key_span));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
