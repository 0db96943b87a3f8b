//! `#[kernel]`: an entry point on the device, a typed signature on the host.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Error, FnArg, Ident, ItemFn, Lifetime, Pat, Result, ReturnType, Type};

/// How a parameter crosses from host to device.
enum Lowering {
    /// As it is.
    Value,
    /// `&[T]`: a pointer and a length.
    Slice { element: Box<Type> },
    /// `PerThread<T>` or `DisjointSlice<T>`: a pointer and a length.
    Output { element: Box<Type> },
}

struct Parameter {
    name: Ident,
    ty: Type,
    lowering: Lowering,
}

pub fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    if !arguments.is_empty() {
        return Err(Error::new(arguments.span(), "#[kernel] takes no arguments"));
    }
    let function: ItemFn = syn::parse2(item)?;
    check_signature(&function)?;
    let parameters = function
        .sig
        .inputs
        .iter()
        .map(parameter)
        .collect::<Result<Vec<_>>>()?;

    let device = device_entry(&function, &parameters);
    let host = host_signature(&function, &parameters);
    Ok(quote! {
        #device
        #host
    })
}

fn check_signature(function: &ItemFn) -> Result<()> {
    let signature = &function.sig;
    let refuse = |span: Span, message: &str| Err(Error::new(span, message));
    if !signature.generics.params.is_empty() {
        return refuse(
            signature.generics.span(),
            "a kernel cannot be generic: an entry point has one set of types",
        );
    }
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

fn parameter(argument: &FnArg) -> Result<Parameter> {
    let FnArg::Typed(typed) = argument else {
        return Err(Error::new(argument.span(), "a kernel is not a method"));
    };
    let Pat::Ident(pattern) = &*typed.pat else {
        return Err(Error::new(
            typed.pat.span(),
            "a kernel's parameter has a plain name: it is a field's name on the host",
        ));
    };
    Ok(Parameter {
        name: pattern.ident.clone(),
        lowering: lowering(&typed.ty)?,
        ty: (*typed.ty).clone(),
    })
}

fn lowering(ty: &Type) -> Result<Lowering> {
    match ty {
        Type::Reference(reference) => match &*reference.elem {
            Type::Slice(_) if reference.mutability.is_some() => Err(Error::new(
                ty.span(),
                "every thread would hold the same `&mut` slice: take a `PerThread<T>`, \
                 a `DisjointSlice<T>` or a `*mut T`",
            )),
            Type::Slice(slice) => Ok(Lowering::Slice {
                element: slice.elem.clone(),
            }),
            _ => Err(Error::new(
                ty.span(),
                "a reference to one value cannot be passed to a kernel: pass the value, \
                 or a slice of length 1",
            )),
        },
        Type::Path(path) => {
            let Some(segment) = path.path.segments.last() else {
                return Ok(Lowering::Value);
            };
            if segment.ident != "PerThread" && segment.ident != "DisjointSlice" {
                return Ok(Lowering::Value);
            }
            let element = match &segment.arguments {
                syn::PathArguments::AngleBracketed(arguments) if arguments.args.len() == 1 => {
                    match &arguments.args[0] {
                        syn::GenericArgument::Type(element) => Some(element.clone()),
                        _ => None,
                    }
                }
                _ => None,
            };
            let element = element
                .ok_or_else(|| Error::new(ty.span(), format!("write `{}<T>`", segment.ident)))?;
            Ok(Lowering::Output {
                element: Box::new(element),
            })
        }
        _ => Ok(Lowering::Value),
    }
}

/// `extern "ptx-kernel"` around the function as it was written.
fn device_entry(function: &ItemFn, parameters: &[Parameter]) -> TokenStream {
    let name = &function.sig.ident;
    let visibility = &function.vis;
    let attributes = &function.attrs;
    let body = inner_function(function);
    let id = kernel_id(&name.to_string());

    let mut raw_parameters = Vec::new();
    let mut arguments = Vec::new();
    for parameter in parameters {
        let Parameter { name, ty, lowering } = parameter;
        let n_elements = format_ident!("{name}_len");
        match lowering {
            Lowering::Value => {
                raw_parameters.push(quote!(#name: #ty));
                arguments.push(quote!(#name));
            }
            Lowering::Slice { element } => {
                raw_parameters.push(quote!(#name: *const #element, #n_elements: usize));
                arguments.push(quote!(::core::slice::from_raw_parts(#name, #n_elements)));
            }
            Lowering::Output { element } => {
                raw_parameters.push(quote!(#name: *mut #element, #n_elements: usize));
                arguments.push(quote!(<#ty>::from_raw_parts(#name, #n_elements)));
            }
        }
    }
    quote! {
        #[cfg(target_arch = "nvptx64")]
        #(#attributes)*
        #[unsafe(no_mangle)]
        #[allow(clippy::too_many_arguments)]
        #visibility unsafe extern "ptx-kernel" fn #name(#(#raw_parameters),*) {
            #body
            // SAFETY: whoever launches a kernel vouches for its arguments: the typed signature
            // makes pointer and length those of one live buffer that nothing else writes.
            #[allow(unused_unsafe)]
            unsafe {
                ::cuda_std::panic::enter_kernel(#id);
                #name(#(#arguments),*)
            }
        }
    }
}

/// A struct whose fields are the parameters, and the function itself, never called.
fn host_signature(function: &ItemFn, parameters: &[Parameter]) -> TokenStream {
    let name = &function.sig.ident;
    let visibility = &function.vis;
    let name_string = name.to_string();
    let id = kernel_id(&name_string);
    let documentation: Vec<_> = function
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("doc"))
        .collect();
    let body = inner_function(function);
    // Two kernels of one name define this macro twice, which no module can hide.
    let reservation = format_ident!("kernel_{name}_is_defined_once");

    let mut fields = Vec::new();
    let mut words = Vec::new();
    for parameter in parameters {
        let field = &parameter.name;
        let field_doc = format!("The kernel's parameter `{field}`.");
        let mut ty = parameter.ty.clone();
        StaticLifetimes.visit_type_mut(&mut ty);
        // An unfit type is underlined where the kernel names it.
        let argument = quote_spanned! {parameter.ty.span()=>
            <#ty as ::cuda_std::kernel::KernelParameter>::Argument<'launch>
        };
        fields.push(quote! {
            #[doc = #field_doc]
            pub #field: #argument
        });
        let n_words: usize = match parameter.lowering {
            Lowering::Value => 1,
            Lowering::Slice { .. } | Lowering::Output { .. } => 2,
        };
        for word_idx in 0..n_words {
            words.push(quote! {
                ::cuda_std::kernel::KernelArgument::word(&self.#field, #word_idx)
            });
        }
    }
    let n_words = words.len();
    let (generics, phantom) = if parameters.is_empty() {
        (quote!(), quote!())
    } else {
        (quote!(<'launch>), quote!(<'_>))
    };
    quote! {
        #[cfg(not(target_arch = "nvptx64"))]
        #(#documentation)*
        #[allow(non_camel_case_types)]
        #visibility struct #name #generics { #(#fields),* }

        #[cfg(not(target_arch = "nvptx64"))]
        const _: () = {
            // SAFETY: the name is the entry point's, and the words are its parameters in order,
            // each of the type that the device reads.
            unsafe impl ::cuda_std::kernel::Kernel for #name #phantom {
                const NAME: &'static str = #name_string;
                const ID: u32 = #id;
                type Words = [*const ::core::ffi::c_void; #n_words];
                fn words(&self) -> Self::Words {
                    [#(#words),*]
                }
            }

            #[allow(dead_code, clippy::too_many_arguments)]
            #body
        };

        #[cfg(not(target_arch = "nvptx64"))]
        #[doc(hidden)]
        #[macro_export]
        #[allow(non_local_definitions)]
        macro_rules! #reservation { () => {}; }
    }
}

/// The function without its attributes, to be nested where only we call it.
fn inner_function(function: &ItemFn) -> ItemFn {
    let mut inner = function.clone();
    inner.vis = syn::Visibility::Inherited;
    inner
        .attrs
        .retain(|attribute| !attribute.path().is_ident("doc"));
    inner.attrs.push(syn::parse_quote!(#[inline(always)]));
    inner
}

/// FNV-1a of the name: what a panicking kernel leaves behind to say which one it was.
fn kernel_id(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash: u32, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

/// Names every elided lifetime `'static`: a struct's field cannot elide it.
struct StaticLifetimes;

impl VisitMut for StaticLifetimes {
    fn visit_type_reference_mut(&mut self, reference: &mut syn::TypeReference) {
        reference.lifetime = Some(Lifetime::new("'static", Span::call_site()));
        visit_mut::visit_type_reference_mut(self, reference);
    }

    fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
        if lifetime.ident == "_" {
            *lifetime = Lifetime::new("'static", lifetime.span());
        }
    }
}
