//! What was registered over the API, kept on disk so that it is there again when the agent is.
//!
//! Each service, check and result of a check is a file of its own under the agent's folder. Those of
//! configuration files are not kept: they are read again, and win over what was.

mod folder;
mod record;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tribune_local::{CheckKind, Local};
use tribune_runtime::Shutdown;
use tribune_types::definition::CheckType;
use tribune_types::{Name, NodeService, Status, Token};

use crate::agent::Agent;
use folder::{Folder, Write};
use record::{CheckRecord, ResultRecord, ServiceRecord};

/// What is on disk, as far as this process put it there or found it.
#[derive(Debug)]
pub(crate) struct Saved {
    services_folder: Folder,
    checks_folder: Folder,
    results_folder: Folder,
    /// What configuration files define.
    configured: Ids,
    services: BTreeMap<Name, ServiceKey>,
    checks: BTreeMap<Name, CheckKey>,
    results: BTreeMap<Name, ResultKey>,
}

/// IDs of services and checks.
#[derive(Debug, Default)]
struct Ids {
    services: BTreeSet<Name>,
    checks: BTreeSet<Name>,
}

/// What the disk has to be told, and what it has then.
#[derive(Debug, Default)]
struct Due {
    writes: Vec<Write>,
    services: Vec<(Name, Option<ServiceKey>)>,
    checks: Vec<(Name, Option<CheckKey>)>,
    results: Vec<(Name, Option<ResultKey>)>,
}

/// By what it is told whether a service on disk is the one that is registered.
type ServiceKey = (Arc<NodeService>, Token);
/// The same of a check.
type CheckKey = (Option<Arc<CheckType>>, Token);
/// The same of what a check says.
type ResultKey = (Status, Option<Instant>);

impl Saved {
    /// Opens the folders below an agent's own, and makes them where they are missing.
    pub(crate) fn open(data_dir: &Path) -> io::Result<Self> {
        Ok(Self {
            services_folder: Folder::open(data_dir, "services")?,
            checks_folder: Folder::open(data_dir, "checks")?,
            results_folder: Folder::open(data_dir, "checks/state")?,
            configured: Ids::default(),
            services: BTreeMap::new(),
            checks: BTreeMap::new(),
            results: BTreeMap::new(),
        })
    }

    /// Takes note of everything that is registered as what configuration files define.
    pub(crate) fn configured(&mut self, local: &Local) {
        self.configured = Ids {
            services: local.services().map(|(id, _)| id.clone()).collect(),
            checks: local.checks().map(|(id, _)| id.clone()).collect(),
        };
    }

    /// Puts back what was registered before. A file that cannot be used is put aside and said so.
    pub(crate) fn restore(
        &mut self,
        local: &mut Local,
        now: Instant,
        time: SystemTime,
    ) -> io::Result<()> {
        for (file, record) in self.services_folder.read::<ServiceRecord>()? {
            let (row, token, managed) = record.into_parts();
            let id = row.id.clone();
            match local.restore_service(row, token.clone(), managed) {
                Ok(true) => self.found_service(local, &id, token),
                Ok(false) => self.services_folder.remove(&file)?,
                Err(error) => self.services_folder.put_aside(&file, &error),
            }
        }
        for (file, record) in self.checks_folder.read::<CheckRecord>()? {
            let (row, definition, token) = record.into_parts();
            let id = row.check_id.clone();
            match local.restore_check(row, definition, token, now) {
                Ok(true) => self.found_check(local, &id),
                Ok(false) | Err(tribune_local::RegisterError::NoSuchService(_)) => {
                    self.checks_folder.remove(&file)?;
                }
                Err(error) => self.checks_folder.put_aside(&file, &error),
            }
        }
        self.restore_results(local, now, time)
    }

    fn restore_results(
        &mut self,
        local: &mut Local,
        now: Instant,
        time: SystemTime,
    ) -> io::Result<()> {
        for (file, record) in self.results_folder.read::<ResultRecord>()? {
            let id = record.check_id.clone();
            let reported = match local.check(&id).map(|check| &check.kind) {
                Some(CheckKind::Ttl(_)) => true,
                Some(CheckKind::Probe(_)) => false,
                Some(CheckKind::Alias { .. } | CheckKind::Maintenance) | None => {
                    self.results_folder.remove(&file)?;
                    continue;
                }
            };
            let left = record.left(time);
            // what an application reported holds for a time; a probe is made again at once in any case
            if !reported || left > Duration::ZERO {
                let status = Status::from(record.status.as_str());
                local.restore_result(&id, status, &record.output, left, now);
            }
        }
        Ok(())
    }

    fn found_service(&mut self, local: &Local, id: &Name, token: Token) {
        if let Some(row) = local.service(id) {
            self.services.insert(id.clone(), (row.clone(), token));
        }
    }

    fn found_check(&mut self, local: &Local, id: &Name) {
        if let Some(state) = local.check(id) {
            let key = (state.definition().cloned(), state.token.clone());
            self.checks.insert(id.clone(), key);
        }
    }

    /// What the disk lacks.
    fn due(&self, local: &Local, now: Instant, time: SystemTime) -> Due {
        let mut due = Due::default();
        self.due_services(local, &mut due);
        self.due_checks(local, &mut due);
        self.due_results(local, &mut due, now, time);
        due
    }

    fn due_services(&self, local: &Local, due: &mut Due) {
        let kept = |id: &Name| !self.configured.services.contains(id);
        for (id, row) in local.services().filter(|(id, _)| kept(id)) {
            let token = local.service_token(id).cloned().unwrap_or_default();
            let same = |(saved, with): &ServiceKey| Arc::ptr_eq(saved, row) && *with == token;
            if !self.services.get(id).is_some_and(same) {
                let record = ServiceRecord::new(row, &token, local.is_managed(id));
                due.writes.push(self.services_folder.write(&record, true));
                due.services.push((id.clone(), Some((row.clone(), token))));
            }
        }
        for id in self.services.keys() {
            if local.service(id).is_none() || !kept(id) {
                due.writes.push(self.services_folder.removal(id));
                due.services.push((id.clone(), None));
            }
        }
    }

    fn due_checks(&self, local: &Local, due: &mut Due) {
        let kept = |id: &Name| !self.configured.checks.contains(id);
        for (id, state) in local.checks().filter(|(id, _)| kept(id)) {
            let same = |(definition, token): &CheckKey| {
                let same = match (definition, state.definition()) {
                    (Some(saved), Some(now)) => Arc::ptr_eq(saved, now),
                    (None, None) => true,
                    (Some(_), None) | (None, Some(_)) => false,
                };
                same && *token == state.token
            };
            if !self.checks.get(id).is_some_and(same) {
                let record = CheckRecord::new(state);
                due.writes.push(self.checks_folder.write(&record, true));
                let key = (state.definition().cloned(), state.token.clone());
                due.checks.push((id.clone(), Some(key)));
            }
        }
        for id in self.checks.keys() {
            if local.check(id).is_none() || !kept(id) {
                due.writes.push(self.checks_folder.removal(id));
                due.checks.push((id.clone(), None));
            }
        }
    }

    fn due_results(&self, local: &Local, due: &mut Due, now: Instant, time: SystemTime) {
        for (id, state) in local.checks() {
            match &state.kind {
                CheckKind::Ttl(_) | CheckKind::Probe(_) => {}
                CheckKind::Alias { .. } | CheckKind::Maintenance => continue,
            }
            let left = state.holds_for(now);
            let result = (
                state.check.status.clone(),
                left.and_then(|left| now.checked_add(left)),
            );
            if self.results.get(id) != Some(&result) {
                let record = ResultRecord::new(&state.check, left, time);
                // a result that is lost with the machine is found again
                due.writes.push(self.results_folder.write(&record, false));
                due.results.push((id.clone(), Some(result)));
            }
        }
        for id in self.results.keys().filter(|id| local.check(id).is_none()) {
            due.writes.push(self.results_folder.removal(id));
            due.results.push((id.clone(), None));
        }
    }

    /// The disk was told.
    fn settle(&mut self, due: Due) {
        settle(&mut self.services, due.services);
        settle(&mut self.checks, due.checks);
        settle(&mut self.results, due.results);
    }
}

fn settle<T>(saved: &mut BTreeMap<Name, T>, due: Vec<(Name, Option<T>)>) {
    for (id, now) in due {
        match now {
            Some(now) => saved.insert(id, now),
            None => saved.remove(&id),
        };
    }
}

/// Has the disk take what it lacks.
///
/// # Errors
/// Where it does not; it is told again with the next change.
pub(crate) async fn save(agent: &Agent) -> io::Result<()> {
    let Some(saved) = &agent.saved else {
        return Ok(());
    };
    let mut saved = saved.lock().await;
    let mut due = {
        let local = agent.local();
        saved.due(&local, Instant::now(), SystemTime::now())
    };
    let writes = std::mem::take(&mut due.writes);
    if writes.is_empty() {
        return Ok(());
    }
    let write = move || writes.iter().try_for_each(Write::carry_out);
    tokio::task::spawn_blocking(write)
        .await
        .map_err(io::Error::other)??;
    saved.settle(due);
    Ok(())
}

/// Keeps what changes by itself, until shutdown, and then once more.
pub(crate) async fn run(agent: Arc<Agent>, shutdown: Shutdown) {
    let mut changes = agent.changes();
    loop {
        if let Err(error) = save(&agent).await {
            tracing::error!(%error, "what is registered cannot be kept on disk; trying again");
        }
        tokio::select! {
            () = shutdown.begun() => break,
            changed = changes.changed() => if changed.is_err() { break },
        }
    }
    if let Err(error) = save(&agent).await {
        tracing::error!(%error, "what is registered could not be kept on disk");
    }
}

#[cfg(test)]
mod tests;
