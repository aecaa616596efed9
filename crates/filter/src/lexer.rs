//! Text to tokens.

use std::iter::Peekable;
use std::str::CharIndices;

use crate::{Error, Reason};

/// A token and the column where it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) column: usize,
    pub(crate) kind: TokenKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A selector, a keyword, or a bare value: which one depends on where it stands.
    Word(Vec<String>),
    /// A quoted string or a number, as text.
    Literal(String),
    Equal,
    NotEqual,
    Open,
    Close,
}

// === impl TokenKind ===

impl TokenKind {
    /// Whether this is that bare word.
    pub(crate) fn is(&self, keyword: &str) -> bool {
        matches!(self, Self::Word(parts) if matches!(parts.as_slice(), [only] if only == keyword))
    }
}

/// All tokens of `text`, and the column just past its end.
pub(crate) fn tokens(text: &str) -> Result<(Vec<Token>, usize), Error> {
    let mut lexer = Lexer {
        text,
        rest: text.char_indices().peekable(),
        column: 1,
    };
    let mut tokens = Vec::new();
    while let Some(next) = lexer.peek() {
        if next.is_ascii_whitespace() {
            lexer.bump();
            continue;
        }
        let column = lexer.column;
        tokens.push(Token {
            column,
            kind: lexer.token(next)?,
        });
    }
    Ok((tokens, lexer.column))
}

struct Lexer<'a> {
    text: &'a str,
    rest: Peekable<CharIndices<'a>>,
    column: usize,
}

// === impl Lexer ===

impl Lexer<'_> {
    fn peek(&mut self) -> Option<char> {
        self.rest.peek().map(|(_, next)| *next)
    }

    fn bump(&mut self) -> Option<char> {
        let (_, next) = self.rest.next()?;
        self.column += 1;
        Some(next)
    }

    fn offset(&mut self) -> usize {
        self.rest
            .peek()
            .map_or(self.text.len(), |(offset, _)| *offset)
    }

    fn error<T>(&self, reason: Reason) -> Result<T, Error> {
        Err(Error {
            column: self.column,
            reason,
        })
    }

    fn token(&mut self, next: char) -> Result<TokenKind, Error> {
        match next {
            '(' => Ok(self.punctuation(TokenKind::Open)),
            ')' => Ok(self.punctuation(TokenKind::Close)),
            '=' | '!' => {
                self.bump();
                if self.peek() != Some('=') {
                    return self.error(Reason::Expected("\"=\""));
                }
                Ok(self.punctuation(if next == '=' {
                    TokenKind::Equal
                } else {
                    TokenKind::NotEqual
                }))
            }
            '"' | '`' => self.string().map(TokenKind::Literal),
            '-' | '0'..='9' => self.number().map(TokenKind::Literal),
            'a'..='z' | 'A'..='Z' => self.word().map(TokenKind::Word),
            other => self.error(Reason::Character(other)),
        }
    }

    fn punctuation(&mut self, kind: TokenKind) -> TokenKind {
        self.bump();
        kind
    }

    /// The characters that satisfy `accept`, from here on.
    fn run(&mut self, accept: impl Fn(char) -> bool) -> String {
        let start = self.offset();
        while self.peek().is_some_and(&accept) {
            self.bump();
        }
        let end = self.offset();
        self.text.get(start..end).unwrap_or_default().to_owned()
    }

    fn number(&mut self) -> Result<String, Error> {
        let column = self.column;
        let text = self.run(|next| next.is_ascii_alphanumeric() || matches!(next, '-' | '.' | '_'));
        let digits = text.strip_prefix('-').unwrap_or(&text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let leading_zero = whole.len() > 1 && whole.starts_with('0');
        if !all_digits(whole) || !all_digits(fraction) || leading_zero {
            return Err(Error {
                column,
                reason: Reason::Number,
            });
        }
        Ok(text)
    }

    fn word(&mut self) -> Result<Vec<String>, Error> {
        let mut parts = vec![self.identifier()?];
        loop {
            match self.peek() {
                Some('.') => {
                    self.bump();
                    parts.push(self.identifier()?);
                }
                Some('[') => {
                    self.bump();
                    if !matches!(self.peek(), Some('"' | '`')) {
                        return self.error(Reason::Index);
                    }
                    parts.push(self.string()?);
                    if self.peek() != Some(']') {
                        return self.error(Reason::UnclosedIndex);
                    }
                    self.bump();
                }
                _ => return Ok(parts),
            }
        }
    }

    fn identifier(&mut self) -> Result<String, Error> {
        if !self.peek().is_some_and(|next| next.is_ascii_alphabetic()) {
            return self.error(Reason::Selector);
        }
        Ok(self.run(|next| next.is_ascii_alphanumeric() || next == '_'))
    }

    /// A string with either kind of quotes. As in Consul, a double quote ends a string even after a backslash.
    fn string(&mut self) -> Result<String, Error> {
        let column = self.column;
        let quote = self.bump();
        let content = self.run(|next| Some(next) != quote);
        if self.bump() != quote {
            return Err(Error {
                column,
                reason: Reason::Unterminated,
            });
        }
        if quote == Some('`') {
            return Ok(content);
        }
        unescape(&content).ok_or(Error {
            column,
            reason: Reason::Escape,
        })
    }
}

/// Resolves the escapes of a Go string literal; `None` where one is malformed.
fn unescape(content: &str) -> Option<String> {
    let mut result = String::with_capacity(content.len());
    let mut rest = content.chars();
    while let Some(next) = rest.next() {
        result.push(match next {
            '\n' => return None,
            '\\' => match rest.next()? {
                'a' => '\u{7}',
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'v' => '\u{b}',
                '\\' => '\\',
                'x' => code_point(&mut rest, 2).filter(char::is_ascii)?,
                'u' => code_point(&mut rest, 4)?,
                'U' => code_point(&mut rest, 8)?,
                _ => return None,
            },
            other => other,
        });
    }
    Some(result)
}

fn code_point(rest: &mut std::str::Chars<'_>, digits: usize) -> Option<char> {
    let code = (0..digits).try_fold(0u32, |code, _| {
        rest.next()?
            .to_digit(16)
            .and_then(|digit| code.checked_mul(16)?.checked_add(digit))
    })?;
    char::from_u32(code)
}
