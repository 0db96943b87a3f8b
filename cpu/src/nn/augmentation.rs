//! What becomes of images before a model is trained with them.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::backend::Distortion;
use crate::{Error, Result};

/// How far the images of a batch are distorted at most, each in its own way that is drawn anew in every
/// step. See [`gpu::augmentation`] for the formulas.
///
/// ```
/// use cpu::nn::Augmentation;
///
/// # fn main() -> cpu::Result<()> {
/// let augmentation: Augmentation = "shift=2,rotate=10".parse()?;
/// assert_eq!(augmentation.rotate, 10.0);
/// assert_eq!(augmentation.elastic, 0.0);
/// assert!("rotate=400".parse::<Augmentation>().is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Augmentation {
    /// Pixels that an image is shifted by, along each axis.
    pub shift: f32,
    /// Degrees that it is turned by.
    pub rotate: f32,
    /// Part of its sides that it is stretched or shrunk by, along each axis.
    pub scale: f32,
    /// Columns per row that it is sheared by.
    pub shear: f32,
    /// Pixels that points of it are moved by, along each axis, with all between them.
    pub elastic: f32,
}

impl Augmentation {
    /// Leaves images as they are.
    pub const NONE: Augmentation = Augmentation {
        shift: 0.0,
        rotate: 0.0,
        scale: 0.0,
        shear: 0.0,
        elastic: 0.0,
    };

    /// What handwritten digits of 28 x 28 pixels stand and stay what they are.
    pub const DIGITS: Augmentation = Augmentation {
        shift: 2.0,
        rotate: 10.0,
        scale: 0.1,
        shear: 0.1,
        elastic: 3.0,
    };

    /// The settings, each with its name and the largest value that it may have.
    fn settings(&mut self) -> [(&'static str, &mut f32, f32); 5] {
        [
            ("shift", &mut self.shift, 1000.0),
            ("rotate", &mut self.rotate, 180.0),
            ("scale", &mut self.scale, 0.9),
            ("shear", &mut self.shear, 2.0),
            ("elastic", &mut self.elastic, 1000.0),
        ]
    }

    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// If one is negative, too large or not a number; the error names it.
    pub fn check(mut self) -> Result<()> {
        for (name, value, largest) in self.settings() {
            if !(0.0..=largest).contains(value) {
                return Err(Error::Input(format!(
                    "the augmentation's {name} is {value}, it must be from 0 to {largest}"
                )));
            }
        }
        Ok(())
    }

    /// The same as devices take it.
    ///
    /// # Errors
    ///
    /// See [`Self::check`].
    pub fn distortion(self) -> Result<Distortion> {
        self.check()?;
        let Augmentation {
            shift,
            rotate,
            scale,
            shear,
            elastic,
        } = self;
        Ok(Distortion {
            shift,
            rotation: rotate.to_radians(),
            scale,
            shear,
            elastic,
        })
    }
}

/// `shift=2,rotate=10`: what is not named is 0.
impl FromStr for Augmentation {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut augmentation = Augmentation::NONE;
        let mut named = Vec::new();
        for part in text.split(',') {
            let refuse = |reason: &str| {
                Error::Input(format!(
                    "`{part}`: {reason}; expected settings such as shift=2,rotate=10,scale=0.1,\
                     shear=0.05,elastic=1.5"
                ))
            };
            let (name, number) = part.split_once('=').ok_or_else(|| refuse("no `=`"))?;
            let number = number.parse().map_err(|_| refuse("no number"))?;
            let mut settings = augmentation.settings().into_iter();
            let (name, value, _) = settings
                .find(|(known, ..)| *known == name)
                .ok_or_else(|| refuse("no setting of this name"))?;
            if named.contains(&name) {
                return Err(refuse("named twice"));
            }
            *value = number;
            named.push(name);
        }
        augmentation.check()?;
        Ok(augmentation)
    }
}

/// As it is parsed.
impl std::fmt::Display for Augmentation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut copy = *self;
        let settings = copy
            .settings()
            .map(|(name, value, _)| format!("{name}={value}"));
        f.write_str(&settings.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_setting_is_refused() {
        for (text, reason) in [
            ("", "no `=`"),
            ("shift", "no `=`"),
            ("shift=", "no number"),
            ("shift=two", "no number"),
            ("shift=1,", "no `=`"),
            ("zoom=1", "no setting"),
            ("shift=1,shift=2", "named twice"),
            ("shift=-1", "from 0 to 1000"),
            ("shift=NaN", "from 0 to 1000"),
            ("scale=1", "from 0 to 0.9"),
            ("elastic=inf", "from 0 to 1000"),
        ] {
            let error = text.parse::<Augmentation>().unwrap_err();
            assert_eq!(error.exit_code(), 2, "{error}");
            assert!(error.to_string().contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn it_is_written_as_it_is_parsed() {
        let text = Augmentation::DIGITS.to_string();
        assert_eq!(text.parse::<Augmentation>().unwrap(), Augmentation::DIGITS);
    }
}
