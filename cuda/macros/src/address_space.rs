//! `#[address_space]`: statics outside of global memory.

use std::sync::atomic::{AtomicUsize, Ordering};

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Error, Expr, ExprLit, Ident, ItemFn, ItemStatic, Lit, Meta, Result};

/// Marks the static's symbol for the builder, which moves it: no attribute of rustc's says where a
/// static lies.
pub fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let space: Ident = syn::parse2(arguments).map_err(|error| {
        Error::new(
            error.span(),
            "#[address_space] takes one of `global`, `shared` and `constant`",
        )
    })?;
    let mut item: ItemStatic = syn::parse2(item)?;
    let memory = match space.to_string().as_str() {
        "global" => return Ok(quote!(#item)),
        "shared" => "shared",
        "constant" => "const",
        "local" => {
            return Err(Error::new(
                space.span(),
                "a static cannot lie in local memory, which a thread has only while a function \
                 runs: use a `let` in the function",
            ));
        }
        _ => {
            return Err(Error::new(
                space.span(),
                "#[address_space] takes one of `global`, `shared` and `constant`",
            ));
        }
    };
    let mut exported = None;
    let mut attributes = Vec::new();
    for attribute in item.attrs.drain(..) {
        match exported_name(&attribute, &item.ident) {
            Some(name) => exported = Some(name),
            None => attributes.push(attribute),
        }
    }
    let name = exported.clone().unwrap_or_else(|| unique_name(&item.ident));
    let symbol = format!("__cuda_std_space_{memory}__{name}");
    let on_host = exported
        .map(|name| quote!(#[cfg_attr(not(target_arch = "nvptx64"), unsafe(export_name = #name))]));
    Ok(quote! {
        #(#attributes)*
        #[cfg_attr(target_arch = "nvptx64", unsafe(export_name = #symbol))]
        #on_host
        #item
    })
}

/// The symbol that an attribute gives the static, if it is one of those that do.
fn exported_name(attribute: &Attribute, ident: &Ident) -> Option<String> {
    let meta = match &attribute.meta {
        Meta::List(list) if list.path.is_ident("unsafe") => list.parse_args::<Meta>().ok()?,
        meta => meta.clone(),
    };
    match meta {
        Meta::Path(path) if path.is_ident("no_mangle") => Some(ident.to_string()),
        Meta::NameValue(pair) if pair.path.is_ident("export_name") => match pair.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(name),
                ..
            }) => Some(name.value()),
            _ => None,
        },
        _ => None,
    }
}

/// The crate's name, the static's, and a running number. One process expands one crate's macros in
/// a fixed order, so the same source gives the same names.
pub fn unique_name(ident: &Ident) -> String {
    static N_NAMES: AtomicUsize = AtomicUsize::new(0);
    let crate_name = std::env::var("CARGO_CRATE_NAME").unwrap_or_default();
    let idx = N_NAMES.fetch_add(1, Ordering::Relaxed);
    format!("{crate_name}_{ident}_{idx}")
}

/// An unmangled function has a symbol that the PTX keeps; this only makes sure that it is one.
pub fn externally_visible(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    if !arguments.is_empty() {
        return Err(Error::new_spanned(
            arguments,
            "#[externally_visible] takes no arguments",
        ));
    }
    let function: ItemFn = syn::parse2(item)?;
    let is_exported = function
        .attrs
        .iter()
        .any(|attribute| exported_name(attribute, &function.sig.ident).is_some());
    if !is_exported {
        return Err(Error::new_spanned(
            &function.sig,
            "what is linked later finds the function by its name: add #[unsafe(no_mangle)] below \
             #[externally_visible]",
        ));
    }
    Ok(quote!(#function))
}

/// The function on the device, and one of the same signature that panics on the host.
pub fn gpu_only(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    if !arguments.is_empty() {
        return Err(Error::new_spanned(
            arguments,
            "#[gpu_only] takes no arguments",
        ));
    }
    let function: ItemFn = syn::parse2(item)?;
    let ItemFn {
        attrs,
        vis,
        sig,
        block,
    } = &function;
    let mut host = sig.clone();
    host.abi = None;
    let message = format!(
        "`{}` works in a kernel on a CUDA device, not on the host",
        sig.ident
    );
    Ok(quote! {
        #[cfg(target_arch = "nvptx64")]
        #(#attrs)*
        #vis #sig #block

        #[cfg(not(target_arch = "nvptx64"))]
        #[allow(unused_variables, unused_mut, clippy::missing_safety_doc)]
        #(#attrs)*
        #vis #host {
            ::core::panic!(#message)
        }
    })
}
