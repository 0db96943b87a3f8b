//! A kernel on the host: a struct whose fields are the kernel's parameters.

use std::path::PathBuf;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Type, Visibility};

use super::options::LaunchBounds;
use super::parameter::{Lowering, Parameter, is_plain};
use super::{Entry, kernel_id};

/// The struct of one entry point, and how it is launched.
pub fn signature(
    entry: &Entry,
    visibility: &Visibility,
    documentation: &[&Attribute],
    conditions: &[&Attribute],
    launch_bounds: Option<&LaunchBounds>,
) -> TokenStream {
    let name = struct_name(&entry.name);
    let name_string = entry.name.unraw().to_string();
    let id = kernel_id(&name_string);
    // Two kernels of one name define this macro twice, which no module can hide.
    let reservation = format_ident!("kernel_{}_is_defined_once", entry.name);

    let mut fields = Vec::new();
    let mut bounds = Vec::new();
    let mut words = Vec::new();
    for parameter in &entry.parameters {
        let field = &parameter.name;
        let (ty, bound) = field_type(parameter);
        bounds.extend(bound);
        let documentation = format!("The kernel's parameter `{}`.", field.unraw());
        fields.push(quote! {
            #[doc = #documentation]
            pub #field: #ty
        });
        match &parameter.lowering {
            Lowering::Value => words.push(quote!(::cuda_std::kernel::word(&self.#field))),
            Lowering::Pointer { .. } | Lowering::Reference { .. } => {
                words.push(quote!(self.#field.address_word()));
            }
            Lowering::Slice { .. } => {
                words.push(quote!(self.#field.address_word()));
                words.push(quote!(self.#field.len_word()));
            }
        }
    }
    let n_words = words.len();
    let borrows = |parameter: &Parameter| {
        !matches!(parameter.lowering, Lowering::Value) || !is_plain(&parameter.ty)
    };
    let generics = entry
        .parameters
        .iter()
        .any(borrows)
        .then(|| quote!(<'launch>));
    let launch_bounds = launch_bounds.map(|bounds| {
        let max_threads = &bounds.max_threads;
        let min_blocks = match &bounds.min_blocks {
            Some(number) => quote!(::core::option::Option::Some(#number)),
            None => quote!(::core::option::Option::None),
        };
        // A constant of its own is computed, and with it checked, whether it is used or not.
        let constant = quote! {
            const BOUNDS: ::cuda_std::kernel::LaunchBounds =
                ::cuda_std::kernel::LaunchBounds::new(#max_threads, #min_blocks);
        };
        let item = quote! {
            const LAUNCH_BOUNDS: ::core::option::Option<::cuda_std::kernel::LaunchBounds> =
                ::core::option::Option::Some(BOUNDS);
        };
        (constant, item)
    });
    let (bounds_constant, launch_bounds) = launch_bounds.unzip();
    // They are checked where the kernel is launched, since they say something of `'launch`.
    let bounds = quote!(where #(#bounds),*);
    quote! {
        #[cfg(not(target_arch = "nvptx64"))]
        #(#conditions)*
        #(#documentation)*
        #[allow(non_camel_case_types, dead_code, missing_docs, unused_braces)]
        #visibility struct #name #generics #bounds { #(#fields),* }

        #[cfg(not(target_arch = "nvptx64"))]
        #(#conditions)*
        const _: () = {
            #bounds_constant

            // SAFETY: the name is the entry point's, and the words are its parameters in order,
            // each of the type that the device reads.
            unsafe impl #generics ::cuda_std::kernel::Kernel for #name #generics #bounds {
                const NAME: &'static str = #name_string;
                const ID: u32 = #id;
                #launch_bounds
                type Words = [*const ::core::ffi::c_void; #n_words];
                fn words(&self) -> Self::Words {
                    [#(#words),*]
                }
            }
        };

        #[cfg(not(target_arch = "nvptx64"))]
        #(#conditions)*
        #[doc(hidden)]
        #[macro_export]
        #[allow(non_local_definitions)]
        macro_rules! #reservation { () => {}; }
    }
}

/// What the host passes for a parameter, and what must hold for that where it is launched.
fn field_type(parameter: &Parameter) -> (TokenStream, Option<TokenStream>) {
    let (container, element) = match &parameter.lowering {
        Lowering::Value if is_plain(&parameter.ty) => {
            let ty = &parameter.ty;
            return (quote!(#ty), None);
        }
        Lowering::Value => {
            let ty = &parameter.ty;
            // An unfit type is underlined where the kernel names it.
            let function = quote_spanned!(ty.span()=> fn(#ty));
            return (
                quote!(<#function as ::cuda_std::kernel::ByValue<'launch>>::Argument),
                Some(quote!(#function: ::cuda_std::kernel::ByValue<'launch>)),
            );
        }
        Lowering::Reference { target } => ("DeviceRef", target),
        Lowering::Pointer {
            element,
            is_written,
        } => (slice_type(*is_written), element),
        Lowering::Slice { element, kind } => (slice_type(kind.is_written()), element),
    };
    let container = Ident::new(container, Span::call_site());
    let (element, bound) = element_type(element);
    (
        quote!(::cuda_std::kernel::#container<'launch, #element>),
        bound,
    )
}

fn slice_type(is_written: bool) -> &'static str {
    if is_written {
        "DeviceSliceMut"
    } else {
        "DeviceSlice"
    }
}

fn element_type(element: &Type) -> (TokenStream, Option<TokenStream>) {
    if is_plain(element) {
        return (quote!(#element), None);
    }
    let function = quote_spanned!(element.span()=> fn(#element));
    (
        quote!(<#function as ::cuda_std::kernel::Element<'launch>>::Type),
        Some(quote!(#function: ::cuda_std::kernel::Element<'launch>)),
    )
}

/// The kernel's name; in the module's own file, where the struct would take the module's place
/// wherever both are imported, with `_launch` behind it.
fn struct_name(name: &Ident) -> Ident {
    let file = PathBuf::from(proc_macro::Span::call_site().file());
    let folder = file.parent().and_then(|folder| folder.file_name());
    let module = match file.file_stem() {
        Some(stem) if stem == "mod" => folder,
        stem => stem,
    };
    if module.is_some_and(|module| *module == *name.unraw().to_string()) {
        format_ident!("{name}_launch")
    } else {
        name.clone()
    }
}
