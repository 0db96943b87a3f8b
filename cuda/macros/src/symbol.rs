//! The symbols of items: those that the source gives them, and those that the macros do.

use std::sync::atomic::{AtomicUsize, Ordering};

use syn::{Attribute, Expr, ExprLit, Ident, Lit, Meta};

/// The symbol that an attribute gives an item, if it is one of those that do.
pub fn exported_name(attribute: &Attribute, ident: &Ident) -> Option<String> {
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

/// The crate's name, the item's, and a running number. One process expands one crate's macros in
/// a fixed order, so the same source gives the same names.
pub fn unique_name(item: &str) -> String {
    static N_NAMES: AtomicUsize = AtomicUsize::new(0);
    let crate_name = std::env::var("CARGO_CRATE_NAME").unwrap_or_default();
    let idx = N_NAMES.fetch_add(1, Ordering::Relaxed);
    format!("{crate_name}_{item}_{idx}")
}
