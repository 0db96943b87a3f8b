//! Attributes of functions that are no kernels.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, ItemFn, Result};

use crate::symbol::exported_name;

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
