//! The directives of a module and the heads of functions.

use std::collections::HashSet;

use super::lexer::Kind;
use super::parser::Parser;
use super::{Function, Limits, Linkage, Module, PtxError, Type};

/// Reads a file of PTX.
///
/// # Errors
///
/// The text is not PTX: where, what was found, and what was expected. No text leads to a panic, and
/// time and memory are linear in its length.
pub fn parse(text: &str) -> Result<Module, PtxError> {
    let parser = Parser::new(text);
    if u32::try_from(text.len()).is_err() {
        return Err(PtxError::new(
            parser.token.position,
            "a text of 4 GiB or more cannot be PTX",
        ));
    }
    parser.module(text)
}

/// What a text is that does not begin as PTX does: a cubin or a fatbin, perhaps.
fn binary(text: &str) -> Option<&'static str> {
    let unprintable = |c: char| c == char::REPLACEMENT_CHARACTER || c.is_control();
    if text.starts_with("\u{7f}ELF") {
        Some("an ELF file (a cubin?)")
    } else if text
        .chars()
        .take(64)
        .any(|c| unprintable(c) && !c.is_whitespace())
    {
        Some("binary data (a fatbin?)")
    } else {
        None
    }
}

impl Parser<'_> {
    fn module(mut self, text: &str) -> Result<Module, PtxError> {
        if !self.accept(".version") {
            return Err(match binary(text) {
                None => self.expected("`.version`, with which every PTX text begins"),
                Some(what) => PtxError::new(
                    self.token.position,
                    format!("this is {what} and no PTX: only PTX, which is text, can be run"),
                ),
            });
        }
        self.module.version = self.version()?;
        if !self.at(".target") {
            return Err(self.expected("`.target` after `.version`"));
        }
        while self.token.kind != Kind::End {
            self.module_directive()?;
        }
        // What is declared and also defined is its definition.
        let module = &mut self.module;
        let defined: HashSet<_> = (module.functions.iter())
            .filter(|function| function.body.is_some())
            .map(|function| function.name.clone())
            .collect();
        (module.functions).retain(|it| it.body.is_some() || !defined.contains(&it.name));
        let defined: HashSet<_> = (module.variables.iter())
            .filter(|variable| variable.linkage != Linkage::Extern)
            .map(|variable| variable.name.clone())
            .collect();
        (module.variables)
            .retain(|it| it.linkage != Linkage::Extern || !defined.contains(&it.name));
        Ok(self.module)
    }

    /// `8.7`
    fn version(&mut self) -> Result<(u32, u32), PtxError> {
        let token = self.token;
        (token.text.split_once('.'))
            .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)))
            .inspect(|_| {
                self.advance();
            })
            .ok_or_else(|| self.expected("a version such as 8.0"))
    }

    fn module_directive(&mut self) -> Result<(), PtxError> {
        match self.token.text {
            ".target" => self.target(),
            ".address_size" => {
                self.advance();
                let position = self.token.position;
                self.module.address_size = self.integer("the size of an address")?;
                match self.module.address_size {
                    32 | 64 => Ok(()),
                    size => Err(PtxError::new(
                        position,
                        format!("an address has 32 or 64 bits, not {size}"),
                    )),
                }
            }
            ".file" => self.file(),
            ".section" => self.section(),
            ".pragma" => self.pragma(),
            ".alias" => {
                self.advance();
                let alias = self.name("the name of a function")?;
                self.expect(",")?;
                let function = self.name("the name of a function")?;
                self.expect(";")?;
                self.module.aliases.insert(alias, function);
                Ok(())
            }
            _ => {
                let linkage = self.linkage()?;
                match self.token.text {
                    ".entry" | ".func" => {
                        let function = self.function(linkage)?;
                        self.module.functions.push(function);
                        Ok(())
                    }
                    _ if self.at_variable() => {
                        let variables = self.variables(linkage)?;
                        self.module.variables.extend(variables);
                        Ok(())
                    }
                    _ => Err(self.expected(
                        "`.entry`, `.func`, a variable (`.global`, `.shared`, `.const`) \
                         or another directive of a module",
                    )),
                }
            }
        }
    }

    /// `.visible` and the like, if one is written.
    pub(super) fn linkage(&mut self) -> Result<Linkage, PtxError> {
        let linkage = match self.token.text {
            ".visible" => Linkage::Visible,
            ".extern" => Linkage::Extern,
            ".weak" => Linkage::Weak,
            ".common" => Linkage::Common,
            _ => return Ok(Linkage::Internal),
        };
        self.advance();
        Ok(linkage)
    }

    /// `.target sm_90a, debug`
    fn target(&mut self) -> Result<(), PtxError> {
        self.advance();
        loop {
            let what = "a target such as sm_80";
            let token = self.take(Kind::Word, what)?;
            if let Some(name) = token.text.strip_prefix("sm_") {
                let number = name.trim_end_matches(|c: char| c.is_ascii_lowercase());
                let suffix = &name[number.len()..];
                let architecture = number
                    .parse()
                    .ok()
                    .filter(|_| suffix.len() < 2)
                    .ok_or_else(|| {
                        let message = format!("expected {what}, found `{}`", token.text);
                        PtxError::new(token.position, message)
                    })?;
                // Of several targets the module needs the highest.
                if architecture >= self.module.architecture {
                    self.module.architecture = architecture;
                    self.module.architecture_suffix = suffix.chars().next();
                }
            } else if !matches!(
                token.text,
                "debug" | "texmode_unified" | "texmode_independent" | "map_f64_to_f32"
            ) {
                let message = format!("expected {what} or `debug`, found `{}`", token.text);
                return Err(PtxError::new(token.position, message));
            }
            if !self.accept(",") {
                break;
            }
        }
        match self.module.architecture {
            0 => Err(self.expected("a target such as sm_80")),
            _ => Ok(()),
        }
    }

    /// `.file 1 "path"`, with or without its time and size.
    pub(super) fn file(&mut self) -> Result<(), PtxError> {
        self.advance();
        let number = self.integer("the number of the file")?;
        let path = self.take(Kind::Quoted, "the path of the file")?.text;
        let path = &path[1..path.len() - 1];
        self.module.files.insert(number, path.to_owned());
        while self.accept(",") {
            self.integer_expression("the time or size of a file")?;
        }
        Ok(())
    }

    /// `.section .debug_info { ... }`: notes for a debugger, which are skipped.
    fn section(&mut self) -> Result<(), PtxError> {
        self.advance();
        match self.token.kind {
            Kind::Dotted | Kind::Word => self.advance(),
            _ => return Err(self.expected("the name of a section")),
        };
        self.expect("{")?;
        let mut open = 1;
        while open > 0 {
            match (self.token.kind, self.token.text) {
                (Kind::End | Kind::Invalid(_), _) => {
                    return Err(self.expected("`}` at the end of the section"));
                }
                (_, "{") => open += 1,
                (_, "}") => open -= 1,
                _ => {}
            }
            self.advance();
        }
        Ok(())
    }

    /// `.pragma "nounroll";`: advice to an optimizing compiler, which is skipped.
    pub(super) fn pragma(&mut self) -> Result<(), PtxError> {
        self.advance();
        self.take(Kind::Quoted, "a text in quotation marks")?;
        while self.accept(",") {
            self.take(Kind::Quoted, "a text in quotation marks")?;
        }
        self.expect(";")
    }

    /// `.entry name (parameters) limits { ... }` or `.func (returns) name (parameters) ... ;`
    fn function(&mut self, linkage: Linkage) -> Result<Function, PtxError> {
        let is_entry = self.advance().text == ".entry";
        self.attributes()?;
        let returns = match !is_entry && self.at("(") {
            true => self.parameters()?,
            false => Vec::new(),
        };
        let position = self.token.position;
        let name = self
            .take(Kind::Word, "the name of a function")?
            .text
            .to_owned();
        let parameters = self.parameters()?;
        let limits = self.limits()?;
        self.location = None;
        let body = match self.token.text {
            "{" => {
                self.advance();
                Some(self.statements()?)
            }
            ";" => {
                self.advance();
                None
            }
            _ => return Err(self.expected("`{`, `;` or a directive of a function")),
        };
        Ok(Function {
            position,
            linkage,
            is_entry,
            name,
            returns,
            parameters,
            limits,
            body,
        })
    }

    /// The directives between a function's parameters and its body.
    pub(super) fn limits(&mut self) -> Result<Limits, PtxError> {
        let mut limits = Limits::default();
        loop {
            let directive = self.token;
            let what = format!("the number after `{}`", directive.text);
            match directive.text {
                ".pragma" => {
                    self.pragma()?;
                    continue;
                }
                ".maxntid"
                | ".reqntid"
                | ".reqnctapercluster"
                | ".minnctapersm"
                | ".maxnreg"
                | ".maxnctapersm"
                | ".maxclusterrank"
                | ".abi_preserve"
                | ".abi_preserve_control"
                | ".noreturn"
                | ".explicitcluster"
                | ".blocksareclusters" => self.advance(),
                ".attribute" => {
                    self.attributes()?;
                    continue;
                }
                _ => return Ok(limits),
            };
            match directive.text {
                ".maxntid" => limits.max_threads = Some(self.shape(&what)?),
                ".reqntid" => limits.required_threads = Some(self.shape(&what)?),
                ".reqnctapercluster" => limits.required_cluster = Some(self.shape(&what)?),
                ".maxclusterrank" => limits.max_cluster_rank = Some(self.integer(&what)?),
                ".minnctapersm" => limits.min_blocks = Some(self.integer(&what)?),
                ".maxnreg" => limits.max_registers = Some(self.integer(&what)?),
                ".noreturn" => limits.no_return = true,
                ".explicitcluster" => limits.explicit_cluster = true,
                ".blocksareclusters" => limits.blocks_are_clusters = true,
                // What the others ask for concerns the compiler alone.
                _ => {
                    self.integer(&what)?;
                }
            }
        }
    }

    /// One to three numbers; those left out are 1.
    fn shape(&mut self, what: &str) -> Result<[u32; 3], PtxError> {
        let mut shape = [self.integer(what)?, 1, 1];
        for extent in &mut shape[1..] {
            if self.accept(",") {
                *extent = self.integer(what)?;
            }
        }
        Ok(shape)
    }

    /// `.attribute(.managed)` and `.attribute(.unified(1, 2))`, which are skipped: all memory is
    /// reached from everywhere.
    pub(super) fn attributes(&mut self) -> Result<(), PtxError> {
        while self.accept(".attribute") {
            self.expect("(")?;
            self.list(")", |parser| {
                parser.take(Kind::Dotted, "an attribute such as `.managed`")?;
                if parser.accept("(") {
                    parser.list(")", |parser| parser.expression())?;
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// The type of this name, textures included.
    pub(super) fn type_of(name: &str) -> Option<Type> {
        match name {
            "texref" | "samplerref" | "surfref" => Some(Type::Opaque),
            _ => Type::from_name(name),
        }
    }
}
