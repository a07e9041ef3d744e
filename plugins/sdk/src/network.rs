//! The network: reading only, from where the operator granted it.

use crate::bindings::liftlock::network::network as host;
pub use crate::bindings::liftlock::network::network::{Downloaded, Pin, Response};
use crate::failure::Failure;

/// GET, with at most `max_bytes` of body (up to 8 MiB).
///
/// # Errors
/// If the address is not granted, does not answer, or answers more.
pub fn get(url: &str, max_bytes: u64) -> Result<Response, Failure> {
    host::get(url, max_bytes)
}

/// HEAD.
///
/// # Errors
/// If the address is not granted or does not answer.
pub fn head(url: &str) -> Result<Response, Failure> {
    host::head(url)
}

/// Downloads the package that the bundle or the operator has pinned under this name. `expect` can only add to the pin.
///
/// # Errors
/// If it is not pinned, cannot be had, or is another one.
pub fn download(url: &str, name: &str, expect: Option<&Pin>) -> Result<Downloaded, Failure> {
    host::download(url, name, expect)
}

impl Response {
    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }
}
