//! `snapshot restore`.

use std::io::sink;

use clap::ArgMatches;

use super::save::open;
use crate::Context;
use crate::failure::Failure;
use crate::flags;
use crate::tree::Leaf;

pub(super) const LEAF: Leaf = Leaf {
    name: "restore",
    about: "Puts what a file of `snapshot save` holds in the place of everything that the servers keep.",
    arguments: "FILE",
    example: "snapshot restore backup.snap",
    flags: flags::server,
    run,
};

fn run(context: &mut Context<'_>, matches: &ArgMatches) -> Result<u8, Failure> {
    let [file] = flags::exactly(matches, "a FILE argument")?;
    let session = context.session(matches)?;
    // a server would refuse a damaged one too, but only after all of it was sent
    tribune_archive::read(open(&file)?, sink())
        .map_err(|error| Failure::new(format!("Error restoring snapshot: {file}: {error}")))?;
    let archive = tokio::fs::File::from_std(open(&file)?);
    let options = flags::write_options(matches);
    session
        .wait(session.client.snapshot().restore(archive, &options))
        .map_err(|failure| failure.while_doing("Error restoring snapshot"))?;
    writeln!(context.out, "Restored snapshot")?;
    Ok(0)
}
