//! The parser's state, and what all its parts use.

use super::lexer::{Kind, Lexer, Token};
use super::{Location, Module, PtxError};

/// How deeply scopes, lists and expressions may be nested. The parser, and whoever walks the tree,
/// recurses as deeply.
const MAX_DEPTH: u32 = 200;

/// The registers that any text may declare. A longer text may have one more for each of its bytes,
/// so that what is allocated for registers stays in proportion to the text.
const MIN_REGISTERS: u64 = 1 << 16;

/// Reads tokens, two of which it sees ahead.
pub(super) struct Parser<'a> {
    lexer: Lexer<'a>,
    /// The token to be read.
    pub(super) token: Token<'a>,
    /// The token after it.
    pub(super) next: Token<'a>,
    depth: u32,
    /// How many registers may still be declared.
    pub(super) registers_left: u64,
    /// The last `.loc` of the function.
    pub(super) location: Option<Location>,
    pub(super) module: Module,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let mut lexer = Lexer::new(text);
        let token = lexer.next_token();
        let next = lexer.next_token();
        Self {
            lexer,
            token,
            next,
            depth: 0,
            registers_left: MIN_REGISTERS + text.len() as u64,
            location: None,
            module: Module {
                address_size: 32,
                ..Module::default()
            },
        }
    }

    /// Takes the token that is to be read.
    pub(super) fn advance(&mut self) -> Token<'a> {
        let next = std::mem::replace(&mut self.next, self.lexer.next_token());
        std::mem::replace(&mut self.token, next)
    }

    /// Whether this token is to be read. No two kinds of tokens share a text.
    pub(super) fn at(&self, text: &str) -> bool {
        self.token.text == text
    }

    /// Takes the token if it is this one.
    pub(super) fn accept(&mut self, text: &str) -> bool {
        let found = self.at(text);
        if found {
            self.advance();
        }
        found
    }

    /// Takes the token, which must be this one.
    pub(super) fn expect(&mut self, text: &str) -> Result<(), PtxError> {
        match self.accept(text) {
            true => Ok(()),
            false => Err(self.expected(&format!("`{text}`"))),
        }
    }

    /// The error of finding something else.
    pub(super) fn expected(&self, what: &str) -> PtxError {
        let text = self.token.text;
        let found = match self.token.kind {
            Kind::End => "the end of the text; is it complete?".into(),
            Kind::Unknown => format!("the character {text:?}"),
            Kind::Invalid(why) => why.into(),
            _ if text.chars().count() > 40 => {
                format!("`{}...`", text.chars().take(40).collect::<String>())
            }
            _ => format!("`{text}`"),
        };
        PtxError::new(
            self.token.position,
            format!("expected {what}, found {found}"),
        )
    }

    pub(super) fn take(&mut self, kind: Kind, what: &str) -> Result<Token<'a>, PtxError> {
        match self.token.kind == kind {
            true => Ok(self.advance()),
            false => Err(self.expected(what)),
        }
    }

    /// A name, with its member if it has one: `%tid.x`.
    pub(super) fn name(&mut self, what: &str) -> Result<String, PtxError> {
        let mut name = self.take(Kind::Word, what)?.text.to_owned();
        if self.token.kind == Kind::Dotted {
            name += self.advance().text;
        }
        Ok(name)
    }

    /// An integer of at most 32 bits.
    pub(super) fn integer(&mut self, what: &str) -> Result<u32, PtxError> {
        let position = self.token.position;
        if self.token.kind != Kind::Number {
            return Err(self.expected(what));
        }
        let value = self.integer_expression(what)?;
        u32::try_from(value).map_err(|_| {
            PtxError::new(
                position,
                format!("{what} of {value} does not fit into 32 bits"),
            )
        })
    }

    /// What is separated by commas, up to the closing bracket.
    pub(super) fn list<T>(
        &mut self,
        close: &str,
        mut item: impl FnMut(&mut Self) -> Result<T, PtxError>,
    ) -> Result<Vec<T>, PtxError> {
        let mut items = Vec::new();
        if self.accept(close) {
            return Ok(items);
        }
        loop {
            items.push(item(self)?);
            if self.accept(close) {
                return Ok(items);
            }
            if !self.accept(",") {
                return Err(self.expected(&format!("`,` or `{close}`")));
            }
        }
    }

    /// Reads what is one level deeper.
    pub(super) fn nested<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, PtxError>,
    ) -> Result<T, PtxError> {
        if self.depth == MAX_DEPTH {
            return Err(PtxError::new(
                self.token.position,
                format!("nested more than {MAX_DEPTH} levels deep"),
            ));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }
}
