//! What goes by piece by piece: the agent's log, and snapshots of everything that the servers keep.

use tribune_acl::Resource;
use tribune_types::call::{CallError, LogLevel, StreamRequest};

use crate::error::Error;
use crate::route::{Needs, Parts, StreamRoute};

pub(crate) const STREAMS: &[StreamRoute] = &[
    StreamRoute {
        method: "GET",
        pattern: "/v1/agent/monitor",
        needs: Needs::Permission(Resource::Agent),
        parse: monitor,
    },
    StreamRoute {
        method: "GET",
        pattern: "/v1/snapshot",
        needs: Needs::Permission(Resource::Snapshot),
        parse: |_| Ok(StreamRequest::SaveSnapshot),
    },
    StreamRoute {
        method: "PUT",
        pattern: "/v1/snapshot",
        needs: Needs::Permission(Resource::Snapshot),
        parse: |parts| {
            if parts.params.has("stale") {
                let text = "stale not allowed for restore: only the leader can restore".to_owned();
                return Err(CallError::Refused(text).into());
            }
            Ok(StreamRequest::RestoreSnapshot)
        },
    },
];

fn monitor(parts: &Parts<'_>) -> Result<StreamRequest, Error> {
    let level = match parts.params.text("loglevel") {
        "" => LogLevel::Info,
        text => text
            .parse()
            .map_err(|error: tribune_types::call::UnknownLogLevel| {
                Error::bad_request(error.to_string())
            })?,
    };
    // only presence counts, as in the reference
    let json = parts.params.has("logjson");
    Ok(StreamRequest::Monitor { level, json })
}
