//! The parser of PTX: trees, errors, and what compilers write.

mod compilers;
mod errors;
mod trees;

use ptx_sim::ptx::{Function, Instruction, Module, Statement, Variable, parse};

/// What must come first.
const HEADER: &str = ".version 8.7 .target sm_90a .address_size 64\n";

/// The module of a text that starts on line 2.
fn module(text: &str) -> Module {
    let text = format!("{HEADER}{text}");
    parse(&text).unwrap_or_else(|error| panic!("{error} in\n{text}"))
}

/// All instructions of a function, scopes included.
fn instructions(statements: &[Statement]) -> Vec<&Instruction> {
    let mut found = Vec::new();
    for statement in statements {
        match statement {
            Statement::Instruction(instruction) => found.push(instruction),
            Statement::Scope(statements) => found.extend(instructions(statements)),
            _ => {}
        }
    }
    found
}

fn function<'a>(module: &'a Module, name: &str) -> &'a Function {
    let found = module.functions.iter().find(|it| it.name == name);
    found.unwrap_or_else(|| panic!("there is no function {name}"))
}

fn variable<'a>(module: &'a Module, name: &str) -> &'a Variable {
    let found = module.variables.iter().find(|it| it.name == name);
    found.unwrap_or_else(|| panic!("there is no variable {name}"))
}
