//! Whether anybody wrote, across processes and restarts.
//!
//! With a rollback journal every writing transaction raises the change counter in the file's header: header and size are
//! the stamp. With a write-ahead log there is no such counter, and checkpoints move pages from the log into the file, and
//! remove the log when the last program closes the database, without anybody having written: there the stamp is a digest of
//! the pages as a reader sees them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::session::{Session, beside};
use super::wal::{self, Wal};
use crate::effect::Fault;

impl Session {
    /// As `Store::stamp`. Behind the write lock: nobody is in the middle of a commit.
    pub(super) fn stamp(&self) -> Result<String, Fault> {
        if self.in_batch() {
            return Err(Fault::new("internal", format!("database {}: a stamp in an open batch", self.name())));
        }
        self.locked(|| self.stamp_behind_lock())
    }

    /// The same where nobody else can write already.
    pub(super) fn stamp_behind_lock(&self) -> Result<String, Fault> {
        self.read_stamp().map_err(|error| Fault::io(self.path.display(), &error))
    }

    fn read_stamp(&self) -> io::Result<String> {
        let mut header = [0; 100];
        let size = self.file.metadata()?.len();
        if size == 0 {
            return Ok("empty".to_owned());
        }
        self.file.read_exact_at(&mut header, 0)?;
        // A database in WAL mode before its first checkpoint can have its whole content in the log, but never its header.
        let writes_log = header[18] == 2;
        if !writes_log {
            return Ok(format!("journal:{size}:{}", HEXLOWER.encode(&Sha256::digest(header))));
        }
        let page_size = page_size(&header);
        let (log, held) = match File::open(beside(&self.path, "-wal")) {
            Ok(log) => (wal::read(&log, page_size)?, Some(log)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => (Wal::default(), None),
            Err(error) => return Err(error),
        };
        let pages = if log.database_pages > 0 { u64::from(log.database_pages) } else { size / page_size as u64 };
        self.digest_pages(pages, page_size, &log.pages, held.as_ref())
    }

    fn digest_pages(
        &self,
        pages: u64,
        page_size: usize,
        in_log: &BTreeMap<u32, u64>,
        log: Option<&File>,
    ) -> io::Result<String> {
        let mut digest = Sha256::new();
        let mut page = vec![0; page_size];
        for number in 1..=pages {
            let logged = u32::try_from(number).ok().and_then(|number| in_log.get(&number));
            match (logged, log) {
                (Some(at), Some(log)) => log.read_exact_at(&mut page, *at)?,
                _ => self.file.read_exact_at(&mut page, (number - 1) * page_size as u64)?,
            }
            digest.update(&page);
        }
        Ok(format!("log:{pages}:{}", HEXLOWER.encode(&digest.finalize())))
    }
}

/// Bytes of a page, from the header: 1 means 65,536.
fn page_size(header: &[u8; 100]) -> usize {
    match u16::from_be_bytes([header[16], header[17]]) {
        1 => 65_536,
        size => usize::from(size).max(512),
    }
}
