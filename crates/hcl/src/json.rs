//! The JSON reader (RFC 8259, with no extensions).

use std::collections::BTreeMap;

use crate::cursor::Cursor;
use crate::error::Problem;
use crate::{Entry, Error, Kind, MAX_DEPTH, Value};

/// Reads a text that is one JSON value.
pub(crate) fn read(text: &str) -> Result<Value, Error> {
    let mut reader = Reader {
        cursor: Cursor::new(text),
        depth: 0,
    };
    reader.skip_space();
    let value = reader.value()?;
    reader.skip_space();
    match reader.cursor.peek() {
        None => Ok(value),
        Some(_) => Err(reader.cursor.expected("the end of the text")),
    }
}

struct Reader<'a> {
    cursor: Cursor<'a>,
    depth: usize,
}

impl Reader<'_> {
    fn skip_space(&mut self) {
        self.cursor
            .take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    }

    fn value(&mut self) -> Result<Value, Error> {
        let span = self.cursor.span();
        let kind = match self.cursor.peek() {
            Some(b'{') => self.nested(Self::object)?,
            Some(b'[') => self.nested(Self::list)?,
            Some(b'"') => Kind::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        };
        Ok(Value { kind, span })
    }

    /// Reads a list or an object, one level deeper; the bracket comes next.
    fn nested(&mut self, read: impl Fn(&mut Self) -> Result<Kind, Error>) -> Result<Kind, Error> {
        if self.depth == MAX_DEPTH {
            return Err(Error::new(Problem::TooDeep { limit: MAX_DEPTH }).at(self.cursor.span()));
        }
        self.depth += 1;
        self.cursor.advance(1);
        self.skip_space();
        let kind = read(self)?;
        self.depth -= 1;
        Ok(kind)
    }

    fn list(&mut self) -> Result<Kind, Error> {
        let mut items = Vec::new();
        if self.cursor.eat(b']') {
            return Ok(Kind::List(items));
        }
        loop {
            items.push(self.value()?);
            self.skip_space();
            if self.cursor.eat(b']') {
                return Ok(Kind::List(items));
            }
            if !self.cursor.eat(b',') {
                return Err(self.cursor.expected("`,` or `]`"));
            }
            self.skip_space();
        }
    }

    fn object(&mut self) -> Result<Kind, Error> {
        let mut entries = Vec::new();
        if self.cursor.eat(b'}') {
            return Ok(Kind::Object(entries));
        }
        loop {
            let key_span = self.cursor.span();
            if self.cursor.peek() != Some(b'"') {
                return Err(self.cursor.expected("a key in double quotes"));
            }
            let key = self.string()?;
            self.skip_space();
            if !self.cursor.eat(b':') {
                return Err(self.cursor.expected("`:` after the key"));
            }
            self.skip_space();
            let value = self.value()?;
            entries.push(Entry {
                key,
                key_span,
                value,
            });
            self.skip_space();
            if self.cursor.eat(b'}') {
                return refuse_duplicates(entries);
            }
            if !self.cursor.eat(b',') {
                return Err(self.cursor.expected("`,` or `}`"));
            }
            self.skip_space();
        }
    }

    fn word(&mut self) -> Result<Kind, Error> {
        let words = [
            ("true", Kind::Bool(true)),
            ("false", Kind::Bool(false)),
            ("null", Kind::Null),
        ];
        for (word, kind) in words {
            if self.cursor.rest().starts_with(word) {
                self.cursor.advance(word.len());
                return Ok(kind);
            }
        }
        Err(self.cursor.expected("a value"))
    }

    fn number(&mut self) -> Result<Kind, Error> {
        let begin = self.cursor.rest();
        let span = self.cursor.span();
        self.cursor.eat(b'-');
        if !self.cursor.eat(b'0') {
            self.digits()?;
        }
        let mut whole = true;
        if self.cursor.eat(b'.') {
            whole = false;
            self.digits()?;
        }
        if self.cursor.eat(b'e') || self.cursor.eat(b'E') {
            whole = false;
            _ = self.cursor.eat(b'-') || self.cursor.eat(b'+');
            self.digits()?;
        }
        let text = &begin[..begin.len() - self.cursor.rest().len()];
        number(text, whole).map_err(|error| error.at(span))
    }

    fn digits(&mut self) -> Result<(), Error> {
        if self
            .cursor
            .take_while(|byte| byte.is_ascii_digit())
            .is_empty()
        {
            return Err(self.cursor.expected("a digit"));
        }
        Ok(())
    }

    fn string(&mut self) -> Result<String, Error> {
        self.cursor.advance(1);
        let mut text = self.plain_text().to_owned();
        loop {
            match self.cursor.peek() {
                Some(b'"') => {
                    self.cursor.advance(1);
                    return Ok(text);
                }
                Some(b'\\') => {
                    self.cursor.advance(1);
                    text.push(self.escape()?);
                    text.push_str(self.plain_text());
                }
                _ => return Err(self.cursor.expected("the closing `\"` of the string")),
            }
        }
    }

    fn plain_text(&mut self) -> &str {
        self.cursor
            .take_while(|byte| byte >= b' ' && byte != b'"' && byte != b'\\')
    }

    fn escape(&mut self) -> Result<char, Error> {
        let simple = match self.cursor.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.cursor.advance(1);
                return self.unicode();
            }
            _ => return Err(self.cursor.expected("an escape: one of `\"\\/bfnrtu`")),
        };
        self.cursor.advance(1);
        Ok(simple)
    }

    /// The character of `\uXXXX`. Half of a surrogate pair alone becomes U+FFFD, as in Go.
    fn unicode(&mut self) -> Result<char, Error> {
        let first = self.cursor.hex(4)?;
        if (0xD800..0xDC00).contains(&first) && self.cursor.rest().starts_with("\\u") {
            let second = self
                .cursor
                .rest()
                .get(2..6)
                .and_then(|digits| u32::from_str_radix(digits, 16).ok());
            if let Some(second @ 0xDC00..0xE000) = second {
                self.cursor.advance(6);
                let both = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                return Ok(char::from_u32(both).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
        }
        Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
    }
}

impl Cursor<'_> {
    /// Exactly so many hexadecimal digits.
    pub(crate) fn hex(&mut self, digits: usize) -> Result<u32, Error> {
        let text = self
            .rest()
            .get(..digits)
            .filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let Some(number) = text.and_then(|text| u32::from_str_radix(text, 16).ok()) else {
            return Err(self.expected(format!("{digits} hexadecimal digits")));
        };
        self.advance(digits);
        Ok(number)
    }
}

/// The value of a decimal number; what does not fit 64 bits as a whole number becomes a float.
pub(crate) fn number(text: &str, whole: bool) -> Result<Kind, Error> {
    if whole && let Ok(number) = text.parse() {
        return Ok(Kind::Integer(number));
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(Kind::Float(number)),
        _ => {
            let expected = "a number that fits 64 bits".to_owned();
            Err(Error::new(Problem::Syntax {
                expected,
                found: crate::value::quoted(text),
            }))
        }
    }
}

fn refuse_duplicates(entries: Vec<Entry>) -> Result<Kind, Error> {
    /// Up to here comparing all pairs is cheaper than a map.
    const FEW: usize = 12;
    let twice = if entries.len() <= FEW {
        let earlier = |at: usize| {
            entries[..at]
                .iter()
                .find(|entry| entry.key == entries[at].key)
        };
        (1..entries.len()).find_map(|at| earlier(at).map(|first| (first, &entries[at])))
    } else {
        let mut seen = BTreeMap::new();
        entries.iter().find_map(|entry| {
            seen.insert(entry.key.as_str(), entry)
                .map(|first| (first, entry))
        })
    };
    if let Some((first, second)) = twice {
        let problem = Problem::DuplicateKey {
            key: second.key.clone(),
            first: first.key_span,
        };
        return Err(Error::new(problem).at(second.key_span));
    }
    Ok(Kind::Object(entries))
}

#[cfg(test)]
mod tests;
