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
    let unwritable = |error: serde_json::Error| Fault::new("internal", format!("{}: {error}", path.display()));
    let sha256 = hash(&serde_json::to_vec(content).map_err(unwritable)?);
    let page = Sealed { sha256: sha256.clone(), content };
    let bytes = serde_json::to_vec_pretty(&page).map_err(unwritable)?;
    write_atomic(path, &bytes, 0o600).map_err(|error| Fault::io(path.display(), &error))?;
    Ok(sha256)
}

/// Reads a page with its hash. The error says why it is not what was written.
pub(super) fn read<T: Serialize + DeserializeOwned>(path: &Path) -> Result<(T, String), String> {
    let bytes = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let unreadable = |error: serde_json::Error| format!("{}: {error}", path.display());
    let page: Sealed<T> = serde_json::from_slice(&bytes).map_err(unreadable)?;
    if hash(&serde_json::to_vec(&page.content).map_err(unreadable)?) != page.sha256 {
        return Err(format!("{} is not what was written", path.display()));
    }
    Ok((page.content, page.sha256))
}

/// SHA-256 in hexadecimal digits.
pub(super) fn hash(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_with_a_changed_byte_anywhere_is_refused_or_means_the_same() {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("page.json");
        let content = vec![("users".to_owned(), 17_u64), ("a\"b".to_owned(), u64::MAX)];
        write(&path, &content).unwrap();
        let bytes = fs::read(&path).unwrap();
        let mut refused = 0;
        for place in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1;
            fs::write(&path, &damaged).unwrap();
            match read::<Vec<(String, u64)>>(&path) {
                Err(_) => refused += 1,
                Ok((found, _)) => assert_eq!(found, content, "byte {place}"),
            }
        }
        assert!(refused > bytes.len() / 2);
        for length in 0..bytes.len() {
            fs::write(&path, &bytes[..length]).unwrap();
            assert!(read::<Vec<(String, u64)>>(&path).is_err());
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
