//! The files of `examples/`, with free ports in the place of those they show.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::{ports, workspace};

/// The ports that examples and documentation show: the agent's HTTP and gRPC, the two services and the
/// second instance, the upstream of web, the sidecars, their Envoys' administration.
const SHOWN: [u16; 12] = [
    8500, 8502, 8080, 8081, 8082, 9101, 21000, 21001, 21002, 19000, 19001, 19002,
];

/// Which free port stands for each shown one.
#[derive(Debug, Clone)]
pub struct Ports(BTreeMap<u16, u16>);

// === impl Ports ===

impl Ports {
    /// A free port for each.
    pub fn new() -> Result<Self> {
        Ok(Self(
            SHOWN
                .into_iter()
                .map(|shown| Ok((shown, ports::free()?)))
                .collect::<Result<_>>()?,
        ))
    }

    /// What stands for `shown`; a port that no example shows stands for itself.
    pub fn of(&self, shown: u16) -> u16 {
        self.0.get(&shown).copied().unwrap_or(shown)
    }

    /// `text` with every number that is a shown port replaced.
    pub fn apply(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
            let (before, number) = rest.split_at(start);
            let length = number
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(number.len());
            let (number, after) = number.split_at(length);
            out.push_str(before);
            match number.parse().ok().and_then(|shown| self.0.get(&shown)) {
                Some(port) => out.push_str(&port.to_string()),
                None => out.push_str(number),
            }
            rest = after;
        }
        out + rest
    }

    /// Copies the HCL files of `examples/` to `folder`, with these ports.
    pub fn write_examples(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        let from = workspace::root().join("examples");
        for entry in fs::read_dir(&from).with_context(|| from.display().to_string())? {
            let path = entry?.path();
            if let (Some(name), true) = (
                path.file_name(),
                path.extension().is_some_and(|ends| ends == "hcl"),
            ) {
                fs::write(folder.join(name), self.apply(&fs::read_to_string(&path)?))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_numbers_are_replaced() {
        let ports = Ports(BTreeMap::from([(8080, 8081), (8081, 30_001)]));
        assert_eq!(
            ports.apply("port = 8080, 18080 8081\nv8080"),
            "port = 8081, 18080 30001\nv8081"
        );
        assert_eq!(ports.apply("none"), "none");
        assert_eq!(ports.of(9), 9);
    }
}
