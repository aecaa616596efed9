//! The file that keys are kept in over a restart.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::error::KeyringFileError;
use crate::key::Key;
use crate::keyring::Keyring;

/// A keyring, and the file that it is kept in, if any (`serf/local.keyring` in the data directory).
///
/// Invariant: what is in the file is what is in memory; where the file cannot be written, memory stays
/// as it was.
#[derive(Debug, Default)]
pub struct KeyringFile {
    keyring: Keyring,
    path: Option<PathBuf>,
}

// === impl KeyringFile ===

impl KeyringFile {
    /// A keyring in memory only (`disable_keyring_file`, or no encryption at all).
    #[must_use]
    pub const fn in_memory(keyring: Keyring) -> Self {
        Self {
            keyring,
            path: None,
        }
    }

    /// The keyring of the file, where there is one: it has what was rotated to, so it counts for more than
    /// the configured key. Otherwise a file is made of that key. Without either, nothing is encrypted.
    ///
    /// # Errors
    /// Where the file is of no use. It is never made anew: a key in it may be the only one left.
    pub fn open(path: &Path, configured: Option<Key>) -> Result<Self, KeyringFileError> {
        let file = |keyring| Self {
            keyring,
            path: Some(path.to_owned()),
        };
        match fs::read(path) {
            Ok(bytes) => Ok(file(parse(path, &bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => match configured {
                Some(key) => {
                    let made = file(Keyring::new(key));
                    made.write(&made.keyring)?;
                    Ok(made)
                }
                None => Ok(file(Keyring::default())),
            },
            Err(source) => Err(KeyringFileError::Read {
                path: path.to_owned(),
                source,
            }),
        }
    }

    /// The keys.
    #[must_use]
    pub const fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Changes the keys, in the file first.
    ///
    /// # Errors
    /// Where `change` refuses, or the file cannot be written. The keys are as they were then.
    pub fn change<E: From<KeyringFileError>>(
        &mut self,
        change: impl FnOnce(&mut Keyring) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut changed = self.keyring.clone();
        change(&mut changed)?;
        if changed != self.keyring {
            self.write(&changed)?;
            self.keyring = changed;
        }
        Ok(())
    }

    fn write(&self, keyring: &Keyring) -> Result<(), KeyringFileError> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let keys: Vec<&str> = keyring.keys().iter().map(Key::reveal).collect();
        let text = serde_json::json!(keys).to_string();
        replace(path, text.as_bytes()).map_err(|source| KeyringFileError::Write {
            path: path.clone(),
            source,
        })
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Keyring, KeyringFileError> {
    let texts: Vec<String> =
        serde_json::from_slice(bytes).map_err(|error| KeyringFileError::Format {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
    let keys = texts.iter().enumerate().map(|(at, text)| {
        Key::parse(text).map_err(|source| KeyringFileError::Key {
            path: path.to_owned(),
            number: at + 1,
            source,
        })
    });
    let keys: Vec<Key> = keys.collect::<Result<_, _>>()?;
    if keys.is_empty() {
        return Err(KeyringFileError::Empty(path.to_owned()));
    }
    Ok(Keyring::of(keys))
}

/// Puts a file in the place of the old one, so that there is always a whole one. Only its owner may read it.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    fs::create_dir_all(folder)?;
    let beside = path.with_extension("keyring.new");
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::KeyringError;
    use crate::keyring::tests::key;

    #[test]
    fn a_configured_key_makes_the_file_and_the_file_counts_for_more_later() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("serf/local.keyring");
        let mut file = KeyringFile::open(&path, Some(key(1))).unwrap();
        let rotate = |ring: &mut Keyring| -> Result<(), KeyringError> {
            ring.install(key(2))?;
            ring.use_key(&key(2))
        };
        file.change(rotate).unwrap();
        let again = KeyringFile::open(&path, Some(key(3))).unwrap();
        assert_eq!(again.keyring().keys(), [key(2), key(1)]);
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(
            text,
            format!("[\"{}\",\"{}\"]", key(2).reveal(), key(1).reveal())
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn without_a_key_and_a_file_none_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("local.keyring");
        assert_eq!(
            KeyringFile::open(&path, None).unwrap().keyring().primary(),
            None
        );
        assert!(!path.exists());
    }

    #[test]
    fn a_file_of_no_use_is_left_alone_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("local.keyring");
        for (text, expected) in [
            ("{", "no JSON list"),
            ("[]", "has no key"),
            ("[\"AAAA\"]", "key 1"),
        ] {
            fs::write(&path, text).unwrap();
            let error = KeyringFile::open(&path, Some(key(1)))
                .unwrap_err()
                .to_string();
            assert!(
                error.contains(expected) && error.contains("local.keyring"),
                "{error}"
            );
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn keys_that_cannot_be_kept_are_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("serf/local.keyring");
        let mut file = KeyringFile::open(&path, Some(key(1))).unwrap();
        fs::remove_dir_all(folder.path().join("serf")).unwrap();
        fs::write(folder.path().join("serf"), "in the way").unwrap();
        let changed: Result<(), KeyringError> = file.change(|ring| ring.install(key(2)));
        assert!(matches!(changed, Err(KeyringError::File(_))), "{changed:?}");
        assert_eq!(file.keyring().keys(), [key(1)]);
    }
}
