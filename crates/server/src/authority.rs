//! The cluster's certificate authority: set up once, then kept in the catalog.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use ring::rand::SystemRandom;
use tokio::sync::watch;
use tribune_ca::{Authority, Params, Signer, Ttls};
use tribune_replication::{Handle, ProposeError};
use tribune_state::{Command, Operation, Snapshot, WatchSet};
use tribune_types::call::{CaConfigurationBody, CallError};
use tribune_types::connect::{CaConfiguration, CaRoot};
use tribune_types::{GoDuration, Index, Opaque};

use crate::StartError;

/// Settings of the certificate authority that do not come from its stored configuration.
#[derive(Clone, Debug)]
pub struct CaSettings {
    /// UUID of the cluster, where an operator chose it; else a random one.
    pub cluster_id: Option<String>,
    /// The provider's settings for a cluster that has none yet.
    pub config: Opaque,
    /// Shortest life of a leaf that may be configured.
    pub min_leaf_ttl: Duration,
}

/// Holds the authority that signs now, for whoever issues certificates.
pub(crate) struct Ca {
    signer: watch::Sender<Option<Arc<dyn Signer>>>,
    settings: CaSettings,
    datacenter: String,
    /// Where in the log the configuration and the root are from that were taken up last.
    taken_up: Mutex<Option<(Index, Index)>>,
}

/// How long the authority is tried to be written for.
const PATIENCE: Duration = Duration::from_secs(7);

/// Keys of the settings and what they are where nothing is said, as the reference prints them.
const DEFAULTS: [(&str, &str); 3] = [
    ("LeafCertTTL", "72h"),
    ("IntermediateCertTTL", "8760h"),
    ("RootCertTTL", "87600h"),
];

impl Ca {
    pub(crate) fn new(settings: CaSettings, datacenter: &str) -> Self {
        Self {
            signer: watch::Sender::new(None),
            settings,
            datacenter: datacenter.to_owned(),
            taken_up: Mutex::default(),
        }
    }

    pub(crate) fn signer(&self) -> watch::Receiver<Option<Arc<dyn Signer>>> {
        self.signer.subscribe()
    }

    /// Sets the authority up, unless the catalog has one already, and signs with it from then on.
    pub(crate) async fn establish(
        &self,
        replication: &Handle,
        cluster_id: String,
    ) -> Result<(), StartError> {
        if self.take_up(&replication.snapshot(), &mut WatchSet::ignore())? {
            return Ok(());
        }
        let config = with_defaults(self.settings.config.clone());
        check_key(&config).map_err(StartError::Ca)?;
        let ttls = self.ttls(&config).map_err(StartError::Ca)?;
        let cluster_id = self.settings.cluster_id.clone().unwrap_or(cluster_id);
        let params = Params {
            cluster_id: cluster_id.clone(),
            datacenter: self.datacenter.clone(),
            ttls,
        };
        let now = SystemTime::now();
        let authority = Authority::generate(&params, now, &SystemRandom::new())
            .map_err(|error| StartError::Ca(error.to_string()))?;
        let configuration = CaConfiguration {
            cluster_id: cluster_id.clone(),
            provider: "consul".to_owned(),
            config,
            signing_key: authority.key().to_pem().to_string(),
            ..CaConfiguration::default()
        };
        let root = authority.root().row(&cluster_id, true);
        // where another leader was quicker, its authority is the one
        let operation = Operation::SetCaRoots {
            roots: vec![root],
            configuration: Some(Box::new(configuration)),
            cas: Some(0),
        };
        let command = Command::with_id(uuid::Uuid::new_v4().as_u128(), operation);
        replication.propose_with_retry(command, PATIENCE).await?;
        self.take_up(&replication.snapshot(), &mut WatchSet::ignore())?;
        Ok(())
    }

    /// Signs with the authority that the catalog has, if it has one that is not signed with already. Whether it has.
    pub(crate) fn take_up(
        &self,
        snapshot: &Snapshot,
        watch: &mut WatchSet,
    ) -> Result<bool, StartError> {
        let Some((configuration, root)) = watched(snapshot, watch) else {
            return Ok(false);
        };
        let from = Some((configuration.modify_index, root.modify_index));
        let mut taken_up = self.taken_up.lock().unwrap_or_else(PoisonError::into_inner);
        if *taken_up != from {
            self.load(&configuration, &root)?;
            *taken_up = from;
        }
        Ok(true)
    }

    fn load(&self, configuration: &CaConfiguration, root: &CaRoot) -> Result<(), StartError> {
        let ttls = self.ttls(&configuration.config).map_err(StartError::Ca)?;
        let params = Params {
            cluster_id: configuration.cluster_id.clone(),
            datacenter: self.datacenter.clone(),
            ttls,
        };
        let authority = Authority::from_parts(
            &params,
            &root.root_cert,
            &configuration.signing_key,
            &SystemRandom::new(),
        )
        .map_err(|error| StartError::Ca(error.to_string()))?;
        self.signer.send_replace(Some(Arc::new(authority)));
        Ok(())
    }

    /// Changes the configuration. What would need another root is refused: roots are not rotated yet.
    pub(crate) async fn configure(
        &self,
        replication: &Handle,
        body: CaConfigurationBody,
    ) -> Result<(), CallError> {
        let snapshot = replication.snapshot();
        let Some((stored, root)) = stored(&snapshot) else {
            return Err(CallError::Unavailable(
                "the certificate authority is not initialised yet".to_owned(),
            ));
        };
        if body.provider != "consul" {
            let text = format!(
                "CA provider {:?} is not supported yet; name the built-in one, \"consul\"",
                body.provider
            );
            return Err(CallError::Refused(text));
        }
        if body.state.is_some_and(|state| !state.is_empty()) {
            let text =
                "Provider State is read-only. It must be omitted or identical to the current value";
            return Err(CallError::BadRequest(text.to_owned()));
        }
        // what is left out is what it would be in a new cluster, and is not written down
        let config = body.config;
        if let Some(key) = ["PrivateKey", "RootCert"]
            .into_iter()
            .find(|key| setting(&config, key) != setting(&stored.config, key))
        {
            let text = format!("{key} cannot be changed: the root certificate is not rotated yet");
            return Err(CallError::Refused(text));
        }
        check_key(&config).map_err(CallError::Refused)?;
        self.ttls(&config).map_err(CallError::Refused)?;
        let configuration = CaConfiguration {
            config,
            force_without_cross_signing: body.force_without_cross_signing,
            ..CaConfiguration::clone(&stored)
        };
        let operation = Operation::SetCaConfiguration {
            configuration: Box::new(configuration.clone()),
            cas: None,
        };
        replication
            .propose(operation.into())
            .await
            .map_err(crate::server::call_error)?;
        self.load(&configuration, &root)
            .map_err(|error| CallError::Refused(error.to_string()))
    }

    fn ttls(&self, config: &Opaque) -> Result<Ttls, String> {
        let mut ttls = Ttls::default();
        for (key, ttl) in [
            ("LeafCertTTL", &mut ttls.leaf),
            ("IntermediateCertTTL", &mut ttls.intermediate),
            ("RootCertTTL", &mut ttls.root),
        ] {
            let Some(value) = setting(config, key) else {
                continue;
            };
            let parsed = serde_json::from_value::<GoDuration>(value.clone());
            *ttl = parsed.map_err(|error| format!("{key}: {error}"))?.to_std();
        }
        ttls.check(self.settings.min_leaf_ttl)
            .map_err(|error| error.to_string())?;
        Ok(ttls)
    }
}

/// A setting by its name, however it is spelled: `LeafCertTTL` is `leaf_cert_ttl` too.
fn setting<'a>(config: &'a Opaque, name: &str) -> Option<&'a serde_json::Value> {
    let spelled = |key: &str| key.replace('_', "").eq_ignore_ascii_case(name);
    config
        .iter()
        .find_map(|(key, value)| spelled(key).then_some(value))
}

/// Roots have keys of one kind, until they can be rotated to another.
fn check_key(config: &Opaque) -> Result<(), String> {
    let kind = setting(config, "PrivateKeyType").map_or("ec", |kind| kind.as_str().unwrap_or(""));
    let bits = setting(config, "PrivateKeyBits").map_or(Some(256), serde_json::Value::as_u64);
    if kind == "ec" && bits == Some(256) {
        return Ok(());
    }
    Err(
        "PrivateKeyType and PrivateKeyBits other than \"ec\" and 256 are not supported yet"
            .to_owned(),
    )
}

fn with_defaults(mut config: Opaque) -> Opaque {
    for (key, value) in DEFAULTS {
        config.entry(key).or_insert_with(|| value.into());
    }
    config
}

/// The configuration and the active root that the catalog holds.
fn stored(snapshot: &Snapshot) -> Option<(Arc<CaConfiguration>, Arc<CaRoot>)> {
    watched(snapshot, &mut WatchSet::ignore())
}

fn watched(
    snapshot: &Snapshot,
    watch: &mut WatchSet,
) -> Option<(Arc<CaConfiguration>, Arc<CaRoot>)> {
    let configuration = snapshot.ca_configuration(watch).value;
    let roots = snapshot.ca_roots(watch).value;
    let configuration = configuration?;
    let active = roots.iter().find(|root| root.active)?.clone();
    Some((configuration, active))
}

impl From<ProposeError> for StartError {
    fn from(error: ProposeError) -> Self {
        Self::Propose(error)
    }
}
