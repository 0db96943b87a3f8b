//! `#[kernel]`: an entry point on the device, a typed signature on the host.

mod host;
mod options;
mod parameter;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Attribute, Error, GenericArgument, GenericParam, ItemFn, Result, ReturnType};

use options::{Instance, LaunchBounds, Options};
use parameter::{Lowering, Parameter, Substitution};

/// One entry point: the kernel, or an instance of a generic one.
struct Entry {
    name: Ident,
    /// The function that it calls, with its types.
    function: TokenStream,
    parameters: Vec<Parameter>,
}

pub fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let options: Options = syn::parse2(arguments)?;
    let function: ItemFn = syn::parse2(item)?;
    check_signature(&function)?;
    let entries = entries(&function, &options.instances)?;

    let written = as_written(&function);
    let attributes_named = |name: &str| {
        let is_it = |attribute: &&Attribute| attribute.path().is_ident(name);
        function.attrs.iter().filter(is_it).collect::<Vec<_>>()
    };
    let conditions = attributes_named("cfg");
    let documentation = attributes_named("doc");
    let bounds = options.launch_bounds.as_ref();
    let entries = entries.iter().map(|entry| {
        let device = device_entry(entry, &conditions, bounds);
        let host = host::signature(entry, &function.vis, &documentation, &conditions, bounds);
        quote!(#device #host)
    });
    Ok(quote! {
        #written
        #(#entries)*
    })
}

fn check_signature(function: &ItemFn) -> Result<()> {
    let signature = &function.sig;
    let refuse = |span: Span, message: &str| Err(Error::new(span, message));
    if let ReturnType::Type(_, ty) = &signature.output {
        return refuse(
            ty.span(),
            "a kernel returns nothing: write results through a `PerThread<T>` parameter",
        );
    }
    if let Some(token) = &signature.asyncness {
        return refuse(token.span(), "a kernel cannot be async");
    }
    if let Some(token) = &signature.constness {
        return refuse(token.span(), "a kernel cannot be const");
    }
    if let Some(abi) = &signature.abi {
        return refuse(abi.span(), "#[kernel] sets the ABI itself: remove `extern`");
    }
    Ok(())
}

/// The entry points of a function: one, or one for each instance.
fn entries(function: &ItemFn, instances: &[Instance]) -> Result<Vec<Entry>> {
    let signature = &function.sig;
    let parameters = signature
        .inputs
        .iter()
        .enumerate()
        .map(|(idx, argument)| Parameter::of(argument, idx))
        .collect::<Result<Vec<_>>>()?;
    let name = &signature.ident;
    let generics: Vec<&GenericParam> = signature
        .generics
        .params
        .iter()
        .filter(|parameter| !matches!(parameter, GenericParam::Lifetime(_)))
        .collect();
    match (generics.is_empty(), instances.first()) {
        (true, Some(instance)) => Err(Error::new(
            instance.name.span(),
            format!("`{name}` is not generic: it has no instances"),
        )),
        (true, None) => Ok(vec![Entry {
            name: name.clone(),
            function: quote!(#name),
            parameters,
        }]),
        (false, None) => Err(Error::new(
            signature.generics.span(),
            format!(
                "an entry point has one set of types: name the instances of this kernel, as in \
                 `#[kernel({name}_f32 = {name}::<f32>)]`"
            ),
        )),
        (false, Some(_)) => instances
            .iter()
            .map(|instance| entry_of(instance, name, &generics, &parameters))
            .collect(),
    }
}

fn entry_of(
    instance: &Instance,
    name: &Ident,
    generics: &[&GenericParam],
    parameters: &[Parameter],
) -> Result<Entry> {
    if instance.function != *name {
        return Err(Error::new(
            instance.function.span(),
            format!("this is an instance of another kernel than `{name}`"),
        ));
    }
    let arguments = &instance.arguments.args;
    if arguments.len() != generics.len() {
        return Err(Error::new(
            arguments.span(),
            format!(
                "`{name}` takes {} types or values, and this instance gives {}",
                generics.len(),
                arguments.len()
            ),
        ));
    }
    let mut substitution = Substitution::default();
    for (generic, argument) in generics.iter().zip(arguments) {
        let ident = match generic {
            GenericParam::Type(ty) => &ty.ident,
            GenericParam::Const(constant) => &constant.ident,
            GenericParam::Lifetime(_) => continue,
        };
        if !matches!(
            argument,
            GenericArgument::Type(_) | GenericArgument::Const(_)
        ) {
            return Err(Error::new(
                argument.span(),
                format!("this is no type or value for `{ident}`"),
            ));
        }
        substitution.0.insert(ident.clone(), argument.clone());
    }
    Ok(Entry {
        name: instance.name.clone(),
        function: quote!(#name::<#arguments>),
        parameters: parameters
            .iter()
            .map(|parameter| parameter.substituted(&substitution))
            .collect::<Result<_>>()?,
    })
}

/// The function itself, under its name on both sides.
fn as_written(function: &ItemFn) -> ItemFn {
    let mut function = function.clone();
    function.attrs.retain(|attribute| {
        let path = attribute.path();
        // The symbol is the entry point's, and the body becomes part of it.
        !["no_mangle", "inline"]
            .iter()
            .any(|name| path.is_ident(name))
    });
    function
        .attrs
        .push(syn::parse_quote!(#[allow(dead_code, clippy::too_many_arguments)]));
    function.attrs.push(syn::parse_quote!(#[inline(always)]));
    function
}

/// `extern "ptx-kernel"` around a call of the function, and on both sides the check that what is
/// passed by value may be.
fn device_entry(
    entry: &Entry,
    conditions: &[&Attribute],
    launch_bounds: Option<&LaunchBounds>,
) -> TokenStream {
    let name = entry.name.unraw().to_string();
    let id = kernel_id(&name);
    let function = &entry.function;
    let (parameters, arguments): (Vec<_>, Vec<_>) = entry
        .parameters
        .iter()
        .enumerate()
        .map(|(idx, parameter)| parameter.on_device(idx))
        .unzip();
    let copied = entry.parameters.iter().filter_map(|parameter| {
        let ty = &parameter.ty;
        matches!(parameter.lowering, Lowering::Value)
            .then(|| quote_spanned!(ty.span()=> ::cuda_std::kernel::is_copied::<#ty>();))
    });
    let copied = quote!(#(#copied)*);
    let check = (!copied.is_empty()).then(|| {
        quote! {
            #(#conditions)*
            const _: () = {
                #[allow(dead_code, unused_braces)]
                fn parameters_are_copied() { #copied }
            };
        }
    });
    let launch_bounds = launch_bounds.map(|bounds| {
        let max_threads = &bounds.max_threads;
        let min_blocks = match &bounds.min_blocks {
            Some(number) => quote!(#number),
            None => quote!(0),
        };
        // `cuda_builder` makes directives of it, which rustc has no attribute for.
        quote! {
            ::core::arch::asm!(
                ".pragma \"cuda_std launch_bounds {} {}\";",
                const #max_threads,
                const #min_blocks,
                options(nomem, nostack, preserves_flags),
            );
        }
    });
    let symbol = format_ident!("__cuda_std_entry_of_{}", entry.name);
    quote! {
        #check

        #[cfg(target_arch = "nvptx64")]
        #(#conditions)*
        const _: () = {
            #[unsafe(export_name = #name)]
            #[allow(
                non_snake_case,
                improper_ctypes_definitions,
                unknown_lints,
                unused_braces,
                improper_gpu_kernel_arg,
                clippy::too_many_arguments
            )]
            unsafe extern "ptx-kernel" fn #symbol(#(#parameters),*) {
                // SAFETY: whoever launches a kernel vouches for its arguments: the typed signature
                // makes pointer and length those of one live buffer that nothing else writes.
                #[allow(unused_unsafe)]
                unsafe {
                    #launch_bounds
                    ::cuda_std::panic::enter_kernel(#id);
                    #function(#(#arguments),*)
                }
            }
        };
    }
}

/// FNV-1a of the name: what a panicking kernel leaves behind to say which one it was.
fn kernel_id(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash: u32, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}
