//! What is in a file, as it is and as it would be after a power cut.

use std::collections::BTreeMap;

/// What is written at once: all of it, or nothing.
const SECTOR: usize = 512;

#[derive(Clone, Debug, Default)]
pub(super) struct Data {
    /// What a read sees.
    pub(super) current: Vec<u8>,
    durable: Vec<u8>,
    /// What sectors said after each write since they were durable.
    pending: BTreeMap<usize, Vec<[u8; SECTOR]>>,
    /// How long the file was after each change of that since it was durable.
    lens: Vec<usize>,
}

impl Data {
    pub(super) fn read(&self, buffer: &mut [u8], offset: u64) -> usize {
        let begin = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = self.current.get(begin..).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        len
    }

    pub(super) fn write(&mut self, bytes: &[u8], offset: u64) {
        if bytes.is_empty() {
            return;
        }
        let begin = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = begin + bytes.len();
        if end > self.current.len() {
            self.resize(end);
        }
        self.current[begin..end].copy_from_slice(bytes);
        for sector in begin / SECTOR..end.div_ceil(SECTOR) {
            let content = sector_of(&self.current, sector);
            self.pending.entry(sector).or_default().push(content);
        }
    }

    pub(super) fn allocate(&mut self, len: u64) {
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        if len != self.current.len() {
            self.resize(len);
        }
    }

    fn resize(&mut self, len: usize) {
        self.current.resize(len, 0);
        self.lens.push(len);
    }

    /// Makes everything durable.
    pub(super) fn sync(&mut self) {
        if let Some(len) = self.lens.last() {
            self.durable.resize(*len, 0);
        }
        for (sector, versions) in std::mem::take(&mut self.pending) {
            if let Some(last) = versions.last() {
                put(&mut self.durable, sector, last);
            }
        }
        self.lens.clear();
    }

    /// Counts everything as written that is not durable: no later sync makes it so.
    pub(super) fn forget(&mut self) {
        self.pending.clear();
        self.lens.clear();
    }

    pub(super) fn flip(&mut self, bit: u64) -> bool {
        let (at, bit) = (usize::try_from(bit / 8).unwrap_or(usize::MAX), bit % 8);
        let mut flipped = false;
        for content in [&mut self.current, &mut self.durable] {
            if let Some(byte) = content.get_mut(at) {
                *byte ^= 1 << bit;
                flipped = true;
            }
        }
        flipped
    }

    /// The file as a power cut might leave it.
    pub(super) fn crash(&self, choose: &mut impl FnMut(usize) -> usize) -> Self {
        let mut after = self.durable.clone();
        if let Some(at) = choose(self.lens.len() + 1).checked_sub(1)
            && let Some(len) = self.lens.get(at)
        {
            after.resize(*len, 0);
        }
        for (sector, versions) in &self.pending {
            if let Some(at) = choose(versions.len() + 1).checked_sub(1)
                && let Some(version) = versions.get(at)
            {
                put(&mut after, *sector, version);
            }
        }
        Self {
            current: after.clone(),
            durable: after,
            ..Self::default()
        }
    }
}

/// What a sector says, with zeros behind the end of the file.
fn sector_of(content: &[u8], sector: usize) -> [u8; SECTOR] {
    let mut bytes = [0; SECTOR];
    let rest = content.get(sector * SECTOR..).unwrap_or_default();
    let len = rest.len().min(SECTOR);
    bytes[..len].copy_from_slice(&rest[..len]);
    bytes
}

/// Has a sector say something, as far as the file reaches.
fn put(content: &mut [u8], sector: usize, bytes: &[u8; SECTOR]) {
    let rest = content.get_mut(sector * SECTOR..).unwrap_or_default();
    let len = rest.len().min(SECTOR);
    rest[..len].copy_from_slice(&bytes[..len]);
}
