use super::*;

fn archive() -> Vec<u8> {
    let state = b"not tables".as_slice();
    let meta = tribune_archive::Meta::new("1-7-x".to_owned(), 7, 1, state.len() as u64);
    let mut archive = Vec::new();
    tribune_archive::write(&mut archive, &meta, state).unwrap();
    archive
}

#[test]
fn a_snapshot_is_saved_only_where_it_is_whole() {
    use std::os::unix::fs::PermissionsExt;

    let whole = archive();
    let cut = &whole[..whole.len() - 9];
    let agent = Agent::with_bytes(&[
        ("GET /v1/snapshot", 200, &whole),
        ("GET /v1/snapshot?stale", 200, cut),
        ("GET /v1/snapshot?dc=dc2", 403, b"Permission denied"),
        (
            "GET /v1/agent/self",
            200,
            br#"{"Config":{"Datacenter":"dc1","Version":"1.21.0"},"Stats":{"consul":{"leader":"true"}}}"#,
        ),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup.snap").display().to_string();
    let run = agent.run(&format!("snapshot save {file}"));
    assert_eq!(
        (run.code, run.out.as_str()),
        (0, "Saved and verified snapshot to index 7\n"),
        "{}",
        run.err
    );
    assert_eq!(std::fs::read(&file).unwrap(), whole);
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it holds keys");
    let named = format!("snapshot save -append-filename version,dc,status {file}");
    assert_eq!(agent.run(&named).code, 0);
    assert!(folder.path().join("backup-1.21.0-dc1-leader.snap").exists());
    let count = || std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(count(), 2);
    for arguments in [
        format!("-stale {file}x"),
        format!("-datacenter dc2 {file}x"),
        format!("-append-filename colour {file}"),
        "/no/such/folder/x".to_owned(),
        String::new(),
        format!("{file} {file}"),
    ] {
        let run = agent.run(&format!("snapshot save {arguments}"));
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{arguments}");
    }
    assert_eq!(count(), 2, "nothing is left of what failed");
}

#[test]
fn a_snapshot_is_restored_only_where_it_is_whole() {
    let agent = Agent::new(&[("PUT /v1/snapshot", 200, "")]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup.snap").display().to_string();
    std::fs::write(&file, archive()).unwrap();
    let run = agent.run(&format!("snapshot restore {file}"));
    assert_eq!(
        (run.code, run.out.as_str()),
        (0, "Restored snapshot\n"),
        "{}",
        run.err
    );
    assert_eq!(agent.asked(), ["PUT /v1/snapshot in chunks"]);
    let bad = folder.path().join("bad").display().to_string();
    std::fs::write(&bad, "x").unwrap();
    for arguments in [
        bad.as_str(),
        "/no/such",
        folder.path().to_str().unwrap(),
        "",
    ] {
        let run = agent.run(&format!("snapshot restore {arguments}"));
        assert_eq!(run.code, 1, "{arguments}");
    }
    assert_eq!(agent.asked().len(), 1);
}

#[test]
fn what_is_no_snapshot_is_not_inspected() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup.snap").display().to_string();
    std::fs::write(&file, archive()).unwrap();
    let bad = folder.path().join("bad").display().to_string();
    std::fs::write(&bad, "x").unwrap();
    for arguments in [
        file.clone(),
        bad,
        "/no/such".to_owned(),
        format!("-format xml {file}"),
    ] {
        let run = alone(&format!("snapshot inspect {arguments}"));
        assert_eq!((run.code, run.out.as_str()), (1, ""), "{arguments}");
    }
}
