//! Arrays in shared memory.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::parse::{Parse, ParseStream};
use syn::{Expr, Result, Token, Type};

use crate::symbol::unique_name;

/// `T; N`
struct Array {
    element: Type,
    n_elements: Expr,
}

impl Parse for Array {
    fn parse(input: ParseStream) -> Result<Array> {
        let element = input.parse()?;
        input.parse::<Token![;]>()?;
        let n_elements = input.parse()?;
        Ok(Array {
            element,
            n_elements,
        })
    }
}

/// The array is declared in a module, outside all functions, where inlining cannot declare it twice.
/// So its element type and length must mean something there: a function's own items do not.
pub fn address(input: TokenStream) -> Result<TokenStream> {
    let Array {
        element,
        n_elements,
    } = syn::parse2(input)?;
    let name = unique_name("shared");
    let module = format_ident!("{name}");
    let declaration = format!(".shared .align 16 .b8 {name}[{{n_bytes}}];");
    let load = format!("mov.u32 {{}}, {name};");
    Ok(quote! {{
        #[cfg(target_arch = "nvptx64")]
        {
            mod #module {
                #[allow(unused_imports)]
                use super::*;
                ::core::arch::global_asm!(
                    #declaration,
                    n_bytes = const ::core::mem::size_of::<#element>() * (#n_elements),
                );
            }
            let address: u32;
            // SAFETY: reads an address, nothing else.
            #[allow(unused_unsafe)]
            unsafe {
                ::core::arch::asm!(
                    #load,
                    out(reg32) address,
                    options(pure, nomem, nostack, preserves_flags),
                );
            }
            address
        }
        #[cfg(not(target_arch = "nvptx64"))]
        ::cuda_std::shared::none_on_host()
    }})
}
