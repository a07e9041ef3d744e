//! The parts of a packet, front to back. What is not there is an error, never a panic.

use crate::error::Malformed;

const SHORT: Malformed = Malformed("a packet ends too early");

/// What is left of a packet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parse<'a>(pub(crate) &'a [u8]);

impl<'a> Parse<'a> {
    /// So many bytes.
    #[inline(always)]
    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(SHORT)?;
        self.0 = rest;
        Ok(taken)
    }

    /// As many bytes as an integer has.
    #[inline(always)]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(SHORT)?;
        self.0 = rest;
        Ok(*taken)
    }

    #[inline(always)]
    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        self.array().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    /// An integer of 1, 3, 4 or 9 bytes ("length-encoded").
    #[inline(always)]
    pub(crate) fn integer(&mut self) -> Result<u64, Malformed> {
        match self.u8()? {
            small @ ..=0xfa => Ok(u64::from(small)),
            0xfc => self.u16().map(u64::from),
            0xfd => self.array().map(|[a, b, c]| u64::from(u32::from_le_bytes([a, b, c, 0]))),
            0xfe => self.array().map(u64::from_le_bytes),
            0xfb | 0xff => Err(Malformed("a length is none")),
        }
    }

    /// Bytes behind their length.
    #[inline(always)]
    pub(crate) fn sized(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.integer()?;
        self.bytes(usize::try_from(length).map_err(|_| SHORT)?)
    }

    /// Bytes up to a zero, or to the end.
    pub(crate) fn until_zero(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest.get(1..).unwrap_or_default();
        taken
    }
}
