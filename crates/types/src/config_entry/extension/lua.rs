//! `builtin/lua`.

use super::reader::Reader;
use super::{Direction, PROXY_TYPES};
use crate::config_entry::invalid::Reason;

/// A script that runs on every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lua {
    /// On which side.
    pub listener: Direction,
    /// The script.
    pub script: String,
}

impl Lua {
    pub(super) fn read(reader: &mut Reader<'_, '_>) -> Self {
        let proxy_type = reader.text("ProxyType");
        reader.one_of("ProxyType", &proxy_type, PROXY_TYPES);
        let script = reader.text("Script");
        reader.add_if(script.is_empty(), "Script", Reason::Required);
        Self {
            listener: Direction::read(reader, "Listener", None),
            script,
        }
    }
}
