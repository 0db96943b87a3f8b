//! Which compute capability a kernel is being compiled for.

macro_rules! compute_capabilities {
    ($($name:ident = $arch:literal, $text:literal;)*) => {
        /// A compute capability; later ones are greater.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ComputeCapability {
            $(
                #[doc = $text]
                $name,
            )*
        }

        #[cfg(any(test, target_arch = "nvptx64"))]
        impl ComputeCapability {
            /// The capability that `CUDA_ARCH`'s form of it names: "800" is 8.0.
            const fn from_arch(arch: &str) -> Option<ComputeCapability> {
                // No `match`, since strings cannot be compared in constants.
                const fn equal(a: &str, b: &str) -> bool {
                    let (a, b) = (a.as_bytes(), b.as_bytes());
                    if a.len() != b.len() {
                        return false;
                    }
                    let mut idx = 0;
                    while idx < a.len() {
                        if a[idx] != b[idx] {
                            return false;
                        }
                        idx += 1;
                    }
                    true
                }
                $(
                    if equal(arch, $arch) {
                        return Some(ComputeCapability::$name);
                    }
                )*
                None
            }
        }
    };
}

compute_capabilities! {
    Compute35 = "350", "3.5, Kepler";
    Compute37 = "370", "3.7, Kepler";
    Compute50 = "500", "5.0, Maxwell";
    Compute52 = "520", "5.2, Maxwell";
    Compute53 = "530", "5.3, Maxwell";
    Compute60 = "600", "6.0, Pascal";
    Compute61 = "610", "6.1, Pascal";
    Compute62 = "620", "6.2, Pascal";
    Compute70 = "700", "7.0, Volta";
    Compute72 = "720", "7.2, Volta";
    Compute75 = "750", "7.5, Turing";
    Compute80 = "800", "8.0, Ampere";
    Compute86 = "860", "8.6, Ampere";
    Compute87 = "870", "8.7, Ampere";
    Compute88 = "880", "8.8, Ampere";
    Compute89 = "890", "8.9, Ada";
    Compute90 = "900", "9.0, Hopper";
    Compute100 = "1000", "10.0, Blackwell";
    Compute103 = "1030", "10.3, Blackwell";
    Compute110 = "1100", "11.0, Blackwell";
    Compute120 = "1200", "12.0, Blackwell";
    Compute121 = "1210", "12.1, Blackwell";
}

/// Known while compiling, so that a comparison leaves one path in the kernel.
#[cfg(target_arch = "nvptx64")]
const CURRENT: ComputeCapability = {
    let arch = match option_env!("CUDA_ARCH") {
        Some(arch) => arch,
        None => panic!("CUDA_ARCH is not set: kernels are compiled by cuda_builder, which sets it"),
    };
    match ComputeCapability::from_arch(arch) {
        Some(capability) => capability,
        None => panic!("CUDA_ARCH is no compute capability: expected one like 800, for 8.0"),
    }
};

impl ComputeCapability {
    /// The compute capability that the kernel is compiled for, from the environment variable
    /// `CUDA_ARCH` that `cuda_builder` sets. It is a constant to the compiler: of an `if` that
    /// compares it only one branch stays.
    ///
    /// ```
    /// use cuda_std::cfg::ComputeCapability;
    ///
    /// fn has_reduce_instructions() -> bool {
    ///     ComputeCapability::from_cuda_arch_env() >= ComputeCapability::Compute80
    /// }
    /// ```
    #[inline(always)]
    pub fn from_cuda_arch_env() -> ComputeCapability {
        #[cfg(target_arch = "nvptx64")]
        return CURRENT;
        #[cfg(not(target_arch = "nvptx64"))]
        crate::only_on_device("cfg::ComputeCapability::from_cuda_arch_env")
    }
}

#[cfg(test)]
mod tests {
    use super::ComputeCapability;

    #[test]
    fn arch_names_are_read() {
        let read = ComputeCapability::from_arch;
        assert_eq!(read("350"), Some(ComputeCapability::Compute35));
        assert_eq!(read("1000"), Some(ComputeCapability::Compute100));
        assert_eq!([read("100"), read("801"), read("")], [None; 3]);
        assert!(ComputeCapability::Compute90 < ComputeCapability::Compute100);
    }
}
