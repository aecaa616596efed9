//! The checked-in bindings are what the protobuf files make.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const FILES: [&str; 2] = [
    "tribune/rpc/v1/servers.proto",
    "tribune/rpc/v1/values.proto",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn contents(folder: &Path) -> BTreeMap<String, String> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect()
}

fn generate(into: &Path) {
    let includes = [root().join("proto")];
    let files = protox::compile(FILES, includes).unwrap();
    let mut config = tonic_prost_build::Config::new();
    // maps in the order of their keys, so that equal values are equal bytes
    config.btree_map(["."]).bytes(["."]);
    tonic_prost_build::configure()
        .out_dir(into)
        .emit_rerun_if_changed(false)
        .compile_fds_with_config(files, config)
        .unwrap();
}

#[test]
fn every_file_is_compiled() {
    let folder = root().join("proto/tribune/rpc/v1");
    assert_eq!(fs::read_dir(folder).unwrap().count(), FILES.len());
}

#[test]
fn the_bindings_are_fresh() {
    let made = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("bindings");
    fs::remove_dir_all(&made).ok();
    fs::create_dir_all(&made).unwrap();
    generate(&made);
    let (made, kept) = (contents(&made), root().join("src/gen"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        for (name, text) in &made {
            fs::write(kept.join(name), text).unwrap();
        }
    }
    let kept = contents(&kept);
    assert_eq!(
        made.keys().collect::<Vec<_>>(),
        kept.keys().collect::<Vec<_>>()
    );
    for (name, text) in made {
        assert!(
            kept[&name] == text,
            "src/gen/{name} is not what the protobuf files make; `UPDATE_GOLDEN=1 cargo test -p tribune-proto` rewrites it"
        );
    }
}
