//! How a profile is written, and where to.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::Profile;

/// How a profile is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ProfileFormat {
    /// A table for each kernel.
    Table,
    /// The tables, and the source with what its lines did.
    Lines,
    /// JSON.
    Json,
}

/// How and where to a profile is written: `table`, `lines` or `json`, and behind a colon a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProfileOutput {
    /// How.
    pub format: ProfileFormat,
    /// Where to, if not to where the program writes.
    pub file: Option<PathBuf>,
}

impl FromStr for ProfileOutput {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (format, file) = match text.split_once(':') {
            Some((format, file)) => (format, Some(file)),
            None => (text, None),
        };
        let format = match format {
            "table" => ProfileFormat::Table,
            "lines" => ProfileFormat::Lines,
            "json" => ProfileFormat::Json,
            _ => {
                return Err(format!(
                    "`{text}` is no way to write counters: expected table, lines or json, and for a \
                     file its name behind a colon, as in json:counters.json"
                ));
            }
        };
        if file == Some("") {
            return Err(format!("`{text}` has no file's name behind its colon"));
        }
        Ok(Self {
            format,
            file: file.map(PathBuf::from),
        })
    }
}

impl ProfileOutput {
    /// The environment variable that asks for counters of any program that runs on the simulator.
    pub const VARIABLE: &str = "CUDA_SIM_PROFILE";

    /// What the environment asks for, if it does.
    ///
    /// # Errors
    ///
    /// The sentence names the variable, what it holds and what it may hold.
    pub fn from_env() -> Result<Option<Self>, String> {
        Self::from_value(std::env::var(Self::VARIABLE).ok())
    }

    pub(crate) fn from_value(value: Option<String>) -> Result<Option<Self>, String> {
        let value = value.filter(|value| !value.is_empty());
        let output = value.map(|value| value.parse()).transpose();
        output.map_err(|error| format!("{}: {error}", Self::VARIABLE))
    }

    /// Asks ptxas, if there is one, and writes the profile: into the file, whose folder must be there,
    /// or else returns it for the caller to write. Source files are looked for in `root`.
    ///
    /// # Errors
    ///
    /// The file cannot be written.
    pub fn write(&self, mut profile: Profile, root: &Path) -> Result<Option<String>, String> {
        let mut complaint = String::new();
        if let Some(ptxas) = Profile::find_ptxas()
            && let Err(error) = profile.ask_ptxas(&ptxas)
        {
            complaint = format!("registers and occupancy are not known: {error}\n");
        }
        let text = match self.format {
            ProfileFormat::Table => format!("{profile}{complaint}"),
            ProfileFormat::Lines => format!("{profile}{complaint}{}", profile.listing(root)),
            ProfileFormat::Json => profile.to_json() + "\n",
        };
        let Some(file) = &self.file else {
            return Ok(Some(text));
        };
        let mut partial = file.clone().into_os_string();
        partial.push(".partial");
        let written = fs::write(&partial, text).and_then(|()| fs::rename(&partial, file));
        written.map_err(|error| {
            format!(
                "the counters cannot be written to {}: {error}",
                file.display()
            )
        })?;
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_read() {
        let output = |format, file: Option<&str>| {
            Ok(ProfileOutput {
                format,
                file: file.map(PathBuf::from),
            })
        };
        assert_eq!("table".parse(), output(ProfileFormat::Table, None));
        assert_eq!("json:a:b".parse(), output(ProfileFormat::Json, Some("a:b")));
        for text in ["", "1", "xml", "lines:"] {
            let error = text.parse::<ProfileOutput>().unwrap_err();
            assert!(error.contains(&format!("`{text}`")), "{error}");
        }
        assert_eq!(ProfileOutput::from_value(Some(String::new())), Ok(None));
        let error = ProfileOutput::from_value(Some("yes".to_owned())).unwrap_err();
        assert!(error.starts_with("CUDA_SIM_PROFILE: `yes`"), "{error}");
    }
}
