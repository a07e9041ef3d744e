//! The random numbers of a stage: from the run's seed, so that a replayed stage gets the same.
//!
//! SHA-256 of (seed, purpose, counter): as hard to guess as the seed, which is made by the operating system and lives in the
//! run's private directory. Stages make keys from it (Mautic's migration 20181111095447 does).

use sha2::{Digest, Sha256};

/// A stream of random bytes.
#[derive(Debug, Clone)]
pub struct Random {
    base: Sha256,
    counter: u64,
    block: [u8; 32],
    left: usize,
}

impl Random {
    /// The stream for one purpose.
    #[must_use]
    pub fn new(seed: &[u8; 32], purpose: &str) -> Self {
        let mut base = Sha256::new();
        base.update(seed);
        base.update(purpose.as_bytes());
        Self { base, counter: 0, block: [0; 32], left: 0 }
    }

    /// Fills the bytes.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            if self.left == 0 {
                let mut hash = self.base.clone();
                hash.update(self.counter.to_le_bytes());
                self.block = hash.finalize().into();
                self.counter += 1;
                self.left = self.block.len();
            }
            *byte = self.block[self.block.len() - self.left];
            self.left -= 1;
        }
    }
}
