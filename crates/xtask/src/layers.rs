//! `cargo xtask layers`: proves the direction of dependencies, as `docs/architecture.md` tells it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use tribune_e2e::workspace;

/// What a crate is, which decides what it may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// No I/O, no clock, no threads, no tokio.
    Pure,
    /// Pure by its own code; a library of protobuf types brings tokio along.
    PureOverTonic,
    /// Owns sockets, timers and tasks.
    Edge,
    /// Tests and tools; nothing depends on it but other tests.
    Dev,
}

use Kind::{Dev, Edge, Pure, PureOverTonic};

/// Every crate and the crates it may depend on. A new arrow is a decision of its own: it is added here
/// and in `docs/architecture.md`, in a commit that says why.
const LAYERS: &[(&str, Kind, &[&str])] = &[
    ("types", Pure, &[]),
    ("hcl", Pure, &[]),
    ("delta", Pure, &[]),
    ("archive", Pure, &[]),
    ("config", Pure, &["types", "hcl"]),
    ("filter", Pure, &["types"]),
    ("acl", Pure, &["types", "hcl"]),
    ("state", Pure, &["types"]),
    ("chain", Pure, &["types", "filter"]),
    ("derived", Pure, &["types", "chain"]),
    (
        "views",
        Pure,
        &["types", "filter", "chain", "state", "derived", "acl"],
    ),
    (
        "api",
        Pure,
        &[
            "types", "filter", "acl", "chain", "state", "views", "derived",
        ],
    ),
    ("local", Pure, &["types"]),
    ("ca", Pure, &["types"]),
    ("proxycfg", Pure, &["types", "chain", "derived"]),
    (
        "xds",
        PureOverTonic,
        &["types", "chain", "derived", "proxycfg"],
    ),
    ("bootstrap", Pure, &["types"]),
    ("runtime", Edge, &[]),
    ("proto", Edge, &[]),
    (
        "rpc",
        Edge,
        &["types", "chain", "derived", "proto", "runtime"],
    ),
    ("replication", Edge, &["types", "state", "runtime"]),
    ("leaf", Edge, &["types", "ca", "runtime"]),
    ("checks", Edge, &["types", "local", "runtime"]),
    (
        "ads",
        Edge,
        &[
            "types", "derived", "delta", "proxycfg", "xds", "leaf", "acl", "runtime",
        ],
    ),
    ("http", Edge, &["types", "hcl", "acl", "runtime"]),
    ("membership", Edge, &["runtime"]),
    ("client", Edge, &["types"]),
    ("server", Edge, ALL_ABOVE),
    ("agent", Edge, ALL_ABOVE),
    (
        "cli",
        Edge,
        &[
            "types",
            "hcl",
            "client",
            "server",
            "agent",
            "config",
            "bootstrap",
            "archive",
            "ca",
            "state",
        ],
    ),
    ("benches", Dev, ALL_ABOVE),
    ("embed", Dev, ALL_ABOVE),
    ("testkit", Dev, &[]),
    ("e2e", Dev, &[]),
];

/// Stands for every crate above in the table.
const ALL_ABOVE: &[&str] = &["*"];

/// The crates that may name Envoy's protobuf types.
const ENVOY_TYPES: [&str; 2] = ["xds", "ads"];

/// What the `clippy.toml` of a pure crate bans.
const BANNED: [&str; 4] = [
    "std::time::Instant::now",
    "std::time::SystemTime::now",
    "std::env::var",
    "std::fs::File",
];

pub(crate) fn run() -> Result<()> {
    let output = workspace::cargo()
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .output()?;
    ensure!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"]
        .as_array()
        .context("cargo lists packages")?;
    let mut complaints = Vec::new();
    for package in packages {
        complaints.extend(check(package)?);
    }
    if !complaints.is_empty() {
        bail!(
            "{} things are not as they may be:\n  {}",
            complaints.len(),
            complaints.join("\n  ")
        );
    }
    println!("{} crates depend on each other as they may", packages.len());
    Ok(())
}

/// What is wrong with one package.
fn check(package: &Value) -> Result<Vec<String>> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (name, manifest) = (text(&package["name"]), text(&package["manifest_path"]));
    let mut complaints = Vec::new();
    if !inherits_lints(&fs::read_to_string(&manifest)?) {
        complaints.push(format!(
            "{name}: its Cargo.toml lacks `[lints] workspace = true`"
        ));
    }
    // The tools drive the product, the examples stand for what others build on it.
    if name == "xtask" || Path::new(&manifest).starts_with(workspace::root().join("examples")) {
        return Ok(complaints);
    }
    let short = name.strip_prefix("tribune-").unwrap_or(&name);
    let Some(&(short, kind, allowed)) = LAYERS.iter().find(|row| row.0 == short) else {
        complaints.push(format!("{name}: not in the table of layers"));
        return Ok(complaints);
    };
    let dependencies = package["dependencies"].as_array().into_iter().flatten();
    let normal: Vec<String> = dependencies
        .filter(|row| row["kind"].is_null())
        .map(|row| text(&row["name"]))
        .collect();
    complaints.extend(wrong_arrows(short, kind, allowed, &normal));
    if matches!(kind, Pure | PureOverTonic) {
        complaints.extend(unbanned(short, Path::new(&manifest)));
    }
    if kind == Pure && reaches_tokio(&name)? {
        complaints.push(format!(
            "{name}: reaches tokio; `cargo tree -p {name} -e normal -i tokio` shows how"
        ));
    }
    Ok(complaints)
}

fn wrong_arrows(name: &str, kind: Kind, allowed: &[&str], dependencies: &[String]) -> Vec<String> {
    let mut wrong = Vec::new();
    for dependency in dependencies {
        if let Some(to) = dependency.strip_prefix("tribune-")
            && !may_use(name, allowed, to)
        {
            wrong.push(format!("{name} → {to}: not in the table of layers"));
        }
        if dependency == "envoy-types" && kind != Dev && !ENVOY_TYPES.contains(&name) {
            wrong.push(format!(
                "{name}: names envoy-types, which only {} may",
                ENVOY_TYPES.join(" and ")
            ));
        }
    }
    wrong
}

fn may_use(name: &str, allowed: &[&str], to: &str) -> bool {
    let above = || {
        LAYERS
            .iter()
            .take_while(|row| row.0 != name)
            .any(|row| row.0 == to)
    };
    allowed.contains(&to) || (allowed == ALL_ABOVE && above())
}

fn unbanned(name: &str, manifest: &Path) -> Option<String> {
    let rules = fs::read_to_string(manifest.with_file_name("clippy.toml")).unwrap_or_default();
    let open: Vec<&str> = BANNED
        .into_iter()
        .filter(|path| !rules.contains(path))
        .collect();
    (!open.is_empty()).then(|| format!("{name}: its clippy.toml does not ban {}", open.join(", ")))
}

fn inherits_lints(manifest: &str) -> bool {
    let mut lines = manifest
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    lines.any(|line| line == "[lints]") && lines.next() == Some("workspace = true")
}

fn reaches_tokio(name: &str) -> Result<bool> {
    let output = workspace::cargo()
        .args([
            "tree", "-p", name, "-e", "normal", "--prefix", "none", "-f", "{p}",
        ])
        .output()?;
    ensure!(
        output.status.success(),
        "cargo tree: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout)
        .lines()
        .any(|line| line.starts_with("tokio v")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_no_cycle() {
        // A crate may use only rows above its own, so there is no way back.
        for (at, (name, _, allowed)) in LAYERS.iter().enumerate() {
            for to in allowed.iter().filter(|to| **to != "*") {
                assert!(LAYERS[..at].iter().any(|row| row.0 == *to), "{name} → {to}");
            }
        }
    }

    #[test]
    fn a_composing_crate_uses_what_is_above_it_only() {
        assert!(may_use("server", ALL_ABOVE, "http"));
        assert!(!may_use("server", ALL_ABOVE, "agent"));
        assert!(!may_use("server", ALL_ABOVE, "nonsense"));
    }

    #[test]
    fn an_arrow_upwards_is_found() {
        let wrong = wrong_arrows(
            "state",
            Pure,
            &["types"],
            &[
                "tribune-types".into(),
                "tribune-api".into(),
                "envoy-types".into(),
            ],
        );
        assert_eq!(wrong.len(), 2, "{wrong:?}");
        assert!(wrong[0].contains("state → api"), "{wrong:?}");
    }

    #[test]
    fn missing_lints_are_found() {
        assert!(inherits_lints(
            "[package]\nname = \"x\"\n\n[lints]\nworkspace = true\n"
        ));
        assert!(!inherits_lints(
            "[package]\nname = \"x\"\n[lints.rust]\nworkspace = true\n"
        ));
    }

    #[test]
    fn a_crate_that_reaches_tokio_is_found() {
        assert!(reaches_tokio("tribune-e2e").unwrap());
        assert!(!reaches_tokio("tribune-testkit").unwrap());
    }
}
