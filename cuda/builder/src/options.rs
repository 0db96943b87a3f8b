//! What a build may choose, as flags for the compiler, settings of cargo's profile, and a hash.

use sha2::{Digest, Sha256};

use crate::Panics;

/// What PTX says of the source lines that it was compiled from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DebugInfo {
    /// Nothing.
    None,
    /// The file, line and column of each instruction, for profilers, debuggers and simulators; and
    /// for what was inlined, in a comment, where each of the functions around it was called. The
    /// instructions are the same as without.
    #[default]
    LineTables,
}

/// For every crate, `core` among them.
const FLAGS: [&str; 4] = [
    // It may copy a barrier into the two arms of a branch (rust-lang/rust#137086).
    "-Zmir-enable-passes=-JumpThreading",
    // Crates for Rust-CUDA leave this to their builder, others say it themselves.
    "-Zcrate-attr=no_std",
    "-Aunused_attributes",
    // The builder sets `target_feature = "compute_80"` and the like.
    "-Aexplicit_builtin_cfgs_in_flags",
];

/// Everything but the crate, the levels and where the results go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    pub release: bool,
    pub optimize: bool,
    pub line_info: bool,
    pub debug: DebugInfo,
    pub panics: Panics,
    pub ftz: bool,
    pub fast_sqrt: bool,
    pub fast_div: bool,
    pub fma_contraction: bool,
    pub optix: bool,
    pub llvm_ir: bool,
    pub bitcode: bool,
    pub verbose: bool,
    pub build_args: Vec<String>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            release: true,
            optimize: true,
            line_info: true,
            debug: DebugInfo::default(),
            panics: Panics::default(),
            ftz: false,
            fast_sqrt: false,
            fast_div: false,
            fma_contraction: true,
            optix: false,
            llvm_ir: false,
            bitcode: false,
            verbose: false,
            build_args: Vec::new(),
        }
    }
}

impl Options {
    /// Flags for every crate's compiler. Other flags are another build of `core`.
    pub fn flags(&self) -> Vec<String> {
        let mut flags = FLAGS.map(str::to_owned).to_vec();
        if self.optix {
            flags.extend(
                [
                    "--cfg=optix",
                    "--check-cfg=cfg(optix)",
                    "-Zunstable-options",
                    "-Cpanic=immediate-abort",
                ]
                .map(str::to_owned),
            );
        }
        flags
    }

    /// Flags for the compiler of the kernel crate, which generates the code of all crates.
    pub fn codegen_flags(&self) -> Vec<String> {
        let mut llvm = Vec::new();
        if self.fma_contraction {
            llvm.push("-nvptx-fma-level=2");
        }
        if self.fast_div {
            // `div.full`, as nvcc's -prec-div=false.
            llvm.push("-nvptx-prec-divf32=1");
        }
        if self.fast_sqrt {
            llvm.push("-nvptx-prec-sqrtf32=0");
        }
        let mut flags = Vec::new();
        if !llvm.is_empty() {
            flags.push(format!("-Cllvm-args={}", llvm.join(" ")));
        }
        if self.has_lines() {
            // Only the comment beside a `.loc` names the callers of an inlined function.
            flags.push("-Zverbose-asm".to_owned());
        }
        flags
    }

    /// Whether the PTX names source lines.
    pub fn has_lines(&self) -> bool {
        self.debug == DebugInfo::LineTables && self.line_info
    }

    /// Cargo's name for the profile.
    fn profile(&self) -> &'static str {
        if self.release { "release" } else { "dev" }
    }

    /// Settings of that profile, as `--config` takes them.
    ///
    /// All crates are in one module: what a kernel calls is inlined or linked into its PTX. Without
    /// any optimization unused functions of `core` would stay, and call what the target lacks.
    pub fn settings(&self) -> Vec<String> {
        let is_optimized = self.release && self.optimize;
        // More than these lines, and ptxas refuses the PTX.
        let debug = if self.has_lines() {
            "\"line-directives-only\""
        } else {
            "false"
        };
        let checks = (!self.release).to_string();
        [
            ("opt-level", if is_optimized { "3" } else { "1" }),
            ("lto", "\"fat\""),
            ("codegen-units", "1"),
            ("panic", "\"abort\""),
            ("debug-assertions", &checks),
            ("overflow-checks", &checks),
            ("debug", debug),
        ]
        .map(|(name, value)| format!("profile.{}.{name}={value}", self.profile()))
        .to_vec()
    }

    /// Arguments for cargo that also say which crates are compiled with which features, so that
    /// `cargo metadata` needs them too.
    pub fn metadata_args(&self) -> Vec<&str> {
        const ALONE: [&str; 3] = ["--all-features", "--no-default-features", "--locked"];
        const WITH_VALUE: [&str; 3] = ["--features", "-F", "--config"];
        let mut found = Vec::new();
        let mut arguments = self.build_args.iter().map(String::as_str);
        while let Some(argument) = arguments.next() {
            let begins_with = |name: &&str| argument.starts_with(&format!("{name}="));
            let is_short = argument.starts_with("-F") && argument.len() > 2;
            if ALONE.contains(&argument) || WITH_VALUE.iter().any(begins_with) || is_short {
                found.push(argument);
            } else if WITH_VALUE.contains(&argument) {
                found.push(argument);
                found.extend(arguments.next());
            }
        }
        found
    }

    /// What the PTX depends on.
    pub fn hash_into(&self, hash: &mut Sha256) {
        let texts = self
            .flags()
            .into_iter()
            .chain(self.codegen_flags())
            .chain(self.settings())
            .chain(self.build_args.iter().cloned())
            .chain([
                format!("panics={}", self.panics.name()),
                format!("ftz={}", self.ftz),
            ]);
        for text in texts {
            hash.update(text.as_bytes());
            hash.update([0]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Options;

    #[test]
    fn metadata_takes_what_chooses_crates() {
        let options = Options {
            build_args: [
                "--features",
                "a,b",
                "-v",
                "--features=c",
                "-Fd",
                "--jobs",
                "2",
                "-F",
                "e",
                "--locked",
            ]
            .map(str::to_owned)
            .to_vec(),
            ..Options::default()
        };
        assert_eq!(
            options.metadata_args(),
            [
                "--features",
                "a,b",
                "--features=c",
                "-Fd",
                "-F",
                "e",
                "--locked"
            ]
        );
    }
}
