//! Every configuration that a golden of the resources shows is one that real Envoys take.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tribune_e2e::examples::Ports;
use tribune_e2e::{Mesh, Secrets, envoy, statics, workspace};

/// Writes the bootstrap made of each golden, and gives their names and files.
fn bootstraps(folder: &Path, secrets: &Secrets) -> Result<Vec<(String, PathBuf)>> {
    let goldens = workspace::root().join("crates/xds/tests/golden");
    let mut written = Vec::new();
    for entry in fs::read_dir(&goldens)? {
        let path = entry?.path();
        if path
            .extension()
            .is_none_or(|extension| extension != "golden")
        {
            continue;
        }
        let name = path.file_stem().context("a golden has a name")?;
        let name = name.to_string_lossy().into_owned();
        let read = |extension| -> Result<Value> {
            let text = fs::read(path.with_extension(extension))?;
            serde_json::from_slice(&text).with_context(|| format!("{name}.{extension}"))
        };
        let elsewhere = read("json")?["elsewhere"].take();
        let elsewhere: Vec<String> = serde_json::from_value(elsewhere).unwrap_or_default();
        let bootstrap = statics::bootstrap(&read("golden")?, &elsewhere, secrets)
            .with_context(|| name.clone())?;
        let file = folder.join(format!("{name}.json"));
        fs::write(&file, serde_json::to_vec_pretty(&bootstrap)?)?;
        written.push((name, file));
    }
    ensure!(!written.is_empty(), "no goldens in {}", goldens.display());
    written.sort();
    Ok(written)
}

#[test]
fn the_oldest_and_the_newest_envoy_take_every_golden() -> Result<()> {
    let folder = workspace::target().join("e2e").join("validate");
    let agent = Mesh::agent(workspace::tribune()?, &folder, &Ports::new()?, "72h")?;
    let bootstraps = bootstraps(agent.folder(), &agent.secrets("web")?)?;
    let mut refused = Vec::new();
    for version in envoy::TESTED {
        let envoy = envoy::of_version(version)?;
        for (name, file) in &bootstraps {
            let output = Command::new(&envoy)
                .args([
                    "--mode",
                    "validate",
                    "--log-level",
                    "error",
                    "--config-path",
                ])
                .arg(file)
                .output()?;
            if !output.status.success() {
                let said = String::from_utf8_lossy(&output.stderr);
                refused.push(format!("{name}, Envoy {version}: {}", said.trim()));
            }
        }
    }
    ensure!(refused.is_empty(), "refused:\n{}", refused.join("\n"));
    Ok(())
}
