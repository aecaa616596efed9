//! The configuration that an Envoy starts with: who it is, where its control plane is, how it reports.
//!
//! Everything else reaches the proxy over ADS. [`render`] makes the JSON document that `connect envoy` prints
//! or hands to Envoy, from [`Parameters`] that the command line has resolved. The proxy's own settings
//! (`envoy_…` keys of its merged `Proxy.Config`) decide about metrics, tracing and static extras.
//!
//! Invariant: pure text in, text out: addresses are resolved, files read and the environment looked up by the
//! caller.
//! Invariant: what is rendered is JSON, whatever the proxy's settings say; a setting that can't be honoured is
//! an error that names it.

mod access_log;
mod bind;
mod error;
mod parameters;
mod render;
mod settings;
mod sinks;
mod statics;
mod tags;
mod template;

pub use bind::Bind;
pub use error::Error;
pub use parameters::{AgentAddress, Parameters, Prometheus, PrometheusTls, TrustedCa};
pub use render::{ADS_CLUSTER, render};
