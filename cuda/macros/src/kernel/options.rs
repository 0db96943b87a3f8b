//! What stands in `#[kernel(...)]`.

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{
    AngleBracketedGenericArguments, Error, Expr, Ident, LitInt, Path, PathArguments, Result, Token,
    parenthesized,
};

/// All of it.
#[derive(Default)]
pub struct Options {
    pub launch_bounds: Option<LaunchBounds>,
    pub instances: Vec<Instance>,
}

/// `launch_bounds(max_threads, min_blocks)`
pub struct LaunchBounds {
    pub max_threads: Expr,
    pub min_blocks: Option<Expr>,
}

/// `name = function::<types>`
pub struct Instance {
    pub name: Ident,
    pub function: Ident,
    pub arguments: AngleBracketedGenericArguments,
}

enum Item {
    LaunchBounds(Span, Box<LaunchBounds>),
    /// `grid_dim = 2d`, which says what the indices mean and changes nothing.
    Hint,
    Instance(Instance),
}

impl Parse for Options {
    fn parse(input: ParseStream) -> Result<Options> {
        let mut options = Options::default();
        for item in Punctuated::<Item, Token![,]>::parse_terminated(input)? {
            match item {
                Item::LaunchBounds(span, _) if options.launch_bounds.is_some() => {
                    return Err(Error::new(span, "the launch bounds are given twice"));
                }
                Item::LaunchBounds(_, bounds) => options.launch_bounds = Some(*bounds),
                Item::Hint => {}
                Item::Instance(instance) => {
                    if options
                        .instances
                        .iter()
                        .any(|other| other.name == instance.name)
                    {
                        return Err(Error::new(
                            instance.name.span(),
                            "another instance has this name",
                        ));
                    }
                    options.instances.push(instance);
                }
            }
        }
        Ok(options)
    }
}

impl Parse for Item {
    fn parse(input: ParseStream) -> Result<Item> {
        let name = Ident::parse_any(input).map_err(|error| unknown(error.span()))?;
        if name == "launch_bounds" {
            let bounds = Box::new(launch_bounds(input)?);
            return Ok(Item::LaunchBounds(name.span(), bounds));
        }
        input
            .parse::<Token![=]>()
            .map_err(|_| unknown(name.span()))?;
        if name == "grid_dim" || name == "block_dim" {
            dimension(input)?;
            return Ok(Item::Hint);
        }
        let path: Path = input.parse().map_err(|_| unknown(name.span()))?;
        let [segment] = &path.segments.iter().collect::<Vec<_>>()[..] else {
            return Err(not_an_instance(&path));
        };
        match &segment.arguments {
            PathArguments::AngleBracketed(arguments) => Ok(Item::Instance(Instance {
                name,
                function: segment.ident.clone(),
                arguments: arguments.clone(),
            })),
            _ => Err(not_an_instance(&path)),
        }
    }
}

fn unknown(span: Span) -> Error {
    Error::new(
        span,
        "#[kernel] takes `launch_bounds(256, 2)`, `grid_dim = 2d`, `block_dim = 1d`, and the \
         instances of a generic kernel: `axpy_f32 = axpy::<f32>`",
    )
}

fn not_an_instance(path: &Path) -> Error {
    Error::new_spanned(
        path,
        "an instance is the kernel with its types: `axpy_f32 = axpy::<f32>`",
    )
}

fn launch_bounds(input: ParseStream) -> Result<LaunchBounds> {
    let content;
    let parentheses = parenthesized!(content in input);
    let mut numbers = Punctuated::<Expr, Token![,]>::parse_terminated(&content)?.into_iter();
    match (numbers.next(), numbers.next(), numbers.next()) {
        (Some(max_threads), min_blocks, None) => Ok(LaunchBounds {
            max_threads,
            min_blocks,
        }),
        _ => Err(Error::new(
            parentheses.span.join(),
            "`launch_bounds` takes the most threads of a block and, if wanted, the least blocks \
             of a multiprocessor",
        )),
    }
}

/// `1d`, `2d` or `3d`.
fn dimension(input: ParseStream) -> Result<()> {
    let expected = "a dimension is `1d`, `2d` or `3d`";
    let literal: LitInt = input
        .parse()
        .map_err(|error| Error::new(error.span(), expected))?;
    match (literal.base10_digits(), literal.suffix()) {
        ("1" | "2" | "3", "d" | "D") => Ok(()),
        _ => Err(Error::new(literal.span(), expected)),
    }
}
