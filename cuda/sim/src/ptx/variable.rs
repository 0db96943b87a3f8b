//! Variables, parameters and their initializers.

use super::lexer::Kind;
use super::parser::Parser;
use super::{Element, Linkage, PtxError, Space, Type, Variable};

/// The dimensions that an array may have.
const MAX_DIMENSIONS: usize = 32;

/// What stands before the name of a variable.
pub(super) struct Head {
    pub space: Space,
    pub register: bool,
    pub alignment: Option<u32>,
    pub ty: Type,
    pub vector: u32,
}

fn space(directive: &str) -> Option<Space> {
    Some(match directive {
        ".const" => Space::Const,
        ".global" => Space::Global,
        ".local" => Space::Local,
        ".param" => Space::Param,
        ".shared" => Space::Shared,
        _ => return None,
    })
}

impl Parser<'_> {
    /// Whether a variable's declaration begins here.
    pub(super) fn at_variable(&self) -> bool {
        space(self.token.text).is_some()
    }

    /// `.global .align 4 .b8 a[2] = {1, 2}, b;`
    pub(super) fn variables(&mut self, linkage: Linkage) -> Result<Vec<Variable>, PtxError> {
        let head = self.head()?;
        let mut variables = Vec::new();
        loop {
            let mut variable = self.declarator(&head, linkage)?;
            if self.accept("=") {
                variable.initializer = self.initializer(&variable)?;
                variable.has_initializer = true;
            }
            variables.push(variable);
            if self.accept(";") {
                return Ok(variables);
            }
            if !self.accept(",") {
                return Err(self.expected("`,`, `;`, `[` or `=` after a variable's name"));
            }
        }
    }

    /// The parameters in parentheses, or none.
    pub(super) fn parameters(&mut self) -> Result<Vec<Variable>, PtxError> {
        if !self.accept("(") {
            return Ok(Vec::new());
        }
        self.list(")", |parser| {
            if !parser.at(".param") && !parser.at(".reg") {
                return Err(parser.expected("`.param` or `.reg`"));
            }
            let head = parser.head()?;
            parser.declarator(&head, Linkage::Internal)
        })
    }

    /// The state space, the type and what else stands before a name, in any order after the space.
    pub(super) fn head(&mut self) -> Result<Head, PtxError> {
        let directive = self.advance().text;
        let mut alignment = None;
        let mut ty = None;
        let mut vector = 1;
        // After `.ptr` the space and the alignment are those of what a pointer points to.
        let mut pointer = false;
        while self.token.kind == Kind::Dotted {
            if self.at(".attribute") {
                self.attributes()?;
                continue;
            }
            let token = self.token;
            let name = &token.text[1..];
            match name {
                "align" => {
                    self.advance();
                    let bytes = self.alignment()?;
                    if !pointer {
                        alignment = Some(bytes);
                    }
                    continue;
                }
                "ptr" => pointer = true,
                "v2" => vector = 2,
                "v4" => vector = 4,
                "v8" => vector = 8,
                _ if pointer && space(token.text).is_some() => {}
                _ => match Self::type_of(name) {
                    Some(named) if ty.is_none() => ty = Some(named),
                    _ => return Err(self.expected("a type, `.align` or the name of a variable")),
                },
            }
            self.advance();
        }
        Ok(Head {
            space: space(directive).unwrap_or(Space::Param),
            register: directive == ".reg",
            alignment,
            ty: ty.ok_or_else(|| self.expected("a type before the name"))?,
            vector,
        })
    }

    fn alignment(&mut self) -> Result<u32, PtxError> {
        let position = self.token.position;
        let bytes = self.integer("the alignment")?;
        match bytes.is_power_of_two() {
            true => Ok(bytes),
            false => Err(PtxError::new(
                position,
                format!("an alignment is a power of two, not {bytes}"),
            )),
        }
    }

    /// A name and its dimensions.
    fn declarator(&mut self, head: &Head, linkage: Linkage) -> Result<Variable, PtxError> {
        let position = self.token.position;
        let name = self
            .take(Kind::Word, "the name of a variable")?
            .text
            .to_owned();
        let mut dimensions = Vec::new();
        while self.accept("[") {
            if dimensions.len() == MAX_DIMENSIONS {
                return Err(PtxError::new(
                    position,
                    format!("an array of more than {MAX_DIMENSIONS} dimensions"),
                ));
            }
            if self.accept("]") {
                dimensions.push(None);
                continue;
            }
            let position = self.token.position;
            let size = self.integer_expression("the size of an array")?;
            if i64::try_from(size).is_err() {
                return Err(PtxError::new(
                    position,
                    format!("no array has {} elements", size as i64),
                ));
            }
            dimensions.push(Some(size));
            self.expect("]")?;
        }
        Ok(Variable {
            position,
            linkage,
            space: head.space,
            register: head.register,
            alignment: head
                .alignment
                .unwrap_or_else(|| (head.ty.size() * head.vector).max(1)),
            ty: head.ty,
            vector: head.vector,
            name,
            dimensions,
            initializer: Vec::new(),
            has_initializer: false,
        })
    }

    /// What follows `=`.
    fn initializer(&mut self, variable: &Variable) -> Result<Vec<Element>, PtxError> {
        let mut extents = variable.dimensions.clone();
        if variable.vector > 1 {
            extents.push(Some(u64::from(variable.vector)));
        }
        let mut elements = Vec::new();
        if variable.dimensions.is_empty() && !self.at("{") {
            elements.push(self.element(0)?);
        } else {
            self.expect("{")?;
            self.initializer_list(&extents, 0, &mut elements)?;
        }
        Ok(elements)
    }

    fn element(&mut self, index: u64) -> Result<Element, PtxError> {
        let value = self.expression()?.into_element();
        Ok(Element { index, value })
    }

    /// A list in braces, whose first element has the index `first`, from after the brace on.
    fn initializer_list(
        &mut self,
        extents: &[Option<u64>],
        first: u64,
        elements: &mut Vec<Element>,
    ) -> Result<(), PtxError> {
        let (extent, inner) = match extents {
            [] => (Some(1), extents),
            [extent, inner @ ..] => (*extent, inner),
        };
        let too_large = "the array does not fit into 64 bits, or an inner dimension is open";
        let too_large = PtxError::new(self.token.position, too_large);
        // The elements between the beginnings of two inner lists.
        let stride = (inner.iter())
            .try_fold(1_u64, |size, &extent| size.checked_mul(extent?))
            .ok_or_else(|| too_large.clone())?;
        let end = match extent {
            None => u64::MAX,
            Some(extent) => (extent.checked_mul(stride))
                .and_then(|size| first.checked_add(size))
                .ok_or_else(|| too_large.clone())?,
        };
        let mut index = first;
        self.list("}", |parser| {
            let position = parser.token.position;
            let inner_list = parser.accept("{");
            if inner_list {
                if extents.len() < 2 {
                    let message = "a list in braces that is deeper than the array has dimensions";
                    return Err(PtxError::new(position, message));
                }
                // An inner list begins where a row begins; what is left of the row before is zero.
                index = (index - first)
                    .checked_next_multiple_of(stride)
                    .and_then(|row| first.checked_add(row))
                    .ok_or_else(|| too_large.clone())?;
            }
            if index >= end {
                let message = format!("more than the {} elements that fit in here", end - first);
                return Err(PtxError::new(position, message));
            }
            if inner_list {
                parser.nested(|parser| parser.initializer_list(inner, index, elements))?;
            } else {
                elements.push(parser.element(index)?);
            }
            let taken = if inner_list { stride } else { 1 };
            index = index.checked_add(taken).ok_or_else(|| too_large.clone())?;
            Ok(())
        })?;
        Ok(())
    }
}
