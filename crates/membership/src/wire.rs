//! Reading and writing the bytes of gossip.
//!
//! Invariant: nothing is allocated that is not there: every length is checked against the bytes that are left.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use uuid::Uuid;

/// Why bytes are no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WireError {
    /// They end too early.
    #[error("it ends too early")]
    Short,
    /// There are some left.
    #[error("{0} bytes are left over")]
    Left(usize),
    /// A text is none, or too long, or empty.
    #[error("a text in it is none")]
    Text,
    /// A number stands for nothing.
    #[error("{0} is no {1}")]
    Kind(u8, &'static str),
    /// A member claims to have started in the future, so that nobody could take its place.
    #[error("{0:?} claims to have started in the future; compare the clocks")]
    Future(String),
    /// It has been said a moment ago.
    #[error("it has been said a moment ago")]
    Repeated,
    /// There are as many members as there may be.
    #[error("there are as many members as there may be")]
    Full,
}

/// Reads from the front.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

// === impl Reader ===

impl<'a> Reader<'a> {
    pub(crate) fn bytes(&mut self, length: usize) -> Result<&'a [u8], WireError> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(WireError::Short)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (bytes, rest) = self.0.split_first_chunk::<N>().ok_or(WireError::Short)?;
        self.0 = rest;
        Ok(*bytes)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, WireError> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, WireError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, WireError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, WireError> {
        self.array().map(u64::from_be_bytes)
    }

    pub(crate) fn f64(&mut self) -> Result<f64, WireError> {
        self.array().map(f64::from_be_bytes)
    }

    pub(crate) fn bool(&mut self) -> Result<bool, WireError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(WireError::Kind(other, "yes or no")),
        }
    }

    pub(crate) fn uuid(&mut self) -> Result<Uuid, WireError> {
        self.array().map(Uuid::from_bytes)
    }

    /// A text with one byte of length.
    pub(crate) fn text(&mut self) -> Result<&'a str, WireError> {
        let length = self.u8()?;
        std::str::from_utf8(self.bytes(length.into())?).map_err(|_| WireError::Text)
    }

    /// A name: a text that is not empty.
    pub(crate) fn name(&mut self) -> Result<Arc<str>, WireError> {
        match self.text()? {
            "" => Err(WireError::Text),
            text => Ok(text.into()),
        }
    }

    /// Bytes with two bytes of length.
    pub(crate) fn blob(&mut self) -> Result<&'a [u8], WireError> {
        let length = self.u16()?;
        self.bytes(length.into())
    }

    pub(crate) fn ip(&mut self) -> Result<IpAddr, WireError> {
        let ip = Ipv6Addr::from(self.array::<16>()?);
        Ok(ip.to_canonical())
    }

    pub(crate) fn address(&mut self) -> Result<SocketAddr, WireError> {
        Ok(SocketAddr::new(self.ip()?, self.u16()?))
    }

    /// Hands over as many as a number in front says, one by one: none are collected on that number's word.
    pub(crate) fn each(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), WireError>,
    ) -> Result<(), WireError> {
        for _ in 0..self.u32()? {
            item(self)?;
        }
        Ok(())
    }

    pub(crate) const fn end(&self) -> Result<(), WireError> {
        match self.0.len() {
            0 => Ok(()),
            left => Err(WireError::Left(left)),
        }
    }
}

/// Writes at the end.
#[derive(Default)]
pub(crate) struct Writer(pub(crate) Vec<u8>);

// === impl Writer ===

impl Writer {
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(crate) fn u16(&mut self, value: u16) {
        self.bytes(&value.to_be_bytes());
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.bytes(&value.to_be_bytes());
    }

    pub(crate) fn f64(&mut self, value: f64) {
        self.bytes(&value.to_be_bytes());
    }

    pub(crate) fn uuid(&mut self, value: &Uuid) {
        self.bytes(value.as_bytes());
    }

    /// A text with one byte of length; what is longer is cut at a character.
    pub(crate) fn text(&mut self, text: &str) {
        let text = &text[..text.floor_char_boundary(u8::MAX.into())];
        self.u8(u8::try_from(text.len()).unwrap_or(u8::MAX));
        self.bytes(text.as_bytes());
    }

    /// Bytes with two bytes of length; what is longer is cut.
    pub(crate) fn blob(&mut self, bytes: &[u8]) {
        let bytes = &bytes[..bytes.len().min(u16::MAX.into())];
        self.u16(u16::try_from(bytes.len()).unwrap_or(u16::MAX));
        self.bytes(bytes);
    }

    pub(crate) fn ip(&mut self, ip: IpAddr) {
        let ip = match ip {
            IpAddr::V4(ip) => ip.to_ipv6_mapped(),
            IpAddr::V6(ip) => ip,
        };
        self.bytes(&ip.octets());
    }

    pub(crate) fn address(&mut self, address: SocketAddr) {
        self.ip(address.ip());
        self.u16(address.port());
    }

    pub(crate) fn list<T>(
        &mut self,
        items: impl ExactSizeIterator<Item = T>,
        mut item: impl FnMut(&mut Self, T),
    ) {
        self.u32(u32::try_from(items.len()).unwrap_or(u32::MAX));
        for each in items {
            item(self, each);
        }
    }
}
