//! The words of a PTX text, each with its place.

use super::Position;

/// What a token is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// A name or an opcode: `%r1`, `foo`, `add`, `_`.
    Word,
    /// A dot and a word: `.version`, `.f32`, `.shared::cta`.
    Dotted,
    /// `12`, `0x1F`, `1.5e-3`, `0f3F800000`, `12U`. Its digits are not checked yet.
    Number,
    /// Text in quotation marks, which belong to the token.
    Quoted,
    /// Punctuation or an operator.
    Symbol,
    /// The text is at its end.
    End,
    /// A character that begins no token.
    Unknown,
    /// Not a token of PTX; the reason.
    Invalid(&'static str),
}

/// A token.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub kind: Kind,
    /// The token as it stands.
    pub text: &'a str,
    /// Where it begins.
    pub position: Position,
}

/// Cuts a text into tokens.
#[derive(Clone, Debug)]
pub(super) struct Lexer<'a> {
    rest: &'a str,
    position: Position,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            rest: text,
            position: Position { line: 1, column: 1 },
        }
    }

    /// The next token. After the last one it is [`Kind::End`], again and again.
    pub(super) fn next_token(&mut self) -> Token<'a> {
        if let Some(unclosed) = self.skip_blanks() {
            return unclosed;
        }
        let rest = self.rest;
        let bytes = rest.as_bytes();
        let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
        match byte(0) {
            _ if rest.is_empty() => self.take(Kind::End, 0),
            b'0'..=b'9' => self.take(Kind::Number, number_length(bytes)),
            b'.' => match dotted_length(bytes) {
                1 => self.take(Kind::Invalid("a `.` that no word follows"), 1),
                length => self.take(Kind::Dotted, length),
            },
            first if is_word(first) || (first == b'%' && is_word(byte(1))) => {
                self.take(Kind::Word, 1 + word_length(&bytes[1..]))
            }
            b'"' => self.quoted(),
            b'<' | b'>' | b'=' | b'&' | b'|' if byte(1) == byte(0) => self.take(Kind::Symbol, 2),
            b'<' | b'>' | b'!' if byte(1) == b'=' => self.take(Kind::Symbol, 2),
            b'!' | b'%' | b'&' | b'(' | b')' | b'*' | b'+' | b',' | b'-' | b'/' | b':' | b';'
            | b'<' | b'=' | b'>' | b'?' | b'@' | b'[' | b']' | b'^' | b'{' | b'|' | b'}' | b'~' => {
                self.take(Kind::Symbol, 1)
            }
            _ => {
                let length = rest.chars().next().map_or(0, char::len_utf8);
                self.take(Kind::Unknown, length)
            }
        }
    }

    /// Skips white space and comments; a comment without an end is the token that is returned.
    fn skip_blanks(&mut self) -> Option<Token<'a>> {
        loop {
            let rest = self.rest;
            let length = if rest.starts_with("//") {
                rest.find('\n').unwrap_or(rest.len())
            } else if let Some(comment) = rest.strip_prefix("/*") {
                match comment.find("*/") {
                    Some(end) => end + 4,
                    None => {
                        let invalid = Kind::Invalid("a comment that no `*/` ends");
                        return Some(self.take(invalid, rest.len()));
                    }
                }
            } else {
                rest.bytes().take_while(u8::is_ascii_whitespace).count()
            };
            if length == 0 {
                return None;
            }
            self.take(Kind::Symbol, length);
        }
    }

    fn quoted(&mut self) -> Token<'a> {
        // A backslash is a character like others: paths of Windows are written as they are.
        let end = self.rest[1..].find(['"', '\n']);
        if let Some(length) = end.filter(|&length| self.rest.as_bytes()[1 + length] == b'"') {
            return self.take(Kind::Quoted, length + 2);
        }
        self.take(Kind::Invalid("a text that no `\"` ends on its line"), 1)
    }

    /// Cuts off `length` bytes as a token.
    fn take(&mut self, kind: Kind, length: usize) -> Token<'a> {
        let (text, rest) = self.rest.split_at(length);
        let position = self.position;
        self.rest = rest;
        for byte in text.bytes() {
            match byte {
                b'\n' => {
                    self.position.line = self.position.line.saturating_add(1);
                    self.position.column = 1;
                }
                // The further bytes of a character are no columns.
                0x80..=0xBF => {}
                _ => self.position.column = self.position.column.saturating_add(1),
            }
        }
        Token {
            kind,
            text,
            position,
        }
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$'
}

fn word_length(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|&&byte| is_word(byte)).count()
}

/// The length of `.a::b`; 1 for a lone dot.
fn dotted_length(bytes: &[u8]) -> usize {
    let mut length = 1 + word_length(&bytes[1..]);
    while length > 1 && bytes[length..].starts_with(b"::") {
        match word_length(&bytes[length + 2..]) {
            0 => break,
            word => length += 2 + word,
        }
    }
    length
}

/// The length of a number: letters and digits, then a fraction and an exponent if it is decimal.
fn number_length(bytes: &[u8]) -> usize {
    let mut length = word_length(bytes);
    let decimal = bytes[0] != b'0' || !bytes.get(1).is_some_and(u8::is_ascii_alphabetic);
    if !decimal {
        return length;
    }
    if bytes.get(length) == Some(&b'.') && bytes[..length].iter().all(u8::is_ascii_digit) {
        length += 1 + word_length(&bytes[length + 1..]);
    }
    let signed = matches!(bytes.get(length), Some(b'+' | b'-'));
    let digit = bytes.get(length + 1).is_some_and(u8::is_ascii_digit);
    // Of the letters only an exponent's `e` can be the last one before a sign.
    if matches!(bytes[length - 1], b'e' | b'E') && signed && digit {
        length += 1 + word_length(&bytes[length + 1..]);
    }
    length
}
