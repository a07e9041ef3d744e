//! JSON that says what it should be: a page with its own SHA-256.

use std::fs;
use std::path::Path;

use data_encoding::HEXLOWER;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::effect::Fault;
use crate::io::write_atomic;

/// What a file holds.
#[derive(Serialize, Deserialize)]
struct Sealed<T> {
    /// Of `content`, written without white space.
    sha256: String,
    content: T,
}

/// Writes a page, durable, whole or not at all. Returns its hash.
pub(super) fn write<T: Serialize>(path: &Path, content: &T) -> Result<String, Fault> {
    let (bytes, sha256) =
        page(content).map_err(|error| Fault::new("internal", format!("{}: {error}", path.display())))?;
    write_atomic(path, &bytes, 0o600).map_err(|error| Fault::io(path.display(), &error))?;
    Ok(sha256)
}

/// Reads a page with its hash. The error says why it is not what was written, byte for byte.
pub(super) fn read<T: Serialize + DeserializeOwned>(path: &Path) -> Result<(T, String), String> {
    let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let unreadable = |error: serde_json::Error| format!("{}: {error}", path.display());
    let Sealed { content, sha256 } = serde_json::from_slice(&bytes).map_err(unreadable)?;
    if page(&content).map_err(unreadable)? != (bytes, sha256.clone()) {
        return Err(format!("{} is not what was written", path.display()));
    }
    Ok((content, sha256))
}

fn page<T: Serialize>(content: &T) -> serde_json::Result<(Vec<u8>, String)> {
    let sha256 = hash(&serde_json::to_vec(content)?);
    let page = Sealed { sha256: sha256.clone(), content };
    Ok((serde_json::to_vec_pretty(&page)?, sha256))
}

/// SHA-256 in hexadecimal digits.
pub(super) fn hash(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_with_a_changed_byte_anywhere_or_a_cut_one_is_refused() {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("page.json");
        write(&path, &vec![("users".to_owned(), Some(17_u64)), ("a\"b".to_owned(), None)]).unwrap();
        let bytes = fs::read(&path).unwrap();
        for place in 0..bytes.len() {
            for bit in [1, 0x20, 0x41] {
                let mut damaged = bytes.clone();
                damaged[place] ^= bit;
                fs::write(&path, &damaged).unwrap();
                assert!(read::<Vec<(String, Option<u64>)>>(&path).is_err(), "byte {place}");
            }
        }
        for length in 0..bytes.len() {
            fs::write(&path, &bytes[..length]).unwrap();
            assert!(read::<Vec<(String, Option<u64>)>>(&path).is_err());
        }
    }

    #[test]
    fn a_page_comes_back_with_its_hash() {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("page.json");
        let sha256 = write(&path, &"content").unwrap();
        assert_eq!(read::<String>(&path).unwrap(), ("content".to_owned(), sha256));
    }
}
