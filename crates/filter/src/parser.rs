//! Tokens to an expression, checked against a schema.

use regex::{Regex, RegexBuilder};

use crate::filter::{Expression, Literal, Match, Step, Test};
use crate::lexer::{Token, TokenKind, tokens};
use crate::{Error, Kind, Reason, Schema};

/// Levels of parentheses and `not` in one expression; far more than anybody writes, far less than a stack holds.
const MAX_DEPTH: usize = 64;

/// Bytes of one compiled regular expression.
const MAX_REGEX_SIZE: usize = 256 * 1024;

/// Reads `text` as an expression over rows of `schema`.
pub(crate) fn parse(text: &str, schema: &'static Schema) -> Result<Expression, Error> {
    read(text, Some(schema))
}

/// Reads `text` as an expression over rows that nobody knows: selectors, operators and values may not fit.
pub(crate) fn check_syntax(text: &str) -> Result<(), Error> {
    read(text, None).map(drop)
}

fn read(text: &str, schema: Option<&'static Schema>) -> Result<Expression, Error> {
    let (tokens, end) = tokens(text)?;
    let mut parser = Parser {
        tokens: &tokens,
        end,
        schema,
        depth: 0,
    };
    let expression = parser.any()?;
    match parser.peek() {
        None => Ok(expression),
        Some(TokenKind::Close) => parser.error(Reason::Parentheses),
        Some(_) => parser.error(Reason::Expected("\"and\", \"or\" or the end")),
    }
}

struct Parser<'a> {
    tokens: &'a [Token],
    end: usize,
    /// Without one, comparisons come out empty.
    schema: Option<&'static Schema>,
    depth: usize,
}

/// An operator as written, before it is known whether it fits its selector.
struct Operator {
    name: &'static str,
    what: What,
    negated: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Equal,
    Contains,
    Matches,
    Empty,
}

// === impl Parser ===

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a TokenKind> {
        self.tokens.first().map(|token| &token.kind)
    }

    fn column(&self) -> usize {
        self.tokens.first().map_or(self.end, |token| token.column)
    }

    fn bump(&mut self) {
        self.tokens = self.tokens.get(1..).unwrap_or_default();
    }

    fn error<T>(&self, reason: Reason) -> Result<T, Error> {
        Err(Error {
            column: self.column(),
            reason,
        })
    }

    fn accept(&mut self, keyword: &str) -> bool {
        let found = self.peek().is_some_and(|kind| kind.is(keyword));
        if found {
            self.bump();
        }
        found
    }

    fn any(&mut self) -> Result<Expression, Error> {
        let mut operands = vec![self.all()?];
        while self.accept("or") {
            operands.push(self.all()?);
        }
        Ok(Expression::Any(operands))
    }

    fn all(&mut self) -> Result<Expression, Error> {
        let mut operands = vec![self.unary()?];
        while self.accept("and") {
            operands.push(self.unary()?);
        }
        Ok(Expression::All(operands))
    }

    fn unary(&mut self) -> Result<Expression, Error> {
        if self.depth == MAX_DEPTH {
            return self.error(Reason::TooDeep { limit: MAX_DEPTH });
        }
        self.depth += 1;
        let column = self.column();
        let expression = if self.accept("not") {
            Expression::Not(Box::new(self.unary()?))
        } else if self.peek() == Some(&TokenKind::Open) {
            self.bump();
            let inner = self.any()?;
            if self.peek() != Some(&TokenKind::Close) {
                return Err(Error {
                    column,
                    reason: Reason::Parentheses,
                });
            }
            self.bump();
            inner
        } else {
            Expression::Match(self.comparison()?)
        };
        self.depth -= 1;
        Ok(expression)
    }

    /// `selector operator value`, `selector is empty` or `value in selector`.
    fn comparison(&mut self) -> Result<Match, Error> {
        let column = self.column();
        let first = match self.peek() {
            Some(kind @ (TokenKind::Word(_) | TokenKind::Literal(_))) => kind,
            Some(TokenKind::Equal | TokenKind::NotEqual | TokenKind::Open | TokenKind::Close)
            | None => {
                return self.error(Reason::Expected("a selector or a value"));
            }
        };
        self.bump();
        let (selector, operator, value, value_column) = match self.tokens {
            [Token { kind, .. }, ..] if kind.is("in") => {
                self.bump();
                self.membership(first, column, false)?
            }
            [Token { kind: not, .. }, Token { kind, .. }, ..] if not.is("not") && kind.is("in") => {
                self.bump();
                self.bump();
                self.membership(first, column, true)?
            }
            _ => {
                let TokenKind::Word(selector) = first else {
                    return self.error(Reason::Expected("\"in\" or \"not in\" after a value"));
                };
                let operator = self.operator()?;
                let value_column = self.column();
                let value = if operator.what == What::Empty {
                    String::new()
                } else {
                    self.value()?
                };
                (
                    Selector {
                        parts: selector,
                        column,
                    },
                    operator,
                    value,
                    value_column,
                )
            }
        };
        let Some(schema) = self.schema else {
            return Ok(Match {
                steps: Vec::new(),
                test: Test::Empty,
                negated: operator.negated,
            });
        };
        let (steps, kind) = selector.resolve(schema)?;
        let test = operator
            .test(kind, value)
            .map_err(|refusal| refusal.locate(&selector, &operator, value_column))?;
        Ok(Match {
            steps,
            test,
            negated: operator.negated,
        })
    }

    fn membership(
        &mut self,
        value: &TokenKind,
        value_column: usize,
        negated: bool,
    ) -> Result<(Selector<'a>, Operator, String, usize), Error> {
        let column = self.column();
        let Some(TokenKind::Word(parts)) = self.peek() else {
            return self.error(Reason::Selector);
        };
        self.bump();
        let name = if negated { "not in" } else { "in" };
        let operator = Operator {
            name,
            what: What::Contains,
            negated,
        };
        Ok((
            Selector { parts, column },
            operator,
            text_of(value).unwrap_or_default(),
            value_column,
        ))
    }

    fn operator(&mut self) -> Result<Operator, Error> {
        let operator = |name, what, negated| {
            Ok(Operator {
                name,
                what,
                negated,
            })
        };
        match self.peek() {
            Some(TokenKind::Equal) => {
                self.bump();
                return operator("==", What::Equal, false);
            }
            Some(TokenKind::NotEqual) => {
                self.bump();
                return operator("!=", What::Equal, true);
            }
            _ => {}
        }
        if self.accept("is") {
            let negated = self.accept("not");
            if !self.accept("empty") {
                return self.error(Reason::Expected("\"empty\""));
            }
            return operator(
                if negated { "is not empty" } else { "is empty" },
                What::Empty,
                negated,
            );
        }
        let negated = self.accept("not");
        if self.accept("contains") {
            return operator(
                if negated { "not contains" } else { "contains" },
                What::Contains,
                negated,
            );
        }
        if self.accept("matches") {
            return operator(
                if negated { "not matches" } else { "matches" },
                What::Matches,
                negated,
            );
        }
        self.error(Reason::Expected(
            "an operator: ==, !=, in, contains, matches, is empty, or their \"not\" forms",
        ))
    }

    fn value(&mut self) -> Result<String, Error> {
        let Some(text) = self.peek().and_then(text_of) else {
            return self.error(Reason::Expected("a value"));
        };
        self.bump();
        Ok(text)
    }
}

fn text_of(token: &TokenKind) -> Option<String> {
    match token {
        TokenKind::Word(parts) => Some(parts.join(".")),
        TokenKind::Literal(text) => Some(text.clone()),
        TokenKind::Equal | TokenKind::NotEqual | TokenKind::Open | TokenKind::Close => None,
    }
}

struct Selector<'a> {
    parts: &'a [String],
    column: usize,
}

// === impl Selector ===

impl Selector<'_> {
    /// The way to the selected field, and what is found there.
    fn resolve(&self, schema: &'static Schema) -> Result<(Vec<Step>, Kind), Error> {
        let unknown = || Error {
            column: self.column,
            reason: Reason::UnknownSelector(self.parts.join(".")),
        };
        let mut steps = Vec::with_capacity(self.parts.len());
        let mut kind = Kind::Struct(schema);
        for part in self.parts {
            kind = match kind {
                Kind::Struct(schema) => {
                    steps.push(Step::Field(part.clone()));
                    schema.kind(part).ok_or_else(unknown)?
                }
                Kind::List(schema) => {
                    steps.push(Step::Each);
                    steps.push(Step::Field(part.clone()));
                    schema.kind(part).ok_or_else(unknown)?
                }
                Kind::Map(schema) => {
                    steps.push(Step::Key(part.clone()));
                    Kind::Struct(schema)
                }
                Kind::StrMap => {
                    steps.push(Step::Key(part.clone()));
                    Kind::Str
                }
                Kind::Str | Kind::Bool | Kind::Int | Kind::StrList => return Err(unknown()),
            };
        }
        match kind {
            Kind::Struct(_) => Err(unknown()),
            _ => Ok((steps, kind)),
        }
    }
}

/// Why an operator and a value do not go with a field.
enum Refusal {
    Operator,
    Value(Reason),
}

// === impl Refusal ===

impl Refusal {
    fn locate(self, selector: &Selector<'_>, operator: &Operator, value_column: usize) -> Error {
        match self {
            Self::Operator => Error {
                column: selector.column,
                reason: Reason::Operator {
                    operator: operator.name,
                    selector: selector.parts.join("."),
                },
            },
            Self::Value(reason) => Error {
                column: value_column,
                reason,
            },
        }
    }
}

// === impl Operator ===

impl Operator {
    fn test(&self, kind: Kind, value: String) -> Result<Test, Refusal> {
        match (self.what, kind) {
            (What::Equal, Kind::Str) => Ok(Test::Equal(Literal::Str(value))),
            (What::Equal, Kind::Bool) => match value.as_str() {
                "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(Test::Equal(Literal::Bool(true))),
                "0" | "f" | "F" | "false" | "FALSE" | "False" => {
                    Ok(Test::Equal(Literal::Bool(false)))
                }
                _ => Err(Refusal::Value(Reason::Coerce {
                    value,
                    kind: "a boolean",
                })),
            },
            (What::Equal, Kind::Int) => match value.parse() {
                Ok(number) => Ok(Test::Equal(Literal::Int(number))),
                Err(_) => Err(Refusal::Value(Reason::Coerce {
                    value,
                    kind: "a whole number",
                })),
            },
            (What::Contains, Kind::Str) => Ok(Test::Substring(value)),
            (What::Contains, Kind::StrList) => Ok(Test::Element(value)),
            (What::Contains, Kind::StrMap | Kind::Map(_)) => Ok(Test::HasKey(value)),
            (What::Matches, Kind::Str) => regex(&value).map(Test::Matches).map_err(Refusal::Value),
            (What::Empty, Kind::StrList | Kind::StrMap | Kind::List(_) | Kind::Map(_)) => {
                Ok(Test::Empty)
            }
            _ => Err(Refusal::Operator),
        }
    }
}

fn regex(pattern: &str) -> Result<Regex, Reason> {
    RegexBuilder::new(pattern)
        .size_limit(MAX_REGEX_SIZE)
        .dfa_size_limit(MAX_REGEX_SIZE)
        .build()
        .map_err(|error| Reason::Regex(error.to_string()))
}
