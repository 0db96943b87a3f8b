//! A kernel's parameters: how each crosses from host to device.

use std::collections::HashMap;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Error, Expr, FnArg, GenericArgument, Lifetime, Pat, PathArguments, Result, Type};

/// How a parameter crosses.
#[derive(Clone)]
pub enum Lowering {
    /// As it is.
    Value,
    /// `*const T` or `*mut T`: as it is, and the host passes a buffer.
    Pointer { element: Type, is_written: bool },
    /// `&T`: a pointer.
    Reference { target: Type },
    /// `&[T]`, `*mut [T]` and the like: a pointer and a length.
    Slice { element: Type, kind: SliceKind },
}

/// What becomes of a pointer and a length.
#[derive(Clone, Copy, PartialEq)]
pub enum SliceKind {
    /// `&[T]`
    Reference,
    /// `&str`
    Text,
    /// `*const [T]`
    ConstPointer,
    /// `*mut [T]`
    MutPointer,
    /// `PerThread<T>` or `DisjointSlice<T>`
    Output,
}

impl SliceKind {
    pub fn is_written(self) -> bool {
        matches!(self, SliceKind::MutPointer | SliceKind::Output)
    }
}

#[derive(Clone)]
pub struct Parameter {
    /// The field's name on the host.
    pub name: Ident,
    pub ty: Type,
    pub lowering: Lowering,
}

impl Parameter {
    /// Parameter number `idx` of a function.
    pub fn of(argument: &FnArg, idx: usize) -> Result<Parameter> {
        let FnArg::Typed(typed) = argument else {
            return Err(Error::new(argument.span(), "a kernel is not a method"));
        };
        let name = match &*typed.pat {
            Pat::Ident(pattern) => pattern.ident.clone(),
            pattern => Ident::new(&format!("parameter_{idx}"), pattern.span()),
        };
        let mut ty = (*typed.ty).clone();
        AnonymousLifetimes.visit_type_mut(&mut ty);
        Ok(Parameter {
            name,
            lowering: lowering(&ty)?,
            ty,
        })
    }

    /// The same with types in the place of the function's generic parameters.
    pub fn substituted(&self, arguments: &Substitution) -> Result<Parameter> {
        let mut ty = self.ty.clone();
        arguments.clone().visit_type_mut(&mut ty);
        Ok(Parameter {
            name: self.name.clone(),
            lowering: lowering(&ty)?,
            ty,
        })
    }

    /// The parameters of the entry point, and the argument for the function that is made of them.
    pub fn on_device(&self, idx: usize) -> (TokenStream, TokenStream) {
        // A name that nothing of the user's is mistaken for, nor it for anything of the user's.
        let start = Ident::new(&format!("p{idx}"), Span::mixed_site());
        let n_elements = format_ident!("p{idx}_len", span = Span::mixed_site());
        let ty = &self.ty;
        match &self.lowering {
            Lowering::Value | Lowering::Pointer { .. } => (quote!(#start: #ty), quote!(#start)),
            Lowering::Reference { target } => (quote!(#start: *const #target), quote!(&*#start)),
            Lowering::Slice { element, kind } => {
                // Where LLVM knows that a slice's start is not null, `get` does not look again.
                let pointer = match kind {
                    SliceKind::ConstPointer => quote!(*const #element),
                    SliceKind::MutPointer => quote!(*mut #element),
                    _ => quote!(::core::ptr::NonNull<#element>),
                };
                let argument = match kind {
                    SliceKind::Reference => {
                        quote!(::core::slice::from_raw_parts(#start.as_ptr(), #n_elements))
                    }
                    SliceKind::Text => quote! {
                        ::core::str::from_utf8_unchecked(
                            ::core::slice::from_raw_parts(#start.as_ptr(), #n_elements)
                        )
                    },
                    SliceKind::ConstPointer => {
                        quote!(::core::ptr::slice_from_raw_parts(#start, #n_elements))
                    }
                    SliceKind::MutPointer => {
                        quote!(::core::ptr::slice_from_raw_parts_mut(#start, #n_elements))
                    }
                    SliceKind::Output => {
                        quote!(<#ty>::from_raw_parts(#start.as_ptr(), #n_elements))
                    }
                };
                (quote!(#start: #pointer, #n_elements: usize), argument)
            }
        }
    }
}

fn lowering(ty: &Type) -> Result<Lowering> {
    match ty {
        Type::Group(group) => lowering(&group.elem),
        Type::Paren(parenthesized) => lowering(&parenthesized.elem),
        Type::Reference(reference) if reference.mutability.is_some() => Err(Error::new(
            ty.span(),
            "every thread would hold the same `&mut`: take a `PerThread<T>`, a `DisjointSlice<T>` \
             or a `*mut T`",
        )),
        Type::Reference(reference) => match strip(&reference.elem) {
            Type::Slice(slice) => Ok(Lowering::Slice {
                element: (*slice.elem).clone(),
                kind: SliceKind::Reference,
            }),
            Type::Path(path) if path.path.is_ident("str") => Ok(Lowering::Slice {
                element: syn::parse_quote!(u8),
                kind: SliceKind::Text,
            }),
            Type::TraitObject(object) => Err(Error::new(
                object.span(),
                "a trait object's functions lie in the host's memory: take a type, or make the \
                 kernel generic over it",
            )),
            target => Ok(Lowering::Reference {
                target: target.clone(),
            }),
        },
        Type::Ptr(pointer) => match strip(&pointer.elem) {
            Type::Slice(slice) => Ok(Lowering::Slice {
                element: (*slice.elem).clone(),
                kind: if pointer.mutability.is_some() {
                    SliceKind::MutPointer
                } else {
                    SliceKind::ConstPointer
                },
            }),
            element => Ok(Lowering::Pointer {
                element: element.clone(),
                is_written: pointer.mutability.is_some(),
            }),
        },
        Type::ImplTrait(_) => Err(Error::new(
            ty.span(),
            "a kernel names its types: make it generic, with instances such as \
             `#[kernel(axpy_f32 = axpy::<f32>)]`",
        )),
        Type::Path(path) => {
            let Some(segment) = path.path.segments.last() else {
                return Ok(Lowering::Value);
            };
            if segment.ident != "PerThread" && segment.ident != "DisjointSlice" {
                return Ok(Lowering::Value);
            }
            let element = match &segment.arguments {
                PathArguments::AngleBracketed(arguments) if arguments.args.len() == 1 => {
                    match &arguments.args[0] {
                        GenericArgument::Type(element) => Some(element.clone()),
                        _ => None,
                    }
                }
                _ => None,
            };
            let element = element
                .ok_or_else(|| Error::new(ty.span(), format!("write `{}<T>`", segment.ident)))?;
            Ok(Lowering::Slice {
                element,
                kind: SliceKind::Output,
            })
        }
        _ => Ok(Lowering::Value),
    }
}

/// The type without the parentheses around it, and without the groups that macros leave.
fn strip(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => strip(&group.elem),
        Type::Paren(parenthesized) => strip(&parenthesized.elem),
        ty => ty,
    }
}

/// Whether a type is made of numbers alone. Any other may have a lifetime that is not written, which
/// a function's parameter may leave out and a struct's field may not.
pub fn is_plain(ty: &Type) -> bool {
    const NUMBERS: [&str; 16] = [
        "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize",
        "f32", "f64", "bool", "char",
    ];
    match strip(ty) {
        Type::Path(path) => NUMBERS.iter().any(|number| path.path.is_ident(number)),
        Type::Array(array) => is_plain(&array.elem),
        _ => false,
    }
}

/// Leaves every named lifetime but `'static` to be inferred: an entry point has no parameters to
/// name.
struct AnonymousLifetimes;

impl VisitMut for AnonymousLifetimes {
    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if lifetime.ident != "static" {
            *lifetime = Lifetime::new("'_", lifetime.span());
        }
    }

    // Its lifetimes are its own.
    fn visit_type_bare_fn_mut(&mut self, _: &mut syn::TypeBareFn) {}
}

/// What stands for each generic parameter of a function.
#[derive(Clone, Default)]
pub struct Substitution(pub HashMap<Ident, GenericArgument>);

impl Substitution {
    fn of(&self, path: &syn::Path) -> Option<&GenericArgument> {
        self.0.get(path.get_ident()?)
    }
}

impl VisitMut for Substitution {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if let Type::Path(path) = ty {
            if path.qself.is_none()
                && let Some(argument) = self.of(&path.path)
            {
                *ty = match argument {
                    GenericArgument::Type(argument) => argument.clone(),
                    // `Tile<N>`, whose N looks like a type.
                    argument => Type::Verbatim(quote!(#argument)),
                };
                return;
            }
            // `T::Item` becomes `<f32>::Item`, and the compiler asks for its trait.
            let first = path.path.segments.first().map(|segment| &segment.ident);
            if path.qself.is_none()
                && path.path.segments.len() > 1
                && let Some(GenericArgument::Type(argument)) =
                    first.and_then(|ident| self.0.get(ident))
            {
                let rest = path.path.segments.iter().skip(1);
                *ty = Type::Verbatim(quote!(<#argument>::#(#rest)::*));
                return;
            }
        }
        visit_mut::visit_type_mut(self, ty);
    }

    fn visit_expr_mut(&mut self, expression: &mut Expr) {
        if let Expr::Path(path) = expression
            && path.qself.is_none()
            && let Some(argument) = self.of(&path.path)
        {
            *expression = Expr::Verbatim(quote!(#argument));
            return;
        }
        visit_mut::visit_expr_mut(self, expression);
    }
}
