//! Proves that `src/json/envoy.bin` is what the `.proto` files of `envoy-types` say, or rewrites it with
//! `UPDATE_GOLDEN=1`.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use prost_reflect::prost::Message;
use prost_reflect::prost_types::FileDescriptorSet;

const DESCRIPTORS: &str = "src/json/envoy.bin";
/// What configuration is made of; the rest are services and what they exchange.
const FOLDERS: [&str; 3] = ["envoy/config", "envoy/extensions", "envoy/type"];
/// Its relative names mean something else to `protox` than to `protoc`, which wrote the bindings.
const UNREADABLE: &str = "envoy/extensions/clusters/dynamic_forward_proxy/v3/cluster.proto";

#[test]
fn descriptors_are_those_of_the_bindings() {
    let compiled = compile(&protos()).encode_to_vec();
    if std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1") {
        std::fs::write(DESCRIPTORS, &compiled).unwrap();
    }
    let kept = std::fs::read(DESCRIPTORS).unwrap();
    assert!(
        kept == compiled,
        "{DESCRIPTORS} is of another version of envoy-types: UPDATE_GOLDEN=1 rewrites it"
    );
}

/// The folder with the `.proto` files that the bindings were made of.
fn protos() -> PathBuf {
    let rustc = Command::new("rustc").arg("-vV").output().unwrap();
    let rustc = String::from_utf8(rustc.stdout).unwrap();
    let host = rustc
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap();
    // Of other platforms not everything is at hand.
    let arguments = [
        "metadata",
        "--format-version",
        "1",
        "--offline",
        "--filter-platform",
        host,
    ];
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages
        .iter()
        .find(|package| package["name"] == "envoy-types")
        .unwrap();
    Path::new(package["manifest_path"].as_str().unwrap()).with_file_name("proto")
}

/// `protox` mixes the names of all files that it has read into the search for a relative one: what cannot be
/// read beside the others is tried again alone.
fn compile(protos: &Path) -> FileDescriptorSet {
    let mut includes: Vec<_> = std::fs::read_dir(protos)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    includes.push(protos.join("cel-spec/proto"));
    includes.sort();
    let api = protos.join("data-plane-api");
    let mut left = Vec::new();
    FOLDERS
        .iter()
        .for_each(|folder| find(&api.join(folder), &mut left));
    left.sort();
    left.retain(|file| !file.ends_with(UNREADABLE));
    let (mut set, mut seen) = (FileDescriptorSet::default(), BTreeSet::new());
    while !left.is_empty() {
        let before = left.len();
        let mut compiler = protox::Compiler::new(&includes).unwrap();
        compiler.include_imports(true).include_source_info(false);
        left.retain(|file| compiler.open_file(file).is_err());
        assert!(left.len() < before, "cannot be read: {left:?}");
        let files = compiler.file_descriptor_set().file.into_iter();
        set.file
            .extend(files.filter(|file| seen.insert(file.name.clone())));
    }
    set
}

fn find(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, found);
        } else if path.extension().is_some_and(|ends| ends == "proto") {
            found.push(path);
        }
    }
}
