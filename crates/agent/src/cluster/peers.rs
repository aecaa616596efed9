//! The members that were there, kept on disk so that an agent that starts again finds them, and a leader does not
//! take their nodes for gone.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tribune_membership::{Membership, Status};
use tribune_runtime::Shutdown;

/// How long they may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The file of their addresses.
#[derive(Clone, Debug)]
pub(crate) struct Peers(PathBuf);

impl Peers {
    /// The file below an agent's folder.
    pub(crate) fn below(data_dir: &Path) -> Self {
        Self(data_dir.join("serf").join("peers.json"))
    }

    /// Joins those who were there, as far as they answer soon.
    pub(crate) async fn rejoin(&self, membership: &Membership) {
        let known = self.read();
        if known.is_empty() {
            return;
        }
        match tokio::time::timeout(PATIENCE, membership.join(&known)).await {
            Ok(Ok(joined)) => tracing::info!(joined, "joined members of before"),
            Ok(Err(error)) => tracing::info!(%error, "no member of before answers"),
            Err(_) => tracing::info!("no member of before answers in time"),
        }
    }

    fn read(&self) -> Vec<String> {
        let text = match fs::read(&self.0) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => {
                tracing::warn!(file = %self.0.display(), %error, "the members of before cannot be read");
                return Vec::new();
            }
        };
        serde_json::from_slice(&text).unwrap_or_else(|error| {
            tracing::warn!(file = %self.0.display(), %error, "the members of before cannot be read");
            Vec::new()
        })
    }

    /// Keeps those who are there, until shutdown. Where nobody else is, those of before stay.
    pub(crate) async fn follow(&self, membership: &Membership, shutdown: &Shutdown) {
        let mut changes = membership.changes();
        let mut kept = Vec::new();
        loop {
            changes.mark_unchanged();
            let own = membership.address();
            let members = membership.members().into_iter();
            let others: Vec<String> = members
                .filter(|member| member.status == Status::Alive && member.address != own)
                .map(|member| member.address.to_string())
                .collect();
            if !others.is_empty() && others != kept {
                match self.write(&others) {
                    Ok(()) => kept = others,
                    Err(error) => {
                        tracing::warn!(file = %self.0.display(), %error, "the members cannot be kept");
                    }
                }
            }
            match shutdown.unless(changes.changed()).await {
                Some(Ok(())) => {}
                Some(Err(_)) | None => return,
            }
        }
    }

    fn write(&self, addresses: &[String]) -> io::Result<()> {
        if let Some(folder) = self.0.parent() {
            fs::create_dir_all(folder)?;
        }
        let unfinished = self.0.with_extension("tmp");
        fs::write(&unfinished, serde_json::to_vec(addresses)?)?;
        fs::rename(&unfinished, &self.0)
    }

    /// Forgets them: an agent that has left stays away.
    pub(crate) fn forget(&self) {
        match fs::remove_file(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(file = %self.0.display(), %error, "the members of before cannot be forgotten");
            }
            Ok(()) | Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_there_is_known_again_until_the_agent_leaves() {
        let folder = tempfile::tempdir().unwrap();
        let peers = Peers::below(folder.path());
        assert_eq!(peers.read(), Vec::<String>::new());
        let addresses = ["10.0.0.1:8301".to_owned(), "[::1]:8301".to_owned()];
        peers.write(&addresses).unwrap();
        assert_eq!(Peers::below(folder.path()).read(), addresses);
        peers.forget();
        peers.forget();
        assert_eq!(peers.read(), Vec::<String>::new());
        fs::write(&peers.0, "[1").unwrap();
        assert_eq!(peers.read(), Vec::<String>::new(), "a damaged file is none");
    }
}
