//! Words, numbers, strings and heredocs of HCL 1.

use super::Reader;
use crate::error::Problem;
use crate::value::quoted;
use crate::{Error, Kind, json};

impl Reader<'_> {
    /// `true` or `false`.
    pub(super) fn word(&mut self) -> Result<Kind, Error> {
        for (word, kind) in [("true", Kind::Bool(true)), ("false", Kind::Bool(false))] {
            let after = self.cursor.rest().strip_prefix(word);
            if after
                .is_some_and(|after| !after.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
            {
                self.cursor.advance(word.len());
                return Ok(kind);
            }
        }
        Err(self
            .cursor
            .expected("a value (strings stand in double quotes)"))
    }

    /// Decimal with fraction and exponent, hexadecimal (`0x1F`) or octal (`0755`).
    pub(super) fn number(&mut self) -> Result<Kind, Error> {
        let span = self.cursor.span();
        let begin = self.cursor.rest();
        let sign = if self.cursor.eat(b'-') { "-" } else { "" };
        let kind = if self.cursor.rest().starts_with("0x") || self.cursor.rest().starts_with("0X") {
            self.cursor.advance(2);
            let digits = self.cursor.take_while(|byte| byte.is_ascii_hexdigit());
            radix(sign, digits, 16)
        } else {
            let whole_part = self.digits()?.to_owned();
            let whole = !self.fraction_and_exponent()?;
            if whole && whole_part.len() > 1 && whole_part.starts_with('0') {
                radix(sign, &whole_part, 8)
            } else {
                json::number(&begin[..begin.len() - self.cursor.rest().len()], whole)
            }
        };
        if self
            .cursor
            .rest()
            .starts_with(|c: char| c.is_alphanumeric() || c == '_')
        {
            return Err(self
                .cursor
                .expected("the end of the number (values like `10s` stand in double quotes)"));
        }
        kind.map_err(|error| error.at(span))
    }

    /// Whether there was either.
    fn fraction_and_exponent(&mut self) -> Result<bool, Error> {
        let mut any = false;
        if self.cursor.eat(b'.') {
            any = true;
            self.digits()?;
        }
        if self.cursor.eat(b'e') || self.cursor.eat(b'E') {
            any = true;
            _ = self.cursor.eat(b'-') || self.cursor.eat(b'+');
            self.digits()?;
        }
        Ok(any)
    }

    fn digits(&mut self) -> Result<&str, Error> {
        if !self.cursor.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(self.cursor.expected("a digit"));
        }
        Ok(self.cursor.take_while(|byte| byte.is_ascii_digit()))
    }

    /// A string in double quotes on one line. `${…}` and what is in it are kept as written: nothing is
    /// interpolated, and quotes within do not end the string.
    pub(super) fn string(&mut self) -> Result<String, Error> {
        self.cursor.advance(1);
        let mut text = String::new();
        loop {
            text.push_str(
                self.cursor
                    .take_while(|byte| !matches!(byte, b'"' | b'\\' | b'\n' | b'$')),
            );
            match self.cursor.peek() {
                Some(b'"') => {
                    self.cursor.advance(1);
                    return Ok(text);
                }
                Some(b'\\') => {
                    self.cursor.advance(1);
                    text.push(self.escape()?);
                }
                Some(b'$') if self.cursor.rest().starts_with("${") => {
                    self.interpolation(&mut text)?
                }
                Some(b'$') => {
                    self.cursor.advance(1);
                    text.push('$');
                }
                _ => return Err(self.cursor.expected("the closing `\"` of the string")),
            }
        }
    }

    fn interpolation(&mut self, text: &mut String) -> Result<(), Error> {
        let rest = self.cursor.rest();
        let mut open = 0_usize;
        for (at, byte) in rest.bytes().enumerate() {
            match byte {
                b'{' => open += 1,
                b'}' if open == 1 => {
                    text.push_str(&rest[..=at]);
                    self.cursor.advance(at + 1);
                    return Ok(());
                }
                b'}' => open -= 1,
                _ => {}
            }
        }
        Err(self.cursor.expected("a `${` that is closed with `}`"))
    }

    fn escape(&mut self) -> Result<char, Error> {
        let simple = match self.cursor.peek() {
            Some(byte @ (b'"' | b'\\')) => char::from(byte),
            Some(b'a') => '\u{7}',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'v') => '\u{b}',
            Some(b'x') => return self.code(2),
            Some(b'u') => return self.code(4),
            Some(b'U') => return self.code(8),
            _ => return Err(self.cursor.expected("an escape: one of `\"\\abfnrtvxuU`")),
        };
        self.cursor.advance(1);
        Ok(simple)
    }

    fn code(&mut self, digits: usize) -> Result<char, Error> {
        self.cursor.advance(1);
        let span = self.cursor.span();
        let code = self.cursor.hex(digits)?;
        char::from_u32(code).ok_or_else(|| {
            let (expected, found) = ("the code of a character".to_owned(), format!("{code:X}"));
            Error::new(Problem::Syntax { expected, found }).at(span)
        })
    }

    /// The lines between `<<MARKER` and a line that holds only `MARKER`. After `<<-MARKER` the indentation of
    /// the closing marker is taken from every line, if every line has it.
    pub(super) fn heredoc(&mut self) -> Result<String, Error> {
        let span = self.cursor.span();
        if !self.cursor.rest().starts_with("<<") {
            return Err(self.cursor.expected("a value"));
        }
        self.cursor.advance(2);
        let indented = self.cursor.eat(b'-');
        let marker = self
            .cursor
            .take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            .to_owned();
        if marker.is_empty() {
            return Err(self
                .cursor
                .expected("the marker that ends the heredoc, like `EOF`"));
        }
        self.cursor.eat(b'\r');
        if !self.cursor.eat(b'\n') {
            return Err(self
                .cursor
                .expected("the end of the line after the heredoc's marker"));
        }
        let mut lines = Vec::new();
        let indentation = loop {
            let line = self
                .cursor
                .take_while(|byte| byte != b'\n')
                .trim_end_matches('\r')
                .to_owned();
            if line.trim_start() == marker {
                break line[..line.len() - marker.len()].to_owned();
            }
            if !self.cursor.eat(b'\n') {
                return Err(self.cursor.expected(format!(
                    "the line `{marker}` that ends the heredoc at {span}"
                )));
            }
            lines.push(line);
        };
        let strip = indented && lines.iter().all(|line| line.starts_with(&indentation));
        let from = if strip { indentation.len() } else { 0 };
        Ok(lines
            .iter()
            .flat_map(|line| [&line[from..], "\n"])
            .collect())
    }
}

fn radix(sign: &str, digits: &str, radix: u32) -> Result<Kind, Error> {
    i64::from_str_radix(&format!("{sign}{digits}"), radix)
        .map(Kind::Integer)
        .map_err(|_| {
            let expected = format!("a whole number of base {radix} that fits 64 bits");
            Error::new(Problem::Syntax {
                expected,
                found: quoted(digits),
            })
        })
}
