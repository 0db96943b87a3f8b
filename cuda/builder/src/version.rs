//! The version of PTX that a module says it is written in.

/// What LLVM does not know since it stands in inline assembly: an instruction, and the first version
/// that has it.
const NEWER: [(&str, (u32, u32)); 1] = [("mbarrier.test_wait.parity.", (7, 1))];

/// The PTX with a `.version` that has all of its instructions. LLVM writes the first version that knows
/// the level: 7.0 for `sm_80`.
pub fn raise(ptx: String) -> String {
    let Some((start, rest)) = ptx.split_once(".version ") else {
        return ptx;
    };
    let Some((version, rest)) = rest.split_once('\n') else {
        return ptx;
    };
    let written = version
        .trim()
        .split_once('.')
        .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    let needed = NEWER
        .iter()
        .filter(|(instruction, _)| rest.contains(instruction))
        .map(|(_, version)| *version)
        .max();
    match (written, needed) {
        (Some(written), Some(needed)) if written < needed => {
            format!("{start}.version {}.{}\n{rest}", needed.0, needed.1)
        }
        _ => ptx,
    }
}

#[cfg(test)]
mod tests {
    use super::raise;

    fn module(version: &str, instruction: &str) -> String {
        format!("//\n\n.version {version}\n.target sm_80\n\n\t{instruction};\n")
    }

    #[test]
    fn only_what_is_newer_raises_the_version() {
        let parity = "mbarrier.test_wait.parity.shared.b64 %p, [%b], %r";
        for (version, instruction, expected) in [
            ("7.0", parity, "7.1"),
            ("7.1", parity, "7.1"),
            ("8.6", parity, "8.6"),
            ("7.0", "mbarrier.test_wait.shared.b64 %p, [%b], %rd", "7.0"),
        ] {
            let raised = raise(module(version, instruction));
            assert_eq!(raised, module(expected, instruction));
        }
        assert_eq!(raise("no PTX".to_owned()), "no PTX");
    }
}
