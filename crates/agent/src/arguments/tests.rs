use std::fs;

use super::*;

fn parse_all(arguments: &[&str]) -> Result<Command, UsageError> {
    let arguments: Vec<String> = arguments.iter().map(|text| (*text).to_owned()).collect();
    parse(&arguments)
}

/// Names of the sources that arguments come to.
fn sources(arguments: &[&str]) -> (bool, Vec<String>) {
    match parse_all(arguments).unwrap() {
        Command::Run { dev, sources } => {
            let names = sources.iter().map(|source| source.name().to_owned());
            (dev, names.collect())
        }
        Command::Help => panic!("help"),
    }
}

#[test]
fn flags_are_read_in_every_form_that_go_takes() {
    for arguments in [
        &["-dev", "-node", "n1"][..],
        &["--dev", "--node=n1"],
        &["-dev=true", "-node=n1"],
    ] {
        let (dev, sources) = sources(arguments);
        assert!(dev, "{arguments:?}");
        assert_eq!(sources.len(), 1, "{arguments:?}");
    }
    assert!(!sources(&["-dev=false"]).0);
    assert!(matches!(parse_all(&["-help"]), Ok(Command::Help)));
}

#[test]
fn what_is_no_flag_is_refused_with_the_nearest_that_is() {
    let error = |arguments: &[&str]| parse_all(arguments).unwrap_err().to_string();
    assert_eq!(
        error(&["-http-prot=1"]),
        "flag provided but not defined: -http-prot; did you mean -http-port?"
    );
    assert_eq!(error(&["-node"]), "flag needs an argument: -node");
    assert!(error(&["stray"]).contains("unexpected argument \"stray\""));
    assert!(
        error(&["-config-file", "/no/such/file.hcl"]).contains("cannot read /no/such/file.hcl")
    );
}

#[test]
fn files_come_before_flags_and_folders_in_the_order_of_their_names() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["b.json", "a.hcl", "ignored.txt"] {
        fs::write(folder.path().join(name), "{}").unwrap();
    }
    let path = folder.path().display().to_string();
    let (_, sources) = sources(&["-node=n1", "-config-dir", &path]);
    let names: Vec<_> = sources
        .iter()
        .map(|source| source.rsplit('/').next().unwrap())
        .collect();
    assert_eq!(names[..2], ["a.hcl", "b.json"]);
    assert_eq!(names.len(), 3);
}
