//! Programs on the crate `cudarc`: the examples that it is published with, whose text is read from where
//! cargo has the crate, and one of ours. `tests/programs.rs` runs them on the library.
#![allow(missing_docs, clippy::all, clippy::undocumented_unsafe_blocks)]

mod ours;

/// The published examples, each with its own `main`.
macro_rules! published {
    ($($module:ident = $name:literal;)*) => {
        $(
            mod $module {
                include!(concat!(env!("CUDARC"), "/examples/", $name, ".rs"));

                pub fn run() {
                    main().expect("the example succeeds");
                }
            }
        )*

        fn run(name: &str) {
            match name {
                $($name => $module::run(),)*
                "ours" => ours::run(),
                _ => panic!("there is no example {name}"),
            }
        }
    };
}

published! {
    allocate = "01-allocate";
    copy = "02-copy";
    launch_kernel = "03-launch-kernel";
    streams = "04-streams";
    function_attributes = "10-function-attributes";
    context_config = "12-context-config";
}

fn main() {
    run(&std::env::args().nth(1).expect("the name of an example"));
}
