//! `#[address_space]`: statics outside of global memory.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Ident, ItemStatic, Result};

use crate::symbol::{exported_name, unique_name};

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
    let name = exported
        .clone()
        .unwrap_or_else(|| unique_name(&item.ident.to_string()));
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
