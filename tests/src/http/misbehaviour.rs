//! What real servers and the things between do to a download.

use std::time::Duration;

/// How a file is served, if not well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misbehaviour {
    /// It is gone: 404.
    NotFound,
    /// A page for people, with 200, in place of the file: a captive portal, a proxy's error, a moved download.
    Page,
    /// The connection ends after so many bytes of each answer, although more were announced.
    Truncated {
        /// Bytes.
        after: usize,
    },
    /// All of it comes, a little at a time.
    Slow {
        /// Bytes that are sent at once.
        piece: usize,
        /// The time after each piece.
        pause: Duration,
    },
    /// Each answer has an ETag of its own, and a part is sent under it, whatever the client has asked for in `If-Range`: several
    /// servers behind one name.
    WrongEtag,
}

const PAGE: &str =
    "<!DOCTYPE html>\n<html><head><title>Sorry</title></head><body>Please sign in first.</body></html>\n";

/// The answer with the page.
pub(super) fn page(with_body: bool) -> Vec<u8> {
    let length = PAGE.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    (head + if with_body { PAGE } else { "" }).into_bytes()
}
