//! What the documentation shows is what happens.

use std::fs;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use tribune_e2e::{console, workspace};

#[test]
fn every_command_that_the_documentation_shows_does_what_it_shows() -> Result<()> {
    let mut documents = vec![workspace::root().join("README.md")];
    for entry in fs::read_dir(workspace::root().join("docs"))? {
        documents.push(entry?.path());
    }
    documents.retain(|path| path.extension().is_some_and(|ends| ends == "md"));
    documents.sort();
    let mut commands = 0;
    for document in &documents {
        let folder: PathBuf = workspace::target()
            .join("e2e/docs")
            .join(document.file_stem().unwrap_or_default());
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        commands += console::run(document, workspace::tribune()?, &folder)?;
    }
    ensure!(commands > 0, "no document shows a command");
    Ok(())
}
