//! The statements of a function: instructions and their operands, and what stands between them.

use super::constant::{Value, number};
use super::lexer::Kind;
use super::parser::Parser;
use super::{
    ElementValue, Guard, Instruction, Linkage, Location, Operand, Prototype, PtxError, Statement,
};

impl Parser<'_> {
    /// The statements of a body or scope, from after its `{` to its `}`.
    pub(super) fn statements(&mut self) -> Result<Vec<Statement>, PtxError> {
        let mut statements = Vec::new();
        while !self.accept("}") {
            self.statement(&mut statements)?;
        }
        Ok(statements)
    }

    fn statement(&mut self, statements: &mut Vec<Statement>) -> Result<(), PtxError> {
        let token = self.token;
        match (token.kind, token.text) {
            (_, "{") => {
                self.advance();
                let scope = self.nested(Self::statements)?;
                statements.push(Statement::Scope(scope));
            }
            (_, ".loc") => self.loc()?,
            (_, ".file") => self.file()?,
            (_, ".pragma") => self.pragma()?,
            (_, ".reg") => statements.push(self.registers()?),
            (_, ".visible" | ".extern" | ".weak" | ".common") => {
                let linkage = self.linkage()?;
                if !self.at_variable() {
                    return Err(self.expected("a variable"));
                }
                statements.extend(
                    self.variables(linkage)?
                        .into_iter()
                        .map(Statement::Variable),
                );
            }
            _ if self.at_variable() => {
                let variables = self.variables(Linkage::Internal)?;
                statements.extend(variables.into_iter().map(Statement::Variable));
            }
            (Kind::Word, name) if self.next.text == ":" => {
                self.advance();
                self.advance();
                statements.push(match self.token.text {
                    ".branchtargets" => Statement::BranchTargets(name.into(), self.names()?),
                    ".calltargets" => Statement::CallTargets(name.into(), self.names()?),
                    ".callprototype" => Statement::Prototype(name.into(), self.prototype()?),
                    _ => Statement::Label(token.position, name.into()),
                });
            }
            (Kind::Word, _) | (_, "@") => {
                let instruction = self.instruction()?;
                statements.push(Statement::Instruction(instruction));
            }
            _ => {
                return Err(self.expected(
                    "an instruction, a label, a declaration (`.reg`, `.local`, `.shared`, \
                     `.param`) or `}`",
                ));
            }
        }
        Ok(())
    }

    /// `.loc 1 20 5, function_name $L__info_string0, inlined_at 1 40 9`: the line that the code
    /// was written at. Where it was inlined is not kept.
    fn loc(&mut self) -> Result<(), PtxError> {
        self.advance();
        self.location = Some(self.place()?);
        while self.accept(",") {
            match self.token.text {
                "inlined_at" => {
                    self.advance();
                    self.place()?;
                }
                "function_name" => {
                    self.advance();
                    self.take(Kind::Word, "the label of a function's name")?;
                    if self.accept("+") {
                        self.integer("the distance from a label")?;
                    }
                }
                _ => return Err(self.expected("`function_name` or `inlined_at`")),
            }
        }
        Ok(())
    }

    fn place(&mut self) -> Result<Location, PtxError> {
        Ok(Location {
            file: self.integer("the number of a file")?,
            line: self.integer("the number of a line")?,
            column: self.integer("the number of a column")?,
        })
    }

    /// `.reg .v2 .f32 %a, %b<4>;`
    fn registers(&mut self) -> Result<Statement, PtxError> {
        let position = self.token.position;
        let head = self.head()?;
        let mut names = Vec::new();
        loop {
            let token = self.take(Kind::Word, "the name of a register")?;
            let count = match self.accept("<") {
                true => {
                    let count = self.register_count()?;
                    self.expect(">")?;
                    Some(count)
                }
                false => None,
            };
            let elements = u64::from(count.unwrap_or(1)) * u64::from(head.vector);
            let Some(left) = self.registers_left.checked_sub(elements) else {
                return Err(PtxError::new(
                    token.position,
                    "the text declares far more registers than it has words to use them",
                ));
            };
            self.registers_left = left;
            names.push((token.text.to_owned(), count));
            if self.accept(";") {
                break;
            }
            if !self.accept(",") {
                return Err(self.expected("`,`, `;` or `<` after a register's name"));
            }
        }
        Ok(Statement::Registers {
            position,
            ty: head.ty,
            vector: head.vector,
            names,
        })
    }

    /// The number between `<` and `>`, which is no expression: `>` ends it.
    fn register_count(&mut self) -> Result<u32, PtxError> {
        let token = self.take(Kind::Number, "a number of registers")?;
        match number(token)? {
            Value::Integer { bits, .. } if u32::try_from(bits).is_ok() => Ok(bits as u32),
            _ => Err(PtxError::new(
                token.position,
                format!("there cannot be `{}` registers", token.text),
            )),
        }
    }

    /// The names after a directive, up to the `;`.
    fn names(&mut self) -> Result<Vec<String>, PtxError> {
        self.advance();
        self.list(";", |parser| parser.name("a name"))
    }

    /// `.callprototype (.param .b32 _) _ (.param .b64 _);`
    fn prototype(&mut self) -> Result<Prototype, PtxError> {
        self.advance();
        let returns = self.parameters()?;
        self.take(Kind::Word, "`_` between return value and parameters")?;
        let parameters = self.parameters()?;
        self.limits()?;
        self.expect(";")?;
        Ok(Prototype {
            returns,
            parameters,
        })
    }

    fn instruction(&mut self) -> Result<Instruction, PtxError> {
        let guard = match self.accept("@") {
            true => Some(Guard {
                negated: self.accept("!"),
                register: self.name("the predicate of the guard")?,
            }),
            false => None,
        };
        let position = self.token.position;
        let opcode = self.take(Kind::Word, "an instruction")?.text.to_owned();
        let mut modifiers = Vec::new();
        while self.token.kind == Kind::Dotted {
            modifiers.push(self.advance().text[1..].to_owned());
        }
        let is_call = opcode == "call";
        let operands = self.list(";", |parser| match is_call && parser.accept("(") {
            true => parser.list(")", Self::operand).map(Operand::List),
            false => parser.operand(),
        })?;
        Ok(Instruction {
            position,
            location: self.location,
            guard,
            opcode,
            modifiers,
            operands,
        })
    }

    /// An operand, or two with `|` between them.
    fn operand(&mut self) -> Result<Operand, PtxError> {
        let first = self.single()?;
        Ok(match self.accept("|") {
            true => Operand::Pair(Box::new(first), Box::new(self.single()?)),
            false => first,
        })
    }

    fn single(&mut self) -> Result<Operand, PtxError> {
        let name_follows = self.next.kind == Kind::Word && self.next.text != "WARP_SZ";
        match self.token.text {
            "_" => {
                self.advance();
                Ok(Operand::Discard)
            }
            "!" if name_follows => {
                self.advance();
                Ok(Operand::Not(self.name("a predicate")?))
            }
            "-" if name_follows => {
                self.advance();
                Ok(Operand::Minus(self.name("a register")?))
            }
            "{" => {
                self.advance();
                let elements = self.nested(|parser| parser.list("}", Self::operand))?;
                Ok(Operand::Vector(elements))
            }
            "[" => {
                self.advance();
                let (base, offset) = self.base()?;
                let rest = match self.accept(",") {
                    true => self.nested(|parser| parser.list("]", Self::operand))?,
                    false => {
                        self.expect("]")?;
                        Vec::new()
                    }
                };
                Ok(Operand::Address {
                    base: Box::new(base),
                    offset,
                    rest,
                })
            }
            _ => Ok(match self.base()? {
                (Operand::Name(name), offset) if offset != 0 => Operand::Offset(name, offset),
                (base, _) => base,
            }),
        }
    }

    /// A name and the bytes added to it, or a number.
    fn base(&mut self) -> Result<(Operand, i64), PtxError> {
        let position = self.token.position;
        if !matches!(self.token.kind, Kind::Word | Kind::Number)
            && !matches!(self.token.text, "+" | "-" | "~" | "!" | "(")
        {
            return Err(self.expected("an operand"));
        }
        match self.expression()? {
            Value::Address {
                name,
                addend,
                generic: false,
                mask: None,
            } => Ok((Operand::Name(name), addend)),
            value => match value.into_element() {
                ElementValue::Literal(literal) => Ok((Operand::Literal(literal), 0)),
                ElementValue::Address { .. } => Err(PtxError::new(
                    position,
                    "`generic()` and the parts of an address are for initializers only",
                )),
            },
        }
    }
}
