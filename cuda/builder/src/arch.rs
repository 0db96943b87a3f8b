//! Compute capabilities that PTX is compiled for.

use std::fmt;

macro_rules! archs {
    ($($sm:ident $compute:ident = $level:literal $form:ident, $text:literal;)*) => {
        /// What PTX is compiled for: a device runs the PTX of its own compute capability or a lower
        /// one.
        ///
        /// That of a form with a letter uses what only some devices have: `Sm90a` runs on 9.0 alone,
        /// `Sm100f` on 10.0 and later devices of the family 10. Rust-CUDA's names,
        /// `NvvmArch::Compute90a`, mean the same.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Arch {
            $(
                #[doc = $text]
                $sm,
            )*
        }

        /// Rust-CUDA's names.
        #[allow(non_upper_case_globals, reason = "Rust-CUDA has them as variants")]
        impl Arch {
            $(
                #[doc = $text]
                pub const $compute: Arch = Arch::$sm;
            )*
        }

        impl Arch {
            /// All of them, in rising order.
            pub const ALL: &[Arch] = &[$(Arch::$sm),*];

            fn parts(self) -> (u32, Form) {
                match self {
                    $(Arch::$sm => ($level, Form::$form),)*
                }
            }
        }
    };
}

archs! {
    Sm35 Compute35 = 35 Base, "Kepler (Tesla K40).";
    Sm37 Compute37 = 37 Base, "Kepler (Tesla K80).";
    Sm50 Compute50 = 50 Base, "Maxwell (GeForce GTX 750).";
    Sm52 Compute52 = 52 Base, "Maxwell (GeForce GTX 900).";
    Sm53 Compute53 = 53 Base, "Maxwell (Jetson TX1).";
    Sm60 Compute60 = 60 Base, "Pascal (Tesla P100).";
    Sm61 Compute61 = 61 Base, "Pascal (GeForce GTX 10).";
    Sm62 Compute62 = 62 Base, "Pascal (Jetson TX2).";
    Sm70 Compute70 = 70 Base, "Volta (V100).";
    Sm72 Compute72 = 72 Base, "Volta (Jetson Xavier).";
    Sm75 Compute75 = 75 Base, "Turing (T4, GeForce RTX 20).";
    Sm80 Compute80 = 80 Base, "Ampere (A100).";
    Sm86 Compute86 = 86 Base, "Ampere (A10, GeForce RTX 30).";
    Sm87 Compute87 = 87 Base, "Ampere (Jetson Orin).";
    Sm88 Compute88 = 88 Base, "Ampere.";
    Sm89 Compute89 = 89 Base, "Ada (L4, GeForce RTX 40).";
    Sm90 Compute90 = 90 Base, "Hopper (H100).";
    Sm90a Compute90a = 90 Exact, "Hopper alone, with all that it has.";
    Sm100 Compute100 = 100 Base, "Blackwell (B200).";
    Sm100f Compute100f = 100 Family, "Blackwell (B200) and its family.";
    Sm100a Compute100a = 100 Exact, "Blackwell (B200) alone.";
    Sm101 Compute101 = 101 Base, "Blackwell (Jetson Thor), by the name that it had before CUDA 13.";
    Sm101f Compute101f = 101 Family, "Blackwell (Jetson Thor) and its family, by the older name.";
    Sm101a Compute101a = 101 Exact, "Blackwell (Jetson Thor) alone, by the older name.";
    Sm103 Compute103 = 103 Base, "Blackwell (B300).";
    Sm103f Compute103f = 103 Family, "Blackwell (B300) and its family.";
    Sm103a Compute103a = 103 Exact, "Blackwell (B300) alone.";
    Sm110 Compute110 = 110 Base, "Blackwell (Jetson Thor).";
    Sm110f Compute110f = 110 Family, "Blackwell (Jetson Thor) and its family.";
    Sm110a Compute110a = 110 Exact, "Blackwell (Jetson Thor) alone.";
    Sm120 Compute120 = 120 Base, "Blackwell (GeForce RTX 50).";
    Sm120f Compute120f = 120 Family, "Blackwell (GeForce RTX 50) and its family.";
    Sm120a Compute120a = 120 Exact, "Blackwell (GeForce RTX 50) alone.";
    Sm121 Compute121 = 121 Base, "Blackwell (DGX Spark).";
    Sm121f Compute121f = 121 Family, "Blackwell (DGX Spark) and its family.";
    Sm121a Compute121a = 121 Exact, "Blackwell (DGX Spark) alone.";
}

/// Which devices run the PTX.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// All later ones.
    Base,
    /// Later ones of the same major version.
    Family,
    /// Those of this very capability.
    Exact,
}

impl Form {
    fn suffix(self) -> &'static str {
        match self {
            Form::Base => "",
            Form::Family => "f",
            Form::Exact => "a",
        }
    }
}

impl Arch {
    /// The compute capability as one number: 80 for 8.0.
    pub fn level(self) -> u32 {
        self.parts().0
    }

    /// The same as [`Arch::level`], by Rust-CUDA's name.
    pub fn capability_value(self) -> u32 {
        self.level()
    }

    /// 8 for 8.6.
    pub fn major_version(self) -> u32 {
        self.level() / 10
    }

    /// 6 for 8.6.
    pub fn minor_version(self) -> u32 {
        self.level() % 10
    }

    /// What a kernel asks for by `#[cfg(target_feature = "compute_90a")]`.
    pub fn target_feature(self) -> String {
        let (level, form) = self.parts();
        format!("compute_{level}{}", form.suffix())
    }

    /// What kernels that are compiled for this have: each lower or equal capability, the families
    /// that it belongs to if it is one of a family or exact, and itself.
    pub fn all_target_features(self) -> Vec<String> {
        let (level, form) = self.parts();
        let is_included = |other: &&Arch| {
            let (other_level, other_form) = other.parts();
            match other_form {
                Form::Base => other_level <= level,
                Form::Family => {
                    form != Form::Base && other_level / 10 == level / 10 && other_level <= level
                }
                Form::Exact => **other == self,
            }
        };
        let included = Arch::ALL.iter().filter(is_included);
        included.map(|arch| arch.target_feature()).collect()
    }
}

/// Rust-CUDA's [`Arch::Compute61`] would be nearer to its users; today's drivers begin with this.
impl Default for Arch {
    fn default() -> Arch {
        Arch::Sm75
    }
}

impl fmt::Display for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (level, form) = self.parts();
        write!(f, "sm_{level}{}", form.suffix())
    }
}

#[cfg(test)]
mod tests {
    use super::Arch;

    #[test]
    fn names_levels_and_order_agree() {
        for arch in Arch::ALL {
            assert_eq!(format!("{arch:?}").replace("Sm", "sm_"), arch.to_string());
        }
        let levels: Vec<u32> = Arch::ALL.iter().map(|arch| arch.level()).collect();
        assert!(levels.is_sorted(), "{levels:?}");
        assert_eq!(Arch::Compute103a, Arch::Sm103a);
        assert_eq!(Arch::Sm103a.major_version(), 10);
        assert_eq!(Arch::Sm103a.minor_version(), 3);
    }

    #[test]
    fn features_are_those_of_lower_capabilities_and_of_the_family() {
        let features = |arch: Arch| arch.all_target_features().join(" ");
        assert_eq!(
            features(Arch::Sm60),
            "compute_35 compute_37 compute_50 compute_52 compute_53 compute_60"
        );
        assert!(features(Arch::Sm90a).ends_with("compute_89 compute_90 compute_90a"));
        assert!(features(Arch::Sm103).ends_with("compute_90 compute_100 compute_101 compute_103"));
        assert!(
            features(Arch::Sm103a)
                .ends_with("compute_100 compute_100f compute_101 compute_101f compute_103 compute_103f compute_103a")
        );
        assert!(!features(Arch::Sm120f).contains("compute_100f"));
    }
}
